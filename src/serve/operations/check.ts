import pc from 'picocolors'
import { z } from 'zod'
import { checks } from '../../judge/posture/all.ts'
import { chooseFramework, controlsOf, loadFrameworks } from '../../judge/posture/frameworks.ts'
import { runChecks } from '../../judge/posture/run-checks.ts'
import { coverageOf } from '../../know/inventory/queries.ts'
import { type Coverage, coverageText } from './coverage.ts'
import { type ListedFinding, listFindings, rankOf, SEVERITIES } from './findings.ts'
import { defineOperation, type World } from './operation.ts'
import { table } from './table.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  'fail-on': z
    .enum(SEVERITIES)
    .optional()
    .describe('exit code 1 where a finding is as grave as this, or graver'),
  framework: z
    .string()
    .min(1)
    .optional()
    .describe(
      'only what is evidence for this framework, or one control of it: nist-csf-2.0, PR.AA-05, NHI7:2025',
    ),
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
  /** What the findings are evidence for, where one was asked for. */
  readonly framework: {
    readonly name: string
    readonly translated: string | null
    readonly controls: readonly ControlCounts[]
  } | null
}

/** One control with how many of what was looked at speak for it, against it, and how many nobody can tell of. */
interface ControlCounts {
  readonly control: string
  readonly checks: number
  readonly fails: number
  readonly unknown: number
  readonly passes: number
}

export const check = defineOperation<Input, Checked>({
  name: 'check',
  summary: 'Check what is known: what is wrong, why it matters, and how it is mended',
  permission: 'observe',
  input: input as z.ZodType<Input>,
  positional: [],
  examples: [
    { command: 'firebreak check', shows: 'every finding that stands, the gravest first' },
    {
      command: 'firebreak check --framework nist-csf-2.0',
      shows: 'the same by the controls of a framework, with how many pass',
    },
    { command: 'firebreak check --fail-on high', shows: 'for CI: exit code 1 where one is high or critical' },
  ],
  run,
  text,
  json: ({ failOn: _, ...checked }) => checked,
  exitCode: ({ findings, failOn }) =>
    failOn !== undefined && findings.some(finding => rankOf(finding) >= SEVERITIES.indexOf(failOn)) ? 1 : 0,
})

async function run(world: World, given: Input): Promise<Checked> {
  // What is none is told before anything is asked.
  const frameworks = given.framework === undefined ? undefined : await loadFrameworks(world.rulesDirectory)
  const chosen = frameworks && chooseFramework(frameworks, given.framework!)
  const { counts } = await runChecks(world.db, world, checks)
  const findings = await listFindings(world)
  const coverage = await coverageOf(world.db)
  const failOn = given['fail-on']
  if (!frameworks || !chosen) return { findings, checks: counts, coverage, failOn, framework: null }
  const controls = new Map<string, string[]>()
  for (const one of checks)
    for (const control of controlsOf(frameworks, one, chosen.framework))
      if (chosen.control === undefined || control === chosen.control)
        controls.set(control, [...(controls.get(control) ?? []), one.id])
  const meant = new Set([...controls.values()].flat())
  const own = counts.filter(({ check }) => meant.has(check))
  return {
    findings: findings.filter(({ check }) => meant.has(check)),
    checks: own,
    coverage,
    failOn,
    framework: {
      name: frameworks.frameworks[chosen.framework] ?? 'OWASP Non-Human Identities Top 10:2025',
      translated:
        chosen.said === undefined ? null : `${chosen.said} is ${chosen.control ?? chosen.framework}`,
      controls: [...controls]
        .map(([control, ids]) => ({ control, ...sumOf(own.filter(({ check }) => ids.includes(check))) }))
        .sort((a, b) => a.control.localeCompare(b.control, 'en', { numeric: true })),
    },
  }
}

function sumOf(counts: Checked['checks']): Omit<ControlCounts, 'control'> {
  const sum = (key: 'fails' | 'unknown' | 'passes') => counts.reduce((all, one) => all + one[key], 0)
  return { checks: counts.length, fails: sum('fails'), unknown: sum('unknown'), passes: sum('passes') }
}

function frameworkText(framework: NonNullable<Checked['framework']>, width: number): string[] {
  const rows = framework.controls.map(({ control, checks, fails, unknown, passes }) => [
    control,
    ...[checks, fails, unknown, passes].map(String),
  ])
  const right = { align: 'right' as const }
  return [
    pc.bold(framework.name),
    ...(framework.translated === null ? [] : [wrap(framework.translated, width, '', '')]),
    table(
      [
        { title: 'CONTROL', flexible: true },
        { title: 'CHECKS', ...right },
        { title: 'FAIL', ...right },
        { title: 'UNKNOWN', ...right },
        { title: 'PASS', ...right },
      ],
      rows,
      width,
    ),
    '',
  ]
}

function text({ findings, checks: counts, coverage, framework }: Checked, width: number): string {
  const byCheck = Map.groupBy(findings, finding => finding.check)
  const unknown = counts.reduce((sum, count) => sum + count.unknown, 0)
  const looked = counts.filter(({ fails, unknown, passes }) => fails + unknown + passes > 0).length
  const headline =
    findings.length === 0
      ? 'Nothing is known to be wrong.'
      : `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}.`
  return [
    ...(framework ? frameworkText(framework, width) : []),
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
