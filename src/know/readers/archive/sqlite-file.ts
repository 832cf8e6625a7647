import { type Budget, Damaged } from './budget.ts'
import type { Spool } from './spool.ts'

const LARGEST_ROW_BYTES = 32 * 1024 * 1024
const MOST_TABLES = 100_000
const INTERIOR_INDEX = 2
const INTERIOR_TABLE = 5
const LEAF_INDEX = 10
const LEAF_TABLE = 13

export interface Table {
  readonly name: string
  readonly sql: string
  readonly rootPage: number
  /** Without a rowid: its rows are kept as an index, whose columns are in another order. */
  readonly isIndex: boolean
}

/** A text, in UTF-8, or a blob. */
export type Cell = { readonly bytes: Uint8Array; readonly isBlob: boolean } | { readonly tooLarge: true }

export interface SqliteRow {
  readonly rowid: number
  /** Undefined where there is neither text nor blob. */
  readonly cells: readonly (Cell | undefined)[]
}

/**
 * The pages of a database. Each page is read in one place only, as it is used in one only: what points in a circle comes to
 * an end. Raises LimitReached; damage is noted and the rest is read.
 */
export class SqliteFile {
  /** Why some of it could not be read. */
  damage: string | undefined
  readonly #spool: Spool
  readonly #budget: Budget
  readonly #pageBytes: number
  readonly #usable: number
  readonly #encoding: number
  readonly #seen = new Set<number>()

