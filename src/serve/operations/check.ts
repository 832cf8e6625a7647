import pc from 'picocolors'
import { z } from 'zod'
import { checks } from '../../judge/posture/all.ts'
import { runChecks } from '../../judge/posture/run-checks.ts'
import { coverageOf } from '../../know/inventory/queries.ts'
import { type Coverage, coverageText } from './coverage.ts'
import { type ListedFinding, listFindings, rankOf, SEVERITIES } from './findings.ts'
import { defineOperation, type World } from './operation.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  'fail-on': z
    .enum(SEVERITIES)
    .optional()
    .describe('exit code 1 where a finding is as grave as this, or graver'),
})
type Input = z.infer<typeof input>

interface Checked {
  readonly findings: readonly ListedFinding[]
  /** Of each check how many of its population fail, pass, and how many nobody can tell of. */
  readonly checks: readonly {
    readonly check: string
    readonly fails: number
    readonly unknown: number
    readonly passes: number
  }[]
  readonly coverage: Coverage
  readonly failOn: Input['fail-on']
}

export const check = defineOperation<Input, Checked>({
  name: 'check',
  summary: 'Check what is known: what is wrong, why it matters, and how it is mended',
  permission: 'observe',
  input: input as z.ZodType<Input>,
  positional: [],
  examples: [
    { command: 'firebreak check', shows: 'every finding that stands, the gravest first' },
    { command: 'firebreak check --fail-on high', shows: 'for CI: exit code 1 where one is high or critical' },
  ],
  run,
  text,
  json: ({ failOn: _, ...checked }) => checked,
  exitCode: ({ findings, failOn }) =>
    failOn !== undefined && findings.some(finding => rankOf(finding) >= SEVERITIES.indexOf(failOn)) ? 1 : 0,
})

async function run(world: World, given: Input): Promise<Checked> {
  const { counts } = await runChecks(world.db, world, checks)
  return {
    findings: await listFindings(world),
    checks: counts,
    coverage: await coverageOf(world.db),
    failOn: given['fail-on'],
  }
}

function text({ findings, checks: counts, coverage }: Checked, width: number): string {
  const byCheck = Map.groupBy(findings, finding => finding.check)
  const unknown = counts.reduce((sum, count) => sum + count.unknown, 0)
  const looked = counts.filter(({ fails, unknown, passes }) => fails + unknown + passes > 0).length
  const headline =
    findings.length === 0
      ? 'Nothing is known to be wrong.'
      : `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}.`
  return [
    ...[...byCheck].flatMap(([id, own]) => [...groupText(id, own, width), '']),
    pc.bold(headline),
    wrap(
      `${looked} of ${counts.length} checks had something to look at${unknown === 0 ? '' : `; of ${unknown} things nobody can tell`}.`,
      width,
      '',
      '',
    ),
    '',
    coverageText(coverage, width),
  ].join('\n')
}

function groupText(id: string, findings: readonly ListedFinding[], width: number): string[] {
  const check = checks.find(one => one.id === id)
  const severity = (check?.severity ?? 'medium').toUpperCase()
  const title = check === undefined ? '' : ` ${check.title}`
  return [
    wrap(`${pc.bold(severity)}  ${id}:${title}`, width, '', '  '),
    ...(check ? [wrap(check.why, width, '  ', '  ')] : []),
    ...findings.map(({ name, why }) => wrap(`- ${name}: ${why}`, width, '  ', '    ')),
    ...(check ? [wrap(`Mend it: ${check.fix}`, width, '  ', '  ')] : []),
  ]
}
