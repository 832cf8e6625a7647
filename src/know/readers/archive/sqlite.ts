import { Damaged } from './budget.ts'
import { once } from './byte-queue.ts'
import type { Context, Gap, Member, OutOfOrder } from './container.ts'
import type { Spool } from './spool.ts'
import { type Cell, columnsOf, isText, SqliteFile, type Table } from './sqlite-file.ts'

const MAGIC = 'SQLite format 3\0'
/** So much of a column is read as one text. */
const TEXT_BYTES = 256 * 1024
const SHORTEST_VALUE = 4

/**
 * A SQLite database (sqlite.org/fileformat2.html): what stands in each text column of each table, and blobs that hold
 * more. Read by code of our own and not by SQLite: a hostile file can neither make it run for ever nor crash the process, and
 * nothing has to be written to disk for it. What its pages hold beside its tables, deleted rows above all, is read as bytes.
 */
export const sqlite: OutOfOrder = {
  name: 'sqlite',
  order: 'any',
  raw: 'last',
  fits: head =>
    head.length >= 100 &&
    head[0] === MAGIC.charCodeAt(0) &&
    Buffer.from(head.subarray(0, 16)).toString('latin1') === MAGIC,
  members,
}

async function* members(spool: Spool, { budget }: Context): AsyncGenerator<Member | Gap, void> {
  const file = new SqliteFile(spool, budget)
  let damage: string | undefined
  for (const table of file.tables())
    try {
      yield* tableMembers(file, table)
    } catch (error) {
      if (!(error instanceof Damaged)) throw error
      damage = error.message
      yield { path: table.name, gap: error.message }
    }
  if (damage === undefined && file.damage !== undefined) throw new Damaged(file.damage)
}

/** Values of one column become one text, a line for each, with the column's name before it. */
function* tableMembers(file: SqliteFile, table: Table): Generator<Member | Gap, void> {
  const names = columnsOf(table.sql)
  const key = names.findIndex(name => /(?:^|_)(?:key|name|option)$/i.test(name))
  const value = names.findIndex(name => /(?:^|_)(?:value|val)$/i.test(name))
  const texts = new Map<number, ColumnText>()
  for (const { rowid, cells } of file.rows(table)) {
    const known = table.isIndex ? [] : names
    for (const [index, cell] of cells.entries()) {
      if (cell === undefined) continue
      const column = known[index] ?? `column ${index + 1}`
      if ('tooLarge' in cell) {
        yield { path: `${table.name}/${column}/row ${rowid}`, gap: 'the value is too large to be read' }
        continue
      }
      if (cell.bytes.length < SHORTEST_VALUE) continue
      if (!isText(cell.bytes)) {
        const path = `${table.name}/${column}/row ${rowid}`
        if (cell.isBlob) yield { path, bytes: once(cell.bytes) }
        continue
      }
      let text = texts.get(index)
      if (!text) texts.set(index, (text = new ColumnText(`${table.name}/${column}`)))
      // In a table of settings the name of what it is stands beside the value.
      const name = index === value && key >= 0 && key !== index ? nameIn(cells[key]) : undefined
      text.add(name ?? column, cell.bytes, rowid)
      if (text.size >= TEXT_BYTES) yield text.take()
    }
  }
  for (const text of texts.values()) if (text.size > 0) yield text.take()
}

class ColumnText {
  readonly #path: string
  #parts: Uint8Array[] = []
  #from: number | undefined
  #taken = 0
  size = 0

  constructor(path: string) {
    this.#path = path
  }

  add(name: string, value: Uint8Array, rowid: number): void {
    this.#from ??= rowid
    const line = [Buffer.from(`${name}: `), value, Buffer.from('\n')]
    this.#parts.push(...line)
    for (const part of line) this.size += part.length
  }

  take(): Member {
    const bytes = Buffer.concat(this.#parts, this.size)
    const path = this.#taken++ === 0 ? this.#path : `${this.#path} (from row ${this.#from})`
    this.#parts = []
    this.#from = undefined
    this.size = 0
    return { path, readAs: 'column.yaml', bytes: once(bytes) }
  }
}

function nameIn(cell: Cell | undefined): string | undefined {
  if (!cell || 'tooLarge' in cell || cell.bytes.length > 200) return undefined
  const name = Buffer.from(cell.bytes).toString('utf8')
  return /^[\w.:/ -]+$/.test(name) ? name : undefined
}
