import pc from 'picocolors'
import { countText } from '../../../core/contract/count-text.ts'
import { checks } from '../../../judge/posture/all.ts'
import { coverageText } from '../coverage.ts'
import type { ListedFinding } from '../findings.ts'
import { table } from '../table.ts'
import { wrap } from '../wrap.ts'
import {
  type Checked,
  counting,
  exceptionLines,
  firstLine,
  headlines,
  ratchetLine,
  signed,
  sinceLast,
} from './report.ts'

/** What a person reads on a terminal, in lines of at most `width` columns. */
export function checkedText(checked: Checked, width: number): string {
  const { findings, checks: counts, coverage, framework, first } = checked
  const byCheck = Map.groupBy(findings, finding => finding.check)
  const own = counting(findings)
  const unknown = counts.reduce((sum, count) => sum + count.unknown, 0)
  const looked = counts.filter(({ fails, unknown, passes }) => fails + unknown + passes > 0).length
  const headline =
    own.length === 0
      ? findings.length === 0
        ? 'Nothing is known to be wrong.'
        : 'Nothing counts that is known to be wrong.'
      : `${countText(own.length, 'finding')}.`
  const say = (line: string) => wrap(line, width, '', '  ')
  const last = sinceLast(checked.trend)
  const changes = last?.byCheck.map(([id, change]) => `${signed(change)} ${id}`).join(', ')
  const ratchet = ratchetLine(checked)
  return [
    ...(framework ? frameworkText(framework, width) : []),
    ...[...byCheck].flatMap(([id, found]) => [...groupText(id, found, width), '']),
    ...(first ? [...firstText(first, width), ''] : []),
    pc.bold(headline),
    say(
      `${looked} of ${counts.length} checks had something to look at${unknown === 0 ? '' : `; of ${countText(unknown, 'thing')} nobody can tell`}.`,
    ),
    ...headlines(checked).map(([name, value]) => say(`${name}: ${value}.`)),
    ...(last
      ? [
          say(
            `Since ${last.at}: standing credentials ${signed(last.standing)}; findings: ${changes || 'as many as before'}.`,
          ),
        ]
      : []),
    ...(ratchet === undefined ? [] : [say(ratchet)]),
    ...exceptionLines(checked).map(say),
    '',
    coverageText(coverage, width),
  ].join('\n')
}

function firstText(first: NonNullable<Checked['first']>, width: number): string[] {
  const right = { align: 'right' as const }
  return [
    pc.bold('Fix these first'),
    wrap(firstLine(first), width, '', ''),
    ...(first.things.length === 0
      ? []
      : [
          table(
            [
              { title: 'WHAT', flexible: true },
              { title: 'FOUND BY', flexible: true },
              { title: 'REACHES', ...right },
              { title: 'TAKES', ...right },
            ],
            first.things.map(({ name, checks, reached, taken }) => [
              name,
              checks.join(', '),
              String(reached),
              String(taken),
            ]),
            width,
          ),
        ]),
  ]
}

function frameworkText(framework: NonNullable<Checked['framework']>, width: number): string[] {
  const rows = framework.controls.map(({ control, checks, fails, unknown, passes }) => [
    control,
    ...[checks.length, fails, unknown, passes].map(String),
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

function groupText(id: string, findings: readonly ListedFinding[], width: number): string[] {
  const check = checks.find(one => one.id === id)
  const severity = (check?.severity ?? 'medium').toUpperCase()
  const title = check === undefined ? '' : ` ${check.title}`
  return [
    wrap(`${pc.bold(severity)}  ${id}:${title}`, width, '', '  '),
    ...(check ? [wrap(check.why, width, '  ', '  ')] : []),
    ...findings.map(({ name, why, exception }) =>
      wrap(`- ${name}: ${why}${exception ? exceptedText(exception) : ''}`, width, '  ', '    '),
    ),
    ...(check ? [wrap(`Mend it: ${check.fix}`, width, '  ', '  ')] : []),
  ]
}

function exceptedText({ owner, reason, control, expires }: NonNullable<ListedFinding['exception']>): string {
  return ` (excepted until ${expires} by ${owner}: ${reason}; instead: ${control})`
}
