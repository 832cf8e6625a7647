import pc from 'picocolors'
import stringWidth from 'string-width'
import { isAddress, piecesOf, wrap } from './wrap.ts'

const GAP = 2
const MIN_COLUMN = 8
const INDENT = '    '

export interface Column {
  readonly title: string
  /** Gives way where the table is wider than the line: its text is broken, never cut. */
  readonly flexible?: boolean
  readonly align?: 'left' | 'right'
}

/**
 * Rows under a head line, without rules, in lines of at most `width` columns. Columns that are empty in every row are left
 * out. One that is too narrow for its names and paths leaves the row: it stands on lines of its own under it, the first above.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string {
  return [...tableLines(columns, rows, width)].join('\n')
}

/** The same line by line, where there may be hundreds of thousands. */
export function* tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): Generator<string, void> {
  const shown = columns
    .map((column, index) => ({ ...column, index }))
    .filter(({ index }) => rows.some(row => row[index] !== ''))
  const { above, beside, under } = fit(shown, rows, width)
  const indent = above ? INDENT : ''
  if (above) yield pc.dim(above.title)
  const titles = beside.map(({ title }) => title)
  if (titles.length > 0) yield indent + pc.dim(padded(titles, beside))
  for (const { title } of under) yield pc.dim(INDENT + title)
  for (const row of rows) {
    if (above) yield* broken(row[above.index] ?? '', width)
    for (const cells of linesOf(row, beside)) {
      const line = padded(cells, beside)
      if (line !== '') yield indent + line
    }
    for (const { index } of under)
      for (const line of broken(row[index] ?? '', width - INDENT.length)) if (line !== '') yield INDENT + line
  }
}

type Shown = Column & { readonly index: number }
type Placed = Shown & { readonly width: number }

function padded(line: readonly string[], columns: readonly Placed[]): string {
  const cells = line.map((cell, at) => {
    const { width, align } = columns[at]!
    const room = ' '.repeat(Math.max(0, width - widthOf(cell)))
    return align === 'right' ? room + cell : cell + room
  })
  return cells.join(' '.repeat(GAP)).trimEnd()
}

/** A row as lines, as many as its highest cell has. */
function linesOf(row: readonly string[], columns: readonly Placed[]): string[][] {
  const cells = columns.map(({ index, width }) => broken(row[index] ?? '', width))
  const height = Math.max(1, ...cells.map(lines => lines.length))
  return Array.from({ length: height }, (_, at) => cells.map(lines => lines[at] ?? ''))
}

interface Layout {
  readonly above?: Shown | undefined
  readonly beside: readonly Placed[]
  readonly under: readonly Shown[]
}

/** Which columns stand where, and how wide: the widest flexible one gives way first, so that narrow ones stay whole. */
function fit(columns: readonly Shown[], rows: readonly (readonly string[])[], width: number): Layout {
  const widest = ({ index, title }: Shown, measure: (text: string) => number, least = 0) => {
    let most = Math.max(title.length, least)
    for (const row of rows) {
      const cell = row[index] ?? ''
      if (widthOf(cell) > most) most = Math.max(most, Math.ceil(measure(cell)))
    }
    return most
  }
  const excess = (widths: readonly number[], room: number) =>
    widths.reduce((sum, one) => sum + one + GAP, -GAP) - room
  const natural = columns.map(column => ({ ...column, width: widest(column, widthOf) }))
  if (
    excess(
      natural.map(one => one.width),
      width,
    ) <= 0
  )
    return { beside: natural, under: [] }
  let beside = natural.map(one => ({
    ...one,
    least: one.flexible ? Math.min(one.width, widest(one, leastWidth, MIN_COLUMN)) : one.width,
  }))
  const [first] = columns
  const out = new Set<number>()
  const room = () => width - (first && out.has(first.index) ? INDENT.length : 0)
  while (
    excess(
      beside.map(one => one.least),
      room(),
    ) > 0
  ) {
    const widestOne = beside.filter(one => one.flexible).sort((a, b) => b.least - a.least)[0]
    if (!widestOne) break
    out.add(widestOne.index)
    beside = beside.filter(one => one !== widestOne)
  }
  for (
    let over = excess(
      beside.map(one => one.width),
      room(),
    );
    over > 0;
    over--
  ) {
    const giving = beside.filter(one => one.width > one.least).sort((a, b) => b.width - a.width)[0]
    if (!giving) break
    giving.width--
  }
  const left = columns.filter(({ index }) => out.has(index))
  const above = left.find(column => column === first)
  return { above, beside, under: left.filter(column => column !== above) }
}

/** A cell as lines. A name that is longer than a whole line is broken anywhere, the address of a page by the terminal only. */
function broken(text: string, width: number): string[] {
  if (widthOf(text) <= width) return [text]
  const lines: string[] = []
  for (let line of wrap(text, width, '', '', widthOf).split('\n')) {
    while (widthOf(line) > width && !isAddress(line)) {
      const head = beginning(line, width)
      lines.push(head)
      line = line.slice(head.length)
    }
    lines.push(line)
  }
  // A colour that the break goes through ends there: it would go on over the columns beside it.
  return lines.map((line, at) =>
    at < lines.length - 1 && line.includes(ESCAPE) ? `${line}${ESCAPE}[0m` : line,
  )
}

/** As much of a text as `width` columns hold, one character at least. */
function beginning(text: string, width: number): string {
  let end = 0
  let taken = 0
  for (const [piece] of text.matchAll(CHARACTERS)) {
    taken += piece.startsWith(ESCAPE) ? 0 : widthOf(piece)
    if (end > 0 && taken > width) break
    end += piece.length
  }
  return text.slice(0, end)
}

const ESCAPE = '\u001b'
/** What is not taken apart at all: a colour, or a character. */
// oxlint-disable-next-line no-control-regex
const CHARACTERS = /\u001b\[\d+m|./gsu

/** How many columns of a terminal a text takes: colours none, wide characters two. What most cells hold needs no measuring. */
function widthOf(text: string): number {
  return /^[ -~\u00c0-\u024f…]*$/.test(text) ? text.length : stringWidth(text)
}

/** The narrowest column in which no name of a text is broken, and a path takes two lines or little more. */
function leastWidth(text: string): number {
  return Math.max(...text.split(' ').map(word => Math.max(widthOf(word) / 2, ...piecesOf(word).map(widthOf))))
}
