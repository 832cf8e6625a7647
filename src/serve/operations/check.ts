import { z } from 'zod'
import { checks } from '../../judge/posture/all.ts'
import { figuresOf } from '../../judge/posture/figures.ts'
import { fixFirst } from '../../judge/posture/fix-first.ts'
import {
  type Chosen,
  chooseFramework,
  controlsOf,
  type Frameworks,
  loadFrameworks,
  OWASP,
} from '../../judge/posture/frameworks.ts'
import { type CheckCounts, runChecksAnd } from '../../judge/posture/run-checks.ts'
import { earlierPoints, keepPoint } from '../../judge/posture/trend.ts'
import { coverageOf } from '../../know/inventory/queries.ts'
import { applyExceptions, readExceptions } from './check/exceptions.ts'
import { findingsHtml } from './check/html.ts'
import { findingsMarkdown } from './check/markdown.ts'
import { heldAgainst, writeRatchet } from './check/ratchet.ts'
import { type Checked, type ControlCounts, counting, type First } from './check/report.ts'
import { findingsSarif } from './check/sarif.ts'
import { filesOf, seenIn } from './check/seen-in.ts'
import { checkedText } from './check/text.ts'
import { type ListedFinding, listFindings, rankOf, SEVERITIES } from './findings.ts'
import { graphOf } from './graph-view.ts'
import { defineOperation, type World } from './operation.ts'
import { replaceFile } from './replace-file.ts'

const file = z.string().min(1).optional()
const input = z.object({
  failOn: z
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
  exceptions: file.describe('a YAML file of findings that somebody answers for until a day'),
  ratchet: file.describe('exit code 1 where there are more standing credentials than this file keeps'),
  writeRatchet: file.describe('keep how many standing credentials there are in such a file'),
  first: z
    .boolean()
    .default(false)
    .describe('also say which ten to fix first, by what each takes from what can be reached'),
  sarif: file.describe('also write a SARIF 2.1.0 report into this file'),
  markdown: file.describe('also write a report for a pull request into this file'),
  html: file.describe('also write a report for an auditor into this file, with evidence for each control'),
})
type Input = z.infer<typeof input>

interface Output extends Checked {
  readonly failOn: Input['failOn']
}

export const check = defineOperation<Input, Output>({
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
    { command: 'firebreak check --first', shows: 'and which ten to fix first' },
    { command: 'firebreak check --fail-on high', shows: 'for CI: exit code 1 where one is high or critical' },
    {
      command: 'firebreak check --write-ratchet standing.json --markdown check.md',
      shows:
        'for CI: how many standing credentials there may be from now on, and a report for a pull request',
    },
    {
      command: 'firebreak check --framework soc-2 --html report.html',
      shows: 'for an auditor: each control with its evidence, in one file',
    },
  ],
  run,
  text: checkedText,
  json: ({ failOn: _, ...checked }) => checked,
  exitCode: ({ findings, failOn, ratchet }) => {
    const isGrave = (finding: ListedFinding) =>
      failOn !== undefined && rankOf(finding) >= SEVERITIES.indexOf(failOn)
    return counting(findings).some(isGrave) || ratchet?.holds === false ? 1 : 0
  },
})

