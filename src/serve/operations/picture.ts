import type { Certainty } from '../../core/contract/ref.ts'
import type { NamedHop } from './graph-view.ts'

export const FORMATS = ['text', 'mermaid', 'dot', 'html'] as const

/** Hops as a drawing: Mermaid (https://mermaid.js.org/syntax/flowchart.html), Graphviz DOT, or a page with an SVG in it. */
export function picture(
  format: 'mermaid' | 'dot' | 'html',
  title: string,
  hops: readonly NamedHop[],
): string {
  const drawing = layOut(hops)
  if (format === 'mermaid') return mermaid(drawing)
  return format === 'dot' ? dot(title, drawing) : html(title, drawing)
}

interface Box {
  readonly id: string
  readonly label: string
  readonly layer: number
  readonly row: number
}

interface Drawing {
  readonly boxes: ReadonlyMap<string, Box>
  readonly hops: readonly NamedHop[]
}

/** Each thing stands one layer right of the nearest that leads to it. */
function layOut(hops: readonly NamedHop[]): Drawing {
  const labels = new Map(
    hops.flatMap(hop => [[hop.from, hop.fromName] as const, [hop.to, hop.toName] as const]),
  )
  const entered = new Set(hops.map(hop => hop.to))
  const layers = new Map<string, number>()
  let front = [...labels.keys()].filter(id => !entered.has(id))
  // In a ring nothing is first.
  if (front.length === 0) front = [...labels.keys()].slice(0, 1)
  const leaving = Map.groupBy(hops, hop => hop.from)
  for (let layer = 0; front.length > 0; layer++) {
    const here = front.filter(id => !layers.has(id))
    for (const id of here) layers.set(id, layer)
    front = here.flatMap(id => (leaving.get(id) ?? []).map(hop => hop.to))
  }
  const rows = new Map<number, number>()
  const boxes = new Map<string, Box>()
  for (const [id, label] of labels) {
    const layer = layers.get(id) ?? 0
    const row = rows.get(layer) ?? 0
    rows.set(layer, row + 1)
    boxes.set(id, { id: `n${boxes.size}`, label, layer, row })
  }
  return { boxes, hops }
}

function mermaid({ boxes, hops }: Drawing): string {
  const quote = (text: string) =>
    `"${text.replace(/[^\p{L}\p{N} .,:;/_()'+=@*-]/gu, it => `#${it.codePointAt(0)};`)}"`
  return [
    'flowchart LR',
    ...[...boxes.values()].map(({ id, label }) => `  ${id}[${quote(label)}]`),
    ...hops.map(hop => {
      const arrow = hop.certainty === 'proven' ? '-->' : '-.->'
      return `  ${boxes.get(hop.from)!.id} ${arrow}|${quote(hop.crossing)}| ${boxes.get(hop.to)!.id}`
    }),
  ].join('\n')
}

function dot(title: string, { boxes, hops }: Drawing): string {
  // JSON's escapes are DOT's too, as far as they come up in names.
  const quote = (text: string) => JSON.stringify(text)
  return [
    `digraph ${quote(title)} {`,
    '  rankdir=LR; node [shape=box];',
    ...[...boxes.values()].map(({ id, label }) => `  ${id} [label=${quote(label)}];`),
    ...hops.map(hop => {
      const style =
        hop.certainty === 'proven' ? 'solid' : hop.certainty === 'conditional' ? 'dashed' : 'dotted'
      const ends = `${boxes.get(hop.from)!.id} -> ${boxes.get(hop.to)!.id}`
      return `  ${ends} [label=${quote(hop.crossing)}, tooltip=${quote(hop.why)}, style=${style}];`
    }),
    '}',
  ].join('\n')
}

const [BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN] = [230, 44, 150, 26, 20]
const [LINE, LINE_HEIGHT] = [34, 15]
const LEGEND: Record<Certainty, string> = {
  proven: 'proven: everything that it takes was seen',
  conditional: 'conditional: something must hold that cannot be seen',
  potential: 'potential: only likely',
}

