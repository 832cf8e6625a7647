import { classOf } from '../byte-class.ts'
import type { Candidate, Span } from '../candidate.ts'
import type { Key } from './key.ts'
import { type KeyName, keyNameOf } from './key-name.ts'
import { readHtmlCells } from './html-cells.ts'
import type { Match } from '../interpret.ts'
import { isNoText } from './judge-assignment.ts'
import { type Found, namedCandidate } from './named-candidate.ts'
import { quotedEncoding, unescaped } from './quoted-value.ts'
import type { Text } from '../text.ts'
import { formOf } from '../value-form.ts'

/** How far below its header a table is read. */
const REACH = 16 * 1024
/** What a column of users is called. */
const USER = /^["'`[\s]*(?:user(?:[_ ]?name)?|login|account|e-?mail(?: address)?)["'`\]\s]*$/i

/** A cell: offsets into the text's bytes, without quotes, and how it is written. */
type Cell = Pick<Span, 'start' | 'end' | 'encodings'>

/** What the columns of a table hold, in each row of it that has as many. */
interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (Cell | undefined)[])[]
}

/** `API key` and `Secret access key` are two words or more, as nothing else that a value is given to. */
export function readHeading(found: Found, { start, end }: Match): readonly Candidate[] {
  const name = keyNameOf(found.text.latin1(start, end).replaceAll(' ', '_'))
  return (name && readCells(found, { start, end }, name)) ?? []
}

/**
 * Where the key heads a column of CSV or of a table in Markdown, Gherkin or HTML: what stands below it; where it fills a
 * cell by itself, what stands behind that. Undefined where it does neither.
 */
export function readCells(
  found: Found,
  key: Pick<Key, 'start' | 'end'>,
  name: KeyName,
): readonly Candidate[] | undefined {
  const { text } = found
  if (text.dialect !== 'text' && text.dialect !== 'xml') return undefined
  const html = mayEndLabel(text, key.end) ? readHtmlCells(found, key, name) : undefined
  if (html || text.dialect === 'xml' || !mayEndCell(text, key.end)) return html
  const isCsv = /\.[ct]sv$/i.test(text.path)
  const line = lineAt(text, key.start)
  const below = readColumn(found, line, key, name, isCsv)
  if (below?.length) return below
  const beside = readNextCell(found, line, key, name, isCsv)
  return beside ? [beside] : below
}

function readColumn(
  found: Found,
  line: Line,
  key: Pick<Key, 'start' | 'end'>,
  name: KeyName,
  isCsv: boolean,
): readonly Candidate[] | undefined {
  const { text } = found
  if (!(isCsv ? ENDS_CELL : ENDS_CELL_OF_MARKDOWN).test(line.header.slice(key.end - line.start)))
    return undefined
  // Several columns of one table ask for it one after the other.
  const last = lastTable.get(text)
  // A line that looks like a header within CSV, below a comment, or within Gherkin is a row of it: else each would be read to the end.
  if (last?.table?.end !== undefined && last.start < line.start && line.start <= last.table.end)
    return undefined
  const table =
    last?.start === line.start ? last.table : isCsv ? csvBelow(text, line) : markdownBelow(text, line)
  lastTable.set(text, { start: line.start, table })
  if (!table) return undefined
  const column = line.header.slice(0, key.start - line.start).split(table.sign).length - 1
  return columnOf(found, table, column, name, isCsv)
}