async function run(world: World, given: Input): Promise<Output> {
  // What is none is told before anything is asked.
  const frameworks = given.framework === undefined ? undefined : await loadFrameworks(world.rulesDirectory)
  const chosen = frameworks && chooseFramework(frameworks, given.framework!)
  const exceptions = given.exceptions === undefined ? [] : await readExceptions(given.exceptions)
  const { counts, answer: figures } = await runChecksAnd(world.db, world, checks, figuresOf)
  const earlier = await earlierPoints(world.db)
  const point = await keepPoint(world.db, world.io, counts, figures.standing.total)
  const all = await listFindings(world)
  const { findings: withExceptions, ...told } = await applyExceptions(
    world,
    given.exceptions ?? '',
    exceptions,
    all,
  )
  const framework = frameworks && chosen ? controlsIn(frameworks, chosen, counts) : null
  const meant = framework && new Set(framework.controls.flatMap(control => control.checks))
  const findings = withExceptions.filter(({ check }) => meant?.has(check) ?? true)
  const checked: Checked = {
    at: world.io.now().toISOString(),
    findings,
    checks: counts.filter(({ check }) => meant?.has(check) ?? true),
    coverage: await coverageOf(world.db),
    framework,
    figures,
    trend: [...earlier, point],
    exceptions: given.exceptions === undefined ? null : { file: given.exceptions, ...told },
    ratchet: given.ratchet === undefined ? null : await heldAgainst(given.ratchet, figures.standing),
    first: given.first ? await firstOf(world, counting(findings)) : null,
  }
  await write(world, given, checked)
  return { ...checked, failOn: given.failOn }
}

async function write(world: World, given: Input, checked: Checked): Promise<void> {
  if (given.writeRatchet !== undefined) await writeRatchet(given.writeRatchet, checked.figures.standing)
  const ids = [...new Set(checked.findings.map(({ entityId }) => entityId))]
  if (given.sarif !== undefined) {
    const sarif = findingsSarif(checked, world.version, await filesOf(world.db, ids))
    await replaceFile(given.sarif, `${JSON.stringify(sarif, null, 2)}\n`)
  }
  if (given.markdown !== undefined) await replaceFile(given.markdown, findingsMarkdown(checked))
  if (given.html !== undefined) {
    await replaceFile(given.html, findingsHtml(checked, await seenIn(world.db, ids), world.version))
  }
}

function controlsIn(
  frameworks: Frameworks,
  chosen: Chosen,
  counts: readonly CheckCounts[],
): NonNullable<Checked['framework']> {
  const controls = new Map<string, string[]>()
  for (const one of checks)
    for (const control of controlsOf(frameworks, one, chosen.framework))
      if (chosen.controls?.includes(control) ?? true)
        controls.set(control, [...(controls.get(control) ?? []), one.id])
  const name = frameworks.frameworks[chosen.framework] ?? OWASP
  return {
    name,
    translated: chosen.said === undefined ? null : `${chosen.said} is ${chosen.controls?.join(', ') ?? name}`,
    controls: [...controls]
      .map(([control, ids]) => ({
        control,
        checks: ids,
        ...sumOf(counts.filter(({ check }) => ids.includes(check))),
      }))
      .sort((a, b) => a.control.localeCompare(b.control, 'en', { numeric: true })),
  }
}

function sumOf(counts: readonly CheckCounts[]): Pick<ControlCounts, 'fails' | 'unknown' | 'passes'> {
  const sum = (key: 'fails' | 'unknown' | 'passes') => counts.reduce((all, one) => all + one[key], 0)
  return { fails: sum('fails'), unknown: sum('unknown'), passes: sum('passes') }
}

const MOST_FIRST = 10

async function firstOf(
  world: World,
  findings: readonly ListedFinding[],
): Promise<NonNullable<Checked['first']>> {
  const says = new Set(checks.flatMap(({ id, takesNothing }) => (takesNothing ? [id] : [])))
  // One identity is one thing to mend, whichever of its credentials is found.
  const byThing = Map.groupBy(
    findings.filter(({ check }) => !says.has(check)),
    ({ identityId, entityId }) => identityId ?? entityId,
  )
  const { first, ...counts } = fixFirst(await graphOf(world), [...byThing.keys()], MOST_FIRST)
  const things = first.map(({ entityId, reached, taken }): First => {
    const own = byThing.get(entityId)!
    const { name, ref } = own.find(one => one.entityId === entityId) ?? own[0]!
    return { name, ref, checks: [...new Set(own.map(({ check }) => check))], reached, taken }
  })
  return { things, ...counts }
}
