import { countText } from '../../../core/contract/count-text.ts'
import { checks } from '../../../judge/posture/all.ts'
import type { ListedFinding } from '../findings.ts'
import { barChart, lineChart } from './charts.ts'
import { type Markup, markup } from './markup.ts'
import {
  type Checked,
  type ControlCounts,
  counting,
  exceptionLines,
  firstLine,
  headlines,
  ratchetLine,
  type Seen,
  signed,
  sinceLast,
} from './report.ts'

const MOST_OF_CHECK = 500
const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const

/** All that the report has is in it: nothing is loaded, and nothing runs. */
const STYLE = `body{font:14px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c2430;overflow-wrap:break-word}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}th,td{border-bottom:1px solid #d5dbe3;padding:.3rem .5rem;text-align:left;vertical-align:top}
td{overflow-wrap:anywhere}td.n,th.n{text-align:right}time{white-space:nowrap}figure{margin:0;overflow-x:auto}h2{margin-top:2.5rem}h3{margin-top:1.5rem}.critical{color:#8c1029}.high{color:#b3400a}.medium{color:#7a5b00}.low{color:#40566b}
.aside{color:#5a6675}.excepted td{color:#5a6675}summary{cursor:pointer}
@media(max-width:45rem){table{display:block;overflow-x:auto}td{min-width:8rem}td.n{min-width:0}}
@media print{body{margin:0;max-width:none}svg{max-width:100%;height:auto}details{display:block}tr{break-inside:avoid}h2,h3,h4{break-after:avoid}}`