  constructor(spool: Spool, budget: Budget) {
    const header = view(spool.read(0, 100))
    const size = header.getUint16(16)
    this.#spool = spool
    this.#budget = budget
    this.#pageBytes = size === 1 ? 65_536 : size
    this.#usable = this.#pageBytes - header.getUint8(20)
    this.#encoding = header.getUint32(56)
    const isPower = (this.#pageBytes & (this.#pageBytes - 1)) === 0
    if (this.#pageBytes < 512 || !isPower || this.#usable < 480)
      throw new Damaged('it is damaged: its pages have no usable size')
  }

  tables(): Table[] {
    const tables: Table[] = []
    const schema = { name: 'sqlite_schema', sql: '', rootPage: 1, isIndex: false }
    for (const { cells, integers } of this.#rows(schema)) {
      const [type, name, , , sql] = cells.map(cell =>
        cell && 'bytes' in cell ? Buffer.from(cell.bytes).toString('utf8') : '',
      )
      const rootPage = integers[3] ?? 0
      if (type !== 'table' || rootPage < 1 || name === '') continue
      if (tables.length >= MOST_TABLES) break
      const isIndex = [INTERIOR_INDEX, LEAF_INDEX].includes(this.#peekType(rootPage))
      tables.push({ name: name!, sql: sql!, rootPage, isIndex })
    }
    return tables
  }

  rows(table: Table): Generator<SqliteRow, void> {
    return this.#rows(table)
  }

  *#rows(table: Table): Generator<SqliteRow & { integers: (number | undefined)[] }, void> {
    const pages = [table.rootPage]
    for (let number = pages.pop(); number !== undefined; number = pages.pop()) {
      this.#budget.checkTime()
      const page = this.#page(number)
      if (!page) continue
      const at = number === 1 ? 100 : 0
      const type = page.getUint8(at)
      const isInterior = type === INTERIOR_TABLE || type === INTERIOR_INDEX
      if (!isInterior && type !== LEAF_TABLE && type !== LEAF_INDEX) {
        this.damage = 'it is damaged: a page of a table is none'
        continue
      }
      const children: number[] = []
      const count = Math.min(page.getUint16(at + 3), this.#pageBytes / 2)
      const pointers = at + (isInterior ? 12 : 8)
      for (let i = 0; i < count && pointers + 2 * i + 2 <= this.#pageBytes; i++) {
        let cellAt = page.getUint16(pointers + 2 * i)
        if (isInterior) {
          if (cellAt + 4 > this.#pageBytes) continue
          children.push(page.getUint32(cellAt))
          cellAt += 4
        }
        if (type === INTERIOR_TABLE) continue
        const row = this.#row(page, cellAt, type === LEAF_TABLE)
        if (row) yield row
      }
      if (isInterior) children.push(page.getUint32(at + 8))
      pages.push(...children.reverse())
    }
  }

  #row(page: DataView, cellAt: number, isTable: boolean) {
    const size = varint(page, cellAt)
    if (!size) return undefined
    const rowid = isTable ? varint(page, size.next) : { value: 0, next: size.next }
    if (!rowid) return undefined
    if (size.value > LARGEST_ROW_BYTES)
      return { rowid: rowid.value, cells: [{ tooLarge: true } as const], integers: [] }
    const payload = this.#payload(page, rowid.next, size.value, isTable)
    if (!payload) return undefined
    return { rowid: rowid.value, ...this.#record(payload) }
  }

  /** The beginning lies in the page, and what does not fit in pages that follow each other. */
  #payload(page: DataView, at: number, size: number, isTable: boolean): Uint8Array | undefined {
    const usable = this.#usable
    const most = isTable ? usable - 35 : Math.floor(((usable - 12) * 64) / 255) - 23
    const least = Math.floor(((usable - 12) * 32) / 255) - 23
    const fitting = least + ((size - least) % (usable - 4))
    const local = size <= most ? size : fitting <= most ? fitting : least
    if (at + local + (local < size ? 4 : 0) > this.#pageBytes) {
      this.damage = 'it is damaged: a row reaches over the end of its page'
      return undefined
    }
    const here = new Uint8Array(page.buffer, page.byteOffset + at, local)
    if (local === size) return here
    const parts = [here]
    let left = size - local
    for (let next = page.getUint32(at + local); left > 0; ) {
      this.#budget.checkTime()
      const more = this.#page(next)
      if (!more) {
        this.damage = 'it is damaged: a row is not all there'
        break
      }
      const part = new Uint8Array(more.buffer, more.byteOffset + 4, Math.min(left, usable - 4))
      parts.push(part)
      left -= part.length
      next = more.getUint32(0)
    }
    return Buffer.concat(parts)
  }

  #record(payload: Uint8Array): Pick<SqliteRow, 'cells'> & { integers: (number | undefined)[] } {
    const bytes = view(payload)
    const cells: (Cell | undefined)[] = []
    const integers: (number | undefined)[] = []
    const header = varint(bytes, 0)
    if (!header) return { cells, integers }
    const headerEnd = Math.min(header.value, payload.length)
    let valueAt = headerEnd
    for (let at = header.next; at < headerEnd; ) {
      const type = varint(bytes, at)
      if (!type) break
      at = type.next
      const size = valueBytes(type.value)
      const end = Math.min(payload.length, valueAt + size)
      const isBlob = type.value % 2 === 0
      if (type.value >= 12) {
        const value = payload.subarray(valueAt, end)
        cells.push({ bytes: isBlob ? value : this.#utf8(value), isBlob })
        integers.push(undefined)
      } else {
        cells.push(undefined)
        integers.push(type.value <= 4 && valueAt + size <= payload.length ? integer(bytes, valueAt, size) : 0)
      }
      valueAt = end
    }
    return { cells, integers }
  }

  #utf8(value: Uint8Array): Uint8Array {
    if (this.#encoding !== 2 && this.#encoding !== 3) return value
    const even = Buffer.from(value.subarray(0, value.length & ~1))
    return Buffer.from((this.#encoding === 3 ? even.swap16() : even).toString('utf16le'))
  }

  #peekType(number: number): number {
    return this.#spool.read((number - 1) * this.#pageBytes + (number === 1 ? 100 : 0), 1)[0] ?? 0
  }

  #page(number: number): DataView | undefined {
    const from = (number - 1) * this.#pageBytes
    if (number < 1 || from + this.#pageBytes > this.#spool.size) {
      this.damage = 'it is cut off'
      return undefined
    }
    if (this.#seen.has(number)) {
      this.damage = 'it is damaged: a page is used twice'
      return undefined
    }
    this.#seen.add(number)
    return view(this.#spool.read(from, this.#pageBytes))
  }
}

/** The names of the columns, as far as the statement that made the table tells them. */
export function columnsOf(sql: string): string[] {
  const open = sql.indexOf('(')
  if (open < 0) return []
  const columns: string[] = []
  // What is not closed goes on to the end: to look for its end once more at each sign would take the square of its length.
  const token =
    /"(?:[^"]|"")*"?|'(?:[^']|'')*'?|`[^`]*`?|\[[^\]]*\]?|--[^\n]*|\/\*[^]*?(?:\*\/|$)|[\w$\u0080-\uffff]+|[^\s]/g
  token.lastIndex = open + 1
  let depth = 0
  let isFirst = true
  for (let match = token.exec(sql); match && depth >= 0; match = token.exec(sql)) {
    const [text] = match
    if (text.startsWith('--') || text.startsWith('/*')) continue
    if (text === '(') depth++
    else if (text === ')') depth--
    else if (text === ',' && depth === 0) isFirst = true
    else if (isFirst && depth === 0) {
      isFirst = false
      if (/^(?:constraint|primary|unique|check|foreign)$/i.test(text)) break
      columns.push(/^["'`[]/.test(text) ? text.slice(1, -1).replaceAll('""', '"') : text)
    }
  }
  return columns
}

export function isText(bytes: Uint8Array): boolean {
  return !bytes.subarray(0, 4096).some(byte => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)
}

function valueBytes(type: number): number {
  if (type >= 12) return Math.floor((type - 12) / 2)
  return [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0][type] ?? 0
}

function integer(bytes: DataView, at: number, size: number): number {
  let value = 0
  for (let i = 0; i < size; i++) value = value * 256 + bytes.getUint8(at + i)
  return value
}

/** Up to nine bytes, seven bits in each; undefined where it is cut off or beyond what a number holds exactly. */
function varint(bytes: DataView, at: number): { value: number; next: number } | undefined {
  let value = 0
  for (let i = 0; i < 9; i++) {
    if (at + i >= bytes.byteLength) return undefined
    const byte = bytes.getUint8(at + i)
    value = i === 8 ? value * 256 + byte : value * 128 + (byte & 0x7f)
    if (byte < 0x80 || i === 8) return { value, next: at + i + 1 }
  }
  return undefined
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
