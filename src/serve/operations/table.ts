import pc from 'picocolors'
import stringWidth from 'string-width'

const GAP = 2
const MIN_COLUMN = 8

export interface Column {
  readonly title: string
  /** Gives way where the table is wider than the line: its text is broken, never cut. */
  readonly flexible?: boolean
  readonly align?: 'left' | 'right'
}

/** Rows under a head line, without rules, in lines of at most `width` columns. Columns that are empty in every row are left out. */
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
  const used = columns.map((_, index) => index).filter(index => rows.some(row => row[index] !== ''))
  const shown = used.map(index => columns[index]!)
  const cells = rows.map(row => used.map(index => row[index] ?? ''))
  const widths = fit(shown, cells, width)
  const titles = shown.map(column => column.title)
  yield pc.dim(padded(titles, shown, widths))
  for (const row of cells) {
    for (const line of linesOf(row, widths)) yield padded(line, shown, widths)
  }
}

function padded(line: readonly string[], columns: readonly Column[], widths: readonly number[]): string {
  const cells = line.map((cell, index) => {
    const room = ' '.repeat(Math.max(0, widths[index]! - widthOf(cell)))
    return columns[index]!.align === 'right' ? room + cell : cell + room
  })
  return cells.join(' '.repeat(GAP)).trimEnd()
}

/** A row as lines, as many as its highest cell has. */
function linesOf(row: readonly string[], widths: readonly number[]): string[][] {
  const broken = row.map((cell, index) => breakText(cell, widths[index]!).split('\n'))
  const height = Math.max(1, ...broken.map(lines => lines.length))
  return Array.from({ length: height }, (_, line) => broken.map(lines => lines[line] ?? ''))
}

/** The natural width of each column; flexible ones share what is left over. */
function fit(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): number[] {
  const natural = columns.map((column, index) =>
    rows.reduce((widest, row) => Math.max(widest, widthOf(row[index] ?? '')), column.title.length),
  )
  const widths = [...natural]
  let excess = widths.reduce((sum, column) => sum + column, 0) + GAP * (columns.length - 1) - width
  while (excess > 0) {
    // The widest flexible column gives way first, so that narrow ones stay whole.
    const candidates = columns.map((_, index) => index).filter(index => columns[index]!.flexible)
    const widest = candidates.reduce(
      (best, index) => (widths[index]! > widths[best]! ? index : best),
      candidates[0] ?? -1,
    )
    if (widest < 0 || widths[widest]! <= MIN_COLUMN) break
    widths[widest] = widths[widest]! - 1
    excess--
  }
  return widths
}

/** Breaks text after a separator where there is one in the second half of the line, else anywhere. */
export function breakText(text: string, width: number): string {
  const lines: string[] = []
  let rest = text
  while (widthOf(rest) > width) {
    const head = beginning(rest, width)
    const separator = Math.max(head.lastIndexOf(' '), head.lastIndexOf('/'), head.lastIndexOf(','))
    const at = separator >= head.length / 2 ? separator + 1 : head.length
    const line = rest.slice(0, at).trimEnd()
    // A colour that the break goes through ends there: it would go on over the columns beside it.
    lines.push(line.includes(ESCAPE) ? `${line}${ESCAPE}[0m` : line)
    rest = rest.slice(at).trimStart()
  }
  return [...lines, rest].join('\n')
}

/** As much of a text as `width` columns hold, one character at least. */
function beginning(text: string, width: number): string {
  let end = 0
  let taken = 0
  for (const [piece] of text.matchAll(PIECES)) {
    taken += piece.startsWith(ESCAPE) ? 0 : widthOf(piece)
    if (end > 0 && taken > width) break
    end += piece.length
  }
  return text.slice(0, end)
}

const ESCAPE = '\u001b'
/** What is not taken apart: a colour, or a character. */
// oxlint-disable-next-line no-control-regex
const PIECES = /\u001b\[\d+m|./gsu

/** How many columns of a terminal a text takes: colours none, wide characters two. What most cells hold needs no measuring. */
function widthOf(text: string): number {
  return /^[ -~\u00c0-\u024f…]*$/.test(text) ? text.length : stringWidth(text)
}
