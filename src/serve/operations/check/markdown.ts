import { countText } from '../../../core/contract/count-text.ts'
import { checks } from '../../../judge/posture/all.ts'
import { rankOf } from '../findings.ts'
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

const MOST_FINDINGS = 50

/** For a pull request or the summary of a job: what counts first, and all of it within what a comment takes. */
export function findingsMarkdown(checked: Checked): string {
  const { findings, checks: counts, first, framework, trend, coverage } = checked
  const own = counting(findings)
  const unknown = counts.reduce((sum, count) => sum + count.unknown, 0)
  const looked = counts.filter(({ fails, unknown, passes }) => fails + unknown + passes > 0).length
  const last = sinceLast(trend)
  const shown = own.toSorted((a, b) => rankOf(b) - rankOf(a)).slice(0, MOST_FINDINGS)
  const rows = shown.map(({ severity, check, name, why, since }) =>
    row([severity ?? 'medium', check, name, why, since.slice(0, 10)]),
  )
  const excepted = findings.flatMap(({ check, name, exception }) =>
    exception
      ? [row([check, name, exception.owner, exception.reason, exception.control, exception.expires])]
      : [],
  )
  const mend = [...new Set(shown.map(({ check }) => check))].flatMap(id => {
    const check = checks.find(one => one.id === id)
    return check ? [`- **${text(id)}**: ${text(check.fix)}`] : []
  })
  return [
    `## Firebreak: ${own.length === 0 ? 'nothing is known to be wrong' : countText(own.length, 'finding')}`,
    '',
    `${looked} of ${counts.length} checks had something to look at; of ${countText(unknown, 'thing')} nobody can tell. ${countText(coverage.skipped.length, 'place was', 'places were')} not searched.`,
    '',
    ...[ratchetLine(checked), ...exceptionLines(checked)].flatMap(line =>
      line === undefined ? [] : [text(line), ''],
    ),
    ...table(['figure', 'value'], headlines(checked).map(row)),
    ...(framework
      ? [
          text([framework.name, framework.translated].filter(one => one !== null).join('. ')),
          '',
          ...table(
            ['control', 'checks', 'fail', 'unknown', 'pass'],
            framework.controls.map(({ control, checks, fails, unknown, passes }) =>
              row([control, ...[checks.length, fails, unknown, passes].map(String)]),
            ),
          ),
        ]
      : []),
    ...(last
      ? [
          `Since ${last.at}: standing credentials ${signed(last.standing)}${last.byCheck.length === 0 ? '; no check finds more or less' : ''}.`,
          '',
          ...table(
            ['check', 'change'],
            last.byCheck.map(([id, change]) => row([id, signed(change)])),
          ),
        ]
      : []),
    ...(rows.length > 0 ? table(['severity', 'check', 'what', 'why', 'since'], rows) : []),
    ...(own.length > shown.length ? [`… and ${own.length - shown.length} more.`, ''] : []),
    ...(mend.length > 0 ? ['### Mend it', '', ...mend, ''] : []),
    ...(first && first.things.length > 0
      ? [
          '### Fix these first',
          '',
          text(firstLine(first)),
          '',
          ...table(
            ['what', 'found by', 'reaches', 'takes'],
            first.things.map(({ name, checks, reached, taken }) =>
              row([name, checks.join(', '), String(reached), String(taken)]),
            ),
          ),
        ]
      : []),
    ...(excepted.length > 0
      ? ['### Excepted', '', ...table(['check', 'what', 'owner', 'reason', 'instead', 'until'], excepted)]
      : []),
  ].join('\n')
}

function table(head: readonly string[], rows: readonly string[]): string[] {
  if (rows.length === 0) return []
  return [row(head), `|${head.map(() => ' --- |').join('')}`, ...rows, '']
}

function row(cells: readonly string[]): string {
  return `| ${cells.map(text).join(' | ')} |`
}

/** As it is, whatever somebody called a thing: no markup, no link, no name that is told of it, no second cell. */
function text(given: string): string {
  return given
    .replace(/[\r\n\t]+/g, ' ')
    .replace(/[\\`*_{}[\]()#+!|~$:]/g, mark => `\\${mark}`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('@', '@\u200b')
}
