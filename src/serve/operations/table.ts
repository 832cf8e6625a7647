import CliTable from 'cli-table3'
import pc from 'picocolors'

const GAP = 2
const MIN_COLUMN = 8
const ROWS_AT_ONCE = 100

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
  // What a table takes to draw grows with the square of its rows: thousands of them would take minutes.
  for (let at = 0; at === 0 || at < cells.length; at += ROWS_AT_ONCE) {
    const some = cells.slice(at, at + ROWS_AT_ONCE).flatMap(row => linesOf(row, widths))
    if (at > 0 && some.every(line => line.every(isPlain))) {
      for (const line of some) yield padded(line, shown, widths).trimEnd()
      continue
    }
    const piece = new CliTable({
      head: at === 0 ? shown.map(column => pc.dim(column.title)) : [],
      colWidths: widths,
      colAligns: shown.map(column => column.align ?? 'left'),
      wordWrap: true,
      wrapOnWordBoundary: false,
      chars: NO_RULES,
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    })
    piece.push(...some)
    for (const line of piece.toString().split('\n')) yield line.trimEnd()
  }
}

/** Nothing in it has to be measured or taken away: of very many rows that would be all the work. `…` is in each preview. */
function isPlain(text: string): boolean {
  return /^[ -~\u00c0-\u024f…]*$/.test(text) && text.trim() === text
}

function padded(line: readonly string[], columns: readonly Column[], widths: readonly number[]): string {
  const cells = line.map((cell, index) =>
    columns[index]!.align === 'right' ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!),
  )
  return cells.join(' '.repeat(GAP))
}

/** A row as rows of one line each: a cell of several is measured anew for each of its characters. */
function linesOf(row: readonly string[], widths: readonly number[]): string[][] {
  const broken = row.map((cell, index) => breakText(cell, widths[index]!).split('\n'))
  const height = Math.max(1, ...broken.map(lines => lines.length))
  return Array.from({ length: height }, (_, line) => broken.map(lines => lines[line] ?? ''))
}

/** The natural width of each column; flexible ones share what is left over. */
function fit(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): number[] {
  const natural = columns.map((column, index) =>
    rows.reduce((widest, row) => Math.max(widest, visibleLength(row[index] ?? '')), column.title.length),
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
  if (visibleLength(text) <= width) return text
  const lines: string[] = []
  let rest = text
  while (rest.length > width) {
    const head = rest.slice(0, width)
    const separator = Math.max(head.lastIndexOf(' '), head.lastIndexOf('/'), head.lastIndexOf(','))
    const at = separator >= width / 2 ? separator + 1 : width
    lines.push(rest.slice(0, at).trimEnd())
    rest = rest.slice(at)
  }
  return [...lines, rest].join('\n')
}

function visibleLength(text: string): number {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/\u001b\[\d+m/g, '').length
}

const NO_RULES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(GAP),
}