/** What opens a cell that a name of at most four words fills, and what closes it. */
const OPENS_CELL = /(?:^|\|)[ \t]*(?:`|\*\*?)?(?:[A-Za-z]{1,20}[ _]){0,3}$/
const OPENS_CELL_OF_CSV = /(?:^|[\t,;])["']?$/
const NEXT_CELL = /^(?:`|\*\*?)?[ \t]*\|[ \t]*([`"']?)([^\s|`"'<>(){}[\]]{8,512})\1[ \t]*(?:\||$)/
const NEXT_CELL_OF_CSV = /^["']? ?[\t,;] ?(["']?)([^\s,;"']{8,512})\1(?:[\t,;]|$)/

/** `| API key | `x` |`, `api_key,x,2026-01-02`: only what no text about the key would be. */
function readNextCell(
  found: Found,
  { header, start }: Line,
  key: Pick<Key, 'start' | 'end'>,
  name: KeyName,
  isCsv: boolean,
): Candidate | undefined {
  const [from, to] = [key.start - start, key.end - start]
  const next = (isCsv ? NEXT_CELL_OF_CSV : NEXT_CELL).exec(header.slice(to))
  if (!next || !(isCsv ? OPENS_CELL_OF_CSV : OPENS_CELL).test(header.slice(0, from))) return undefined
  if (!isNoText(next[2]!, name.family === 'password')) return undefined
  const at = key.end + next[0].indexOf(next[2]!, next[0].indexOf(isCsv ? '' : '|'))
  const value = spanOf(found.text, { start: at, end: at + next[2]!.length, encodings: [] })
  return value && namedCandidate(found, name, value, { how: 'assigned', isSetting: isCsv })
}

const ENDS_CELL = /^["']? {0,8}(?:[\t,;]|$)/
const ENDS_CELL_OF_MARKDOWN = /^[ \t]*(?:\||$)/
const PADS = classOf(' "\'`*')
const BEHIND_CELL = classOf('|,;\t\r\n')

/** Told on its bytes, since it is asked at every name. */
function mayEndCell({ bytes }: Text, end: number): boolean {
  let at = end
  while (PADS[bytes[at]!]) at++
  return at >= bytes.length || BEHIND_CELL[bytes[at]!] === 1
}

const [LESS, SLASH, COLON, SPACE, BACKTICK] = [0x3c, 0x2f, 0x3a, 0x20, 0x60]

/** `</`, perhaps behind a colon. */
function mayEndLabel({ bytes }: Text, end: number): boolean {
  let at = end
  while (at < end + 8 && (bytes[at] === COLON || bytes[at] === SPACE)) at++
  return bytes[at] === LESS && bytes[at + 1] === SLASH
}

const lastTable = new WeakMap<Text, { start: number; table: Below | undefined }>()

/** `INSERT INTO users (name, password) VALUES ('a', 'x'), ('b', 'y')`; the match ends where the first row begins. */
export function readRows(found: Found, match: Match): readonly Candidate[] {
  const { text } = found
  const columns = columnsOf(text, match)
  const candidates: Candidate[] = []
  let table: Table | undefined
  for (const [column, written] of columns.entries()) {
    const name = keyNameOf(written.replace(/["'`[\]\s\\]/g, ''))
    if (!name) continue
    table ??= tableOf(columns, valuesFrom(text, match.end))
    candidates.push(...columnOf(found, table, column, name, true))
  }
  return candidates
}

/** Those that the statement has, else those with which the table was created not far above. */
function columnsOf(text: Text, { start, groups }: Match): readonly string[] {
  if (groups['columns']) return text.latin1(...groups['columns']).split(',')
  const into = plainName(text.latin1(...groups['table']!))
  const above = text.latin1(Math.max(0, start - REACH), start)
  let last = lastCreated.get(text)
  // Of many rows each is a statement of its own.
  if (last?.name !== into || start - last.at > REACH || last.to > start) last = undefined
  const from = last ? above.length - (start - last.to) : 0
  for (const created of above.slice(from).matchAll(CREATES)) {
    if (plainName(created[1]!) !== into) continue
    const at = start - above.length + from + created.index
    last = { name: into, at, columns: columnsCreated(above, from + created.index + created[0].length), to: 0 }
  }
  if (last) lastCreated.set(text, { ...last, to: start })
  return last?.columns ?? []
}

const lastCreated = new WeakMap<Text, { name: string; at: number; columns: readonly string[]; to: number }>()
const CREATES =
  /create[ \t]{1,4}table[ \t]{1,4}(?:if[ \t]{1,4}not[ \t]{1,4}exists[ \t]{1,4})?([\w.$"`[\]]{1,128})\s{0,8}\(/gi
/** A line of its own that is no column. */
const NO_COLUMN = /^(?:primary|unique|key|index|constraint|foreign|check|fulltext|spatial)$/i
const MOST_CREATED = 4096

/** The names of columns up to the parenthesis that closes the one before `from`. */
function columnsCreated(text: string, from: number): readonly string[] {
  const columns: string[] = []
  let [depth, begins] = [0, from]
  for (let at = from; at < Math.min(text.length, from + MOST_CREATED); at++) {
    const sign = text[at]!
    if (sign === '(') depth++
    else if (depth > 0 && sign === ')') depth--
    else if (depth === 0 && (sign === ',' || sign === ')')) {
      const name = /^\s{0,64}([\w$"`[\]]{1,128})/.exec(text.slice(begins, at))?.[1]
      if (name !== undefined && !NO_COLUMN.test(name)) columns.push(plainName(name))
      if (sign === ')') return columns
      begins = at + 1
    }
  }
  return []
}

/** Without quotes, and without a schema before it. */
function plainName(written: string): string {
  return written
    .replace(/["`[\]\\]/g, '')
    .replace(/^.*\./, '')
    .toLowerCase()
}

function tableOf(columns: readonly string[], rows: Iterable<Table['rows'][number]>): Table {
  return { columns, rows: Array.from(rows).filter(row => row.length === columns.length) }
}

function columnOf(
  found: Found,
  { columns, rows }: Table,
  column: number,
  name: KeyName,
  isSetting: boolean,
): Candidate[] {
  const userColumn = columns.findIndex(one => USER.test(one))
  const candidates: Candidate[] = []
  for (const row of rows) {
    const [value, user] = [spanOf(found.text, row[column]), spanOf(found.text, row[userColumn])]
    const plain = value && Buffer.from(value.bytes).toString('latin1')
    if (!plain) continue
    const { form, isDigest } = formOf(plain)
    // A column is headed so in what explains things, too; a digest is what is kept in place of a password.
    const isSaid = user !== undefined && (isSetting || found.text.bytes[value.start - 1] === BACKTICK)
    if ((form === 'word' && !isSaid) || (isDigest && name.family === 'password')) continue
    const candidate = namedCandidate(found, name, value, { how: 'assigned', isSetting }, user)
    if (candidate)
      candidates.push({
        ...candidate,
        reasons: [`in a column ${candidate.reasons[0]}`, ...candidate.reasons.slice(1)],
      })
  }
  return candidates
}

function spanOf(text: Text, cell: Cell | undefined): Span | undefined {
  if (!cell || cell.end <= cell.start) return undefined
  return { ...cell, ...unescaped(text.bytes.subarray(cell.start, cell.end), cell.encodings) }
}

/** A table below its header, with what separates the columns there; of CSV and Gherkin, where its last row ends. */
type Below = Table & { readonly sign: string; readonly end?: number }
type Line = ReturnType<typeof lineAt>

/** What a header of CSV has between its signs. */
const HEADS = /^\s*(["']?)[A-Za-z_][\w ./()#-]{0,60}\1\s*$/

function csvBelow(text: Text, { header, start, end }: Line): Below | undefined {
  // The first line, perhaps below a comment.
  if (start > 0 && !/(?:^|\n)(?:#[^\n]*|\r?)\n$/.test(text.latin1(Math.max(0, start - 256), start)))
    return undefined
  const sign = /[\t,;]/.exec(header)?.[0]
  if (sign === undefined) return undefined
  const columns = header.split(sign)
  if (!columns.every(one => HEADS.test(one))) return undefined
  const one = new RegExp(`(?:"([^"]*)"|([^"${sign}]*))(?:${sign}|$)`, 'y')
  const rows: Cell[][] = []
  let last = end
  let isBelowComment = false
  for (const [at, line] of linesBelow(text, end)) {
    if (isBelowComment && headsTable(line)) break
    isBelowComment = line.startsWith('#')
    if (isBelowComment) continue
    last = at + line.length
    const cells: Cell[] = []
    one.lastIndex = 0
    for (let cell = one.exec(line); cell; cell = one.exec(line)) {
      const from = at + cell.index + (cell[1] === undefined ? 0 : 1)
      cells.push({ start: from, end: from + (cell[1] ?? cell[2]!).length, encodings: [] })
      if (!cell[0].endsWith(sign)) break
    }
    rows.push(cells)
  }
  return { ...tableOf(columns, rows), sign, end: last }
}

/** Whether a line below a comment is the header of another table: nothing but names, one of which tells. */
function headsTable(line: string | undefined): boolean {
  const columns = line?.split(/[\t,;]/) ?? []
  return (
    columns.length > 1 &&
    columns.every(one => HEADS.test(one)) &&
    columns.some(one => keyNameOf(one.replace(/["'\s]/g, '')) !== undefined)
  )
}

/** The line below a header of Markdown. */
const RULED = /^(?:\|[ \t]*)?:?-{2,}:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?$/

function markdownBelow(text: Text, { header, end }: Line): Below | undefined {
  if (!header.includes('|')) return undefined
  // Examples of Gherkin have no line below their header, and end where a line has no sign.
  const isGherkin = text.path.endsWith('.feature')
  let rows: (Cell | undefined)[][] | undefined = isGherkin ? [] : undefined
  let last = end
  for (const [at, line] of linesBelow(text, end)) {
    if (isGherkin && !line.includes('|')) break
    last = at + line.length
    if (RULED.test(line.trim())) {
      // Another table right below has begun with a header of its own.
      if (rows) {
        rows.pop()
        break
      }
      rows = []
    } else if (!rows) return undefined
    else if (line.includes('|') && !line.includes('\\|')) rows.push(cellsOf(at, line))
  }
  return rows && { ...tableOf(header.split('|'), rows), sign: '|', ...(isGherkin && { end: last }) }
}

/** What may be a value in a row of Markdown, without the signs of code. */
function cellsOf(at: number, line: string): (Cell | undefined)[] {
  let from = at
  return line.split('|').map(written => {
    const lead = /^[ \t]*`?/.exec(written)![0].length
    const end = written.trimEnd().replace(/`$/, '').length
    const cell = { start: from + lead, end: from + end, encodings: [] }
    from += written.length + 1
    return /^[^\s<>{}[\]]+$/.test(written.slice(lead, end)) ? cell : undefined
  })
}

/** No header is longer. */
const LONGEST_LINE = 2048

/** The line around a place, with where it begins and ends; empty where it is longer than any header. */
function lineAt({ bytes }: Text, at: number): { header: string; start: number; end: number } {
  const from = Math.max(0, at - LONGEST_LINE)
  const before = bytes.subarray(from, at).lastIndexOf(0x0a)
  const after = bytes.subarray(at, at + LONGEST_LINE).indexOf(0x0a)
  const start = from + before + 1
  const end = after < 0 ? Math.min(bytes.length, at + LONGEST_LINE) : at + after
  const isWhole = (before >= 0 || from === 0) && (after >= 0 || end === bytes.length)
  return { header: isWhole ? bytes.toString('latin1', start, end).replace(/\r$/, '') : '', start, end }
}

/** Up to the first that is empty or not whole, each with where it begins. */
function* linesBelow({ bytes }: Text, end: number): Generator<[at: number, line: string]> {
  const last = Math.min(bytes.length, end + 1 + REACH)
  const below = bytes.subarray(0, last)
  for (let at = end + 1; at < last; ) {
    const found = below.indexOf(0x0a, at)
    if (found < 0 && last < bytes.length) return
    const next = found < 0 ? last : found
    const line = bytes.toString('latin1', at, next)
    if (line.trim() === '') return
    yield [at, line.replace(/\r$/, '')]
    at = next + 1
  }
}

const LITERAL = /\s*(?:[NEe](?='))?(?:'((?:[^'\\]|''|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*(?=[,)])/y
/** Anything else: a number, an expression with calls, up to what ends it. A doubled quote ends one literal and begins the next. */
const OTHER =
  /(?:[^'"(),]|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\((?:[^'"()]|'[^']*'|"[^"]*"|\([^()]*\))*\))*(?=[,)])/y

/** The rows of an INSERT, the first of which begins at `from` with its first value. */
function* valuesFrom(text: Text, from: number): Generator<(Cell | undefined)[]> {
  const { dialect } = text
  const below = text.latin1(from, Math.min(text.bytes.length, from + REACH))
  let row: (Cell | undefined)[] = []
  for (let at = 0; at < below.length; ) {
    LITERAL.lastIndex = OTHER.lastIndex = at
    const literal = LITERAL.exec(below)
    const value = literal?.[1] ?? literal?.[2]
    if (literal && value !== undefined) {
      const start = from + at + literal[0].search(/['"]/) + 1
      const doubled = literal[1]?.includes("''") ? 'yaml' : quotedEncoding(dialect, false)
      // A program closes its own string within: `'" + password + "'`.
      const isPiece = /^["'][ \t]*[+.&]|[+.&][ \t]*["']$/.test(value)
      row.push(
        isPiece ? undefined : { start, end: start + value.length, encodings: doubled ? [doubled] : [] },
      )
      at += literal[0].length
    } else {
      if (!OTHER.test(below)) return
      row.push(undefined)
      at = OTHER.lastIndex
    }
    if (below[at] === ')') {
      yield row
      row = []
      const more = /^\)\s*,\s*\(/.exec(below.slice(at, at + 200))
      if (!more) return
      at += more[0].length
    } else at++
  }
}