function html(title: string, { boxes, hops }: Drawing): string {
  const all = [...boxes.values()]
  const width = MARGIN * 2 + Math.max(...all.map(box => box.layer + 1), 1) * (BOX_WIDTH + GAP_X) - GAP_X
  const height = MARGIN * 2 + Math.max(...all.map(box => box.row + 1), 1) * (BOX_HEIGHT + GAP_Y) - GAP_Y
  const x = (box: Box) => MARGIN + box.layer * (BOX_WIDTH + GAP_X)
  const y = (box: Box) => MARGIN + box.row * (BOX_HEIGHT + GAP_Y)
  const arrows = hops.map(hop => {
    const [from, to] = [boxes.get(hop.from)!, boxes.get(hop.to)!]
    const [startX, startY] = [x(from) + BOX_WIDTH, y(from) + BOX_HEIGHT / 2]
    const [endX, endY] = [x(to), y(to) + BOX_HEIGHT / 2]
    const bend = Math.max(40, Math.abs(endX - startX) / 2)
    const path = `M${startX},${startY} C${startX + bend},${startY} ${endX - bend},${endY} ${endX - 6},${endY}`
    const [labelX, labelY] = [(startX + endX) / 2, (startY + endY) / 2 - 5]
    return `<g class="${hop.certainty}"><title>${escape(hop.why)}</title><path d="${path}" marker-end="url(#end)"/><text x="${labelX}" y="${labelY}" class="crossing">${escape(hop.crossing)}</text></g>`
  })
  const shapes = all.map(box => {
    const lines = onTwoLines(box.label)
    const first = y(box) + BOX_HEIGHT / 2 + 4 - (lines.length - 1) * (LINE_HEIGHT / 2)
    const texts = lines.map(
      (line, index) =>
        `<text x="${x(box) + BOX_WIDTH / 2}" y="${first + index * LINE_HEIGHT}">${escape(line)}</text>`,
    )
    return `<g><title>${escape(box.label)}</title><rect x="${x(box)}" y="${y(box)}" width="${BOX_WIDTH}" height="${BOX_HEIGHT}" rx="6"/>${texts.join('')}</g>`
  })
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>
<style>
body{font:14px system-ui,sans-serif;margin:24px;color:#1b1f24;background:#fff}
svg text{font-size:12px;text-anchor:middle;fill:#1b1f24} svg .crossing{font-size:10px;fill:#57606a}
rect{fill:#f6f8fa;stroke:#57606a} path{fill:none;stroke:#b42318;stroke-width:1.6}
.conditional path{stroke-dasharray:6 4;stroke:#9a6700} .potential path{stroke-dasharray:2 4;stroke:#9a6700}
.legend span{margin-right:24px;white-space:nowrap}
</style></head><body><h1>${escape(title)}</h1>
${legend()}
<svg role="img" aria-label="${escape(title)}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<defs><marker id="end" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0,0 L10,5 L0,10 z" style="fill:#57606a;stroke:none"/></marker></defs>
${arrows.join('\n')}
${shapes.join('\n')}
</svg>
<ol>${hops.map(hop => `<li>${escape(hop.why)} <small>[${escape(hop.crossing)}, ${hop.certainty}${hop.condition === undefined ? '' : `, if ${escape(hop.condition)}`}]</small></li>`).join('\n')}</ol>
</body></html>`
}

/** Broken behind a mark that parts names, if there is one; of what is too long even so the end is shown, which tells names apart. */
export function onTwoLines(label: string): string[] {
  if (label.length <= LINE) return [label]
  const mark = label.slice(0, LINE).search(/[\s/:@._-][^\s/:@._-]*$/)
  const at = mark > 0 ? mark + 1 : LINE
  const rest = label.slice(at)
  return [label.slice(0, at).trimEnd(), rest.length > LINE ? `…${rest.slice(1 - LINE)}` : rest]
}

function legend(): string {
  const items = Object.entries(LEGEND).map(
    ([certainty, meaning]) =>
      `<span class="${certainty}"><svg width="44" height="10" aria-hidden="true"><path d="M2,5 H42"/></svg> ${meaning}</span>`,
  )
  return `<p class="legend">${items.join('')}</p>`
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
