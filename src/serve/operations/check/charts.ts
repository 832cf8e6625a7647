import type { Point } from '../../../judge/posture/trend.ts'
import { type Markup, markup } from './markup.ts'

const WIDTH = 720
const ROW = 24
/** What a letter of a label takes at most, in a font that is not known here. */
const LETTER = 7.2
const COLOURS = ['#b3400a', '#b9c2cd', '#2f7d4f']

/** Bars that lie, one for each row, in as many pieces as it has values. */
export function barChart(
  title: string,
  rows: readonly { readonly name: string; readonly values: readonly number[] }[],
  legend: readonly string[],
): Markup {
  const most = Math.max(1, ...rows.map(({ values }) => values.reduce((sum, value) => sum + value, 0)))
  // No wider than the names: on a telephone the bars begin within what is seen.
  const label = Math.ceil(LETTER * Math.max(0, ...rows.map(({ name }) => name.length))) + 12
  const scale = (WIDTH - label - 120) / most
  const height = ROW * (rows.length + 1)
  return markup`<figure><svg viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" role="img" aria-label="${title}">
<title>${title}</title>
${legend.map((name, at) => markup`<rect x="${label + at * 110}" y="4" width="12" height="12" fill="${COLOURS[at]!}"/><text x="${label + 18 + at * 110}" y="15" font-size="12">${name}</text>`)}
${rows.map(({ name, values }, row) => {
  const y = ROW * (row + 1)
  let x = label
  const pieces = values.map((value, at) => {
    const piece = markup`<rect x="${x}" y="${y + 4}" width="${value * scale}" height="16" fill="${COLOURS[at]!}"/>`
    x += value * scale
    return piece
  })
  return markup`<text x="${label - 8}" y="${y + 16}" font-size="12" text-anchor="end">${name}</text>${pieces}<text x="${x + 6}" y="${y + 16}" font-size="12">${values.join(' / ')}</text>`
})}
</svg></figure>`
}

const HEIGHT = 180
const EDGE = 60

/** Two lines over the runs, the oldest first. */
export function lineChart(title: string, points: readonly Point[]): Markup {
  const most = Math.max(1, ...points.flatMap(({ findings, standing }) => [findings, standing]))
  const x = (at: number) => EDGE + ((WIDTH - 2 * EDGE) * at) / Math.max(1, points.length - 1)
  const y = (value: number) => HEIGHT - 30 - ((HEIGHT - 60) * value) / most
  const line = (colour: string, valueOf: (point: Point) => number) =>
    markup`<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map((point, at) => `${x(at)},${y(valueOf(point))}`).join(' ')}"/>
${points.map((point, at) => markup`<circle cx="${x(at)}" cy="${y(valueOf(point))}" r="3" fill="${colour}"><title>${point.at}: ${valueOf(point)}</title></circle>`)}`
  return markup`<figure><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" role="img" aria-label="${title}">
<title>${title}</title>
<text x="${EDGE}" y="16" font-size="12" fill="#b3400a">findings</text><text x="${EDGE + 90}" y="16" font-size="12" fill="#1f5f99">standing credentials</text>
<line x1="${EDGE}" y1="${y(0)}" x2="${WIDTH - EDGE}" y2="${y(0)}" stroke="#b9c2cd"/>
<text x="${EDGE - 8}" y="${y(0) + 4}" font-size="11" text-anchor="end">0</text><text x="${EDGE - 8}" y="${y(most) + 4}" font-size="11" text-anchor="end">${most}</text>
${line('#b3400a', point => point.findings)}${line('#1f5f99', point => point.standing)}
<text x="${EDGE}" y="${HEIGHT - 8}" font-size="11">${minuteOf(points[0])}</text><text x="${WIDTH - EDGE}" y="${HEIGHT - 8}" font-size="11" text-anchor="end">${minuteOf(points.at(-1))}</text>
</svg></figure>`
}

function minuteOf(point: Point | undefined): string {
  return point === undefined ? '' : `${point.at.slice(0, 16).replace('T', ' ')} UTC`
}