/** For an auditor: every control with its evidence, what was counted from what, and of what nobody can tell. */
export function findingsHtml(
  checked: Checked,
  seen: ReadonlyMap<string, readonly Seen[]>,
  version: string,
): string {
  const { findings, checks: counts, framework, trend, coverage, first } = checked
  const own = counting(findings)
  const controls = framework?.controls ?? []
  const last = sinceLast(trend)
  const told = new Set<string>()
  const evidenceOf = (id: string) => {
    if (told.has(id)) return markup`<p><a href="#${id}">${id}</a>, as above.</p>`
    told.add(id)
    return checkPart(id, checked, seen)
  }
  const remarks = [ratchetLine(checked), ...exceptionLines(checked)].filter(line => line !== undefined)
  const page = markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Firebreak: posture of ${checked.at}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width"><style>${raw(STYLE)}</style></head><body>
<h1>Posture of non-human identities</h1>
<p class="aside">Made on ${checked.at} by Firebreak ${version}${framework ? `, by ${framework.name}` : ''}. Times are UTC. ${framework?.translated ?? ''}</p>
<h2>Figures</h2>
<table>${headlines(checked).map(([name, value]) => markup`<tr><th>${name}</th><td>${value}</td></tr>`)}</table>
${remarks.map(line => markup`<p>${line}</p>`)}
<h2>By severity</h2>
${barChart(
  'Findings that count, by severity',
  SEVERITIES.map(severity => ({
    name: severity,
    values: [own.filter(finding => (finding.severity ?? 'medium') === severity).length],
  })),
  ['findings'],
)}
${controls.length > 0 ? controlsPart(controls) : ''}
<h2>Trend</h2>
${lineChart('Findings and standing credentials, run by run', trend)}
${
  last
    ? markup`<p>Since ${last.at}: standing credentials ${signed(last.standing)}.</p>${last.byCheck.length > 0 ? markup`<table><tr><th>Check</th><th class="n">Change</th></tr>${last.byCheck.map(([id, change]) => markup`<tr><td>${id}</td><td class="n">${signed(change)}</td></tr>`)}</table>` : ''}`
    : markup`<p class="aside">This is the first run that is kept.</p>`
}
${first ? firstPart(first) : ''}
<h2>Evidence</h2>
${
  controls.length > 0
    ? controls.map(
        control => markup`<h3>${control.control}</h3>
<p class="aside">${countText(control.checks.length, 'check')}: ${control.fails} fail, ${control.passes} pass, of ${control.unknown} nobody can tell.</p>
${control.checks.map(evidenceOf)}`,
      )
    : counts.filter(({ fails }) => fails > 0).map(({ check }) => evidenceOf(check))
}
<h2>What was counted</h2>
<p>Each check looks at all that it is about. Unknown is what nobody can tell; it is never counted as passed.</p>
<table><tr><th>Check</th><th class="n">Looked at</th><th class="n">Fail</th><th class="n">Unknown</th><th class="n">Pass</th></tr>
${counts.map(({ check, fails, unknown, passes }) => markup`<tr><td>${check}</td>${[fails + unknown + passes, fails, unknown, passes].map(number => markup`<td class="n">${String(number)}</td>`)}</tr>`)}</table>
<h2>What was searched</h2>
<ul>${coverage.searched.map(scope => markup`<li>${scope}</li>`)}</ul>
<h3>What was not</h3>
${coverage.skipped.length === 0 ? markup`<p>Nothing was left out.</p>` : markup`<ul>${coverage.skipped.map(({ what, why }) => markup`<li>${what}: ${why}</li>`)}</ul>`}
</body></html>
`
  return page.text
}

function raw(text: string): Markup {
  return { text }
}

function controlsPart(controls: readonly ControlCounts[]): Markup {
  return markup`<h2>By control</h2>${barChart(
    'What was looked at for each control',
    controls.map(({ control, fails, unknown, passes }) => ({
      name: control,
      values: [fails, unknown, passes],
    })),
    ['fail', 'unknown', 'pass'],
  )}`
}

function firstPart(first: NonNullable<Checked['first']>): Markup {
  return markup`<h2>Fix these first</h2>
<p class="aside">${firstLine(first)}</p>
<table><tr><th>What</th><th>Found by</th><th class="n">Reaches</th><th class="n">Takes</th></tr>
${first.things.map(({ name, ref, checks, reached, taken }) => markup`<tr><td>${name}<br><span class="aside">${ref}</span></td><td>${checks.join(', ')}</td><td class="n">${String(reached)}</td><td class="n">${String(taken)}</td></tr>`)}</table>`
}

function checkPart(
  id: string,
  { findings, checks: counts }: Checked,
  seen: ReadonlyMap<string, readonly Seen[]>,
): Markup {
  const check = checks.find(one => one.id === id)
  const own = findings.filter(finding => finding.check === id)
  const count = counts.find(one => one.check === id)
  const looked = count ? count.fails + count.unknown + count.passes : 0
  const said = markup`<p class="aside">${count?.fails ?? own.length} of ${looked} fail, ${count?.passes ?? 0} pass, of ${count?.unknown ?? 0} nobody can tell.</p>`
  if (own.length === 0) return markup`<h4 id="${id}">${id}: ${check?.title ?? ''}</h4>${said}`
  return markup`<h4 id="${id}" class="${check?.severity ?? 'medium'}">${check?.severity ?? 'medium'} · ${id}: ${check?.title ?? ''}</h4>
<p>${check?.why ?? ''} ${check ? `Mend it: ${check.fix}` : ''}</p>${said}
<details open><summary>${own.length} found</summary><table><tr><th>What</th><th>What is so</th><th>Since</th><th>Seen in</th></tr>
${own.slice(0, MOST_OF_CHECK).map(finding => findingRow(finding, seen.get(finding.entityId) ?? []))}</table>
${own.length > MOST_OF_CHECK ? markup`<p>… and ${own.length - MOST_OF_CHECK} more, which firebreak check --json lists.</p>` : ''}</details>`
}

/** To the minute, as people read it. */
function timeOf(at: string): Markup {
  return markup`<time datetime="${at}">${at.slice(0, 16).replace('T', ' ')}</time>`
}

function findingRow({ name, ref, why, since, exception }: ListedFinding, seen: readonly Seen[]): Markup {
  const excepted = exception
    ? markup`<br><em>Excepted until ${exception.expires} by ${exception.owner}: ${exception.reason}; instead: ${exception.control}</em>`
    : ''
  return markup`<tr class="${exception ? 'excepted' : 'counts'}"><td>${name}<br><span class="aside">${ref}</span></td><td>${why}${excepted}</td><td>${timeOf(since)}</td>
<td>${seen.map(({ source, document, at }) => markup`${source}${document === null ? '' : `, ${document}`}<br><span class="aside">${timeOf(at)}</span><br>`)}</td></tr>`
}
