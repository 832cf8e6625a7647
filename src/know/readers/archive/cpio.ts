import { pathText } from '../../../core/contract/path-text.ts'
import { type Budget, Damaged } from './budget.ts'
import { ByteQueue, drain } from './byte-queue.ts'
import type { Context, InOrder, Member } from './container.ts'
import type { Content } from './content.ts'

const MAGIC = 6
const LONGEST_NAME = 4096
const TYPE = 0o170000
const REGULAR = 0o100000
const END = 'TRAILER!!!'

/** Where a number stands: [from, to). */
type Field = readonly [number, number]

interface Form {
  readonly magic: readonly string[]
  readonly header: number
  readonly radix: number
  /** Names and contents begin at multiples of it. */
  readonly align: number
  readonly mode: Field
  readonly nameSize: Field
  readonly size: Field
}

/** "newc", without and with a checksum, as Linux and RPM have it; and the portable form of POSIX.1 (1988), "odc". */
const FORMS: readonly Form[] = [
  {
    magic: ['070701', '070702'],
    header: 110,
    radix: 16,
    align: 4,
    mode: [14, 22],
    nameSize: [94, 102],
    size: [54, 62],
  },
  { magic: ['070707'], header: 76, radix: 8, align: 1, mode: [18, 24], nameSize: [59, 65], size: [65, 76] },
]

/**
 * cpio: what an RPM package packs, and what Linux starts from (initramfs), where several may follow each other, the last
 * one packed. Of a file with several names the last has the content; links and devices have none.
 */
export const cpio: InOrder = {
  name: 'cpio',
  order: 'in order',
  raw: 'nothing',
  fits: isCpio,
  members,
}

async function* members(content: Content, { budget }: Context): AsyncGenerator<Member, void> {
  const bytes = new ByteQueue(content.bytes())
  for (let isFirst = true; ; isFirst = false) {
    const magic = await nextMagic(bytes)
    if (!magic) return
    const form = formOf(magic)
    if (form) yield* archive(bytes, form, magic, budget)
    else {
      // Packed, most often: how it begins tells.
      if (!isFirst) yield { path: 'what follows', bytes: rest(magic, bytes) }
      return
    }
  }
}

/** `magic` was read: the beginning of the first member's header. */
async function* archive(
  bytes: ByteQueue,
  { header: length, radix, align, ...at }: Form,
  magic: Uint8Array,
  budget: Budget,
): AsyncGenerator<Member, void> {
  for (let begun: Uint8Array | undefined = magic; begun; begun = await bytes.exactly(MAGIC)) {
    budget.checkTime()
    if (!formOf(begun)) throw new Damaged('it is damaged: what follows is no cpio header')
    const header = Buffer.concat([begun, (await bytes.exactly(length - MAGIC)) ?? new Uint8Array()])
    const number = ([from, to]: Field) => {
      const digits = header.toString('latin1', from, to)
      return /^[0-9a-f]+$/i.test(digits) ? Number.parseInt(digits, radix) : Number.NaN
    }
    const [mode, nameSize, size] = [number(at.mode), number(at.nameSize), number(at.size)]
    if (!(mode >= 0 && size >= 0 && nameSize > 0 && nameSize <= LONGEST_NAME))
      throw new Damaged('it is damaged: a member has no usable size')
    const name = (await bytes.exactly(nameSize)) ?? new Uint8Array()
    const path = pathText(name.subarray(0, -1))
    await bytes.exactly(padding(length + nameSize, align))
    if (path === END) return
    const member = bytes.stretch(size)
    if (size > 0 && (mode & TYPE) === REGULAR) yield { path, bytes: member }
    await drain(member)
    await bytes.exactly(padding(size, align))
  }
  throw new Damaged('it is cut off')
}

/** Archives are filled up with zeros, to whole blocks. */
async function nextMagic(bytes: ByteQueue): Promise<Uint8Array | undefined> {
  for (;;) {
    const piece = await bytes.some(512)
    if (!piece) return undefined
    const zeros = piece.findIndex(byte => byte !== 0)
    if (zeros < 0) continue
    bytes.giveBack(piece.length - zeros)
    return await bytes.exactly(MAGIC)
  }
}

async function* rest(begun: Uint8Array, bytes: ByteQueue): AsyncGenerator<Uint8Array, void> {
  yield begun
  yield* bytes.rest()
}

/** Six digits begin many texts: all of the first header is looked at. */
function isCpio(head: Uint8Array): boolean {
  const form = formOf(head)
  if (!form || head.length < form.header) return false
  const text = Buffer.from(head.subarray(0, form.header)).toString('latin1')
  if (!(form.radix === 16 ? /^[0-9a-f]+$/i : /^[0-7]+$/).test(text)) return false
  const nameSize = Number.parseInt(text.slice(...form.nameSize), form.radix)
  return nameSize > 0 && nameSize <= LONGEST_NAME
}

const DIGIT_ZERO = 0x30

function formOf(head: Uint8Array): Form | undefined {
  // All of them begin with it, and hardly any other file.
  if (head[0] !== DIGIT_ZERO) return undefined
  const magic = Buffer.from(head.subarray(0, MAGIC)).toString('latin1')
  return FORMS.find(form => form.magic.includes(magic))
}

function padding(length: number, align: number): number {
  return (align - (length % align)) % align
}
