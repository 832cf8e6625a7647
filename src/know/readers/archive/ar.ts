import { pathText } from '../../../core/contract/path-text.ts'
import { Damaged } from './budget.ts'
import { beforeNul, ByteQueue, drain, once } from './byte-queue.ts'
import type { Context, InOrder, Member } from './container.ts'
import type { Content } from './content.ts'
import { startsWith } from './packed.ts'

const MAGIC = [...Buffer.from('!<arch>\n')]
const HEADER = 60
const MOST_NAMES_BYTES = 16 * 1024 * 1024
const LONGEST_NAME = 4096
/** The table of a library's symbols, where each function is. */
const TABLES: ReadonlySet<string> = new Set(['/', '/SYM64/'])

/**
 * Debian packages and static libraries: ar(5), with long names as GNU writes them (a table, and offsets into it) and as BSD
 * does (before the content). A thin archive only names files that lie elsewhere: it is a text like any other.
 */
export const ar: InOrder = {
  name: 'ar',
  order: 'in order',
  raw: 'nothing',
  fits: head => head.length >= MAGIC.length + HEADER && startsWith(head, MAGIC),
  members,
}

async function* members(content: Content, { budget }: Context): AsyncGenerator<Member, void> {
  const bytes = new ByteQueue(content.bytes())
  await bytes.exactly(MAGIC.length)
  let names: Uint8Array = new Uint8Array()
  for (;;) {
    const header = await bytes.exactly(HEADER)
    if (!header) return
    budget.checkTime()
    const text = Buffer.from(header).toString('latin1')
    const size = Number(text.slice(48, 58).trim() || Number.NaN)
    if (!text.endsWith('`\n') || !Number.isSafeInteger(size) || size < 0)
      throw new Damaged('it is damaged: what follows is no ar header')
    const given = text.slice(0, 16).trimEnd()
    const ownName = /^#1\/(\d{1,4})$/.exec(given)
    if (given === '//' && size <= MOST_NAMES_BYTES) {
      names = (await bytes.exactly(size)) ?? names
      yield { path: 'names', bytes: once(names) }
    } else if (ownName) {
      const length = Number(ownName[1])
      if (length > Math.min(size, LONGEST_NAME))
        throw new Damaged('it is damaged: a name is longer than its member')
      const name = length === 0 ? undefined : await bytes.exactly(length)
      yield* member(bytes, pathText(beforeNul(name ?? new Uint8Array())), size - length)
    } else
      yield* member(
        bytes,
        longName(given, names) ?? (TABLES.has(given) ? 'symbols' : given.replace(/\/$/, '')),
        size,
      )
    // The last one of some archives lacks it.
    if (size % 2 === 1) await bytes.exactly(1)
  }
}

async function* member(bytes: ByteQueue, path: string, size: number): AsyncGenerator<Member, void> {
  const content = bytes.stretch(size)
  if (size > 0) yield { path, bytes: content }
  await drain(content)
}

/** `/123`: where in the table of names it begins. */
function longName(given: string, names: Uint8Array): string | undefined {
  const at = /^\/(\d+)$/.exec(given)
  if (!at) return undefined
  const rest = names.subarray(Number(at[1]), Number(at[1]) + LONGEST_NAME)
  const end = rest.findIndex(byte => byte === 0x0a || byte === 0)
  return pathText(end < 0 ? rest : rest.subarray(0, end)).replace(/\/$/, '')
}
