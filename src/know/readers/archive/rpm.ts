import { Damaged } from './budget.ts'
import { ByteQueue, drain } from './byte-queue.ts'
import type { Context, InOrder, Member } from './container.ts'
import type { Content } from './content.ts'
import { startsWith } from './packed.ts'

const LEAD = 96
const INTRODUCTION = 16
const ENTRY = 16
const ALIGN = 8
const HEADER_MAGIC = [0x8e, 0xad, 0xe8, 0x01]
/** What rpm itself takes. */
const MOST_ENTRIES = 0xffff
const MOST_HEADER_BYTES = 256 * 1024 * 1024

/**
 * RPM packages, version 3 and 4 (rpm.org, "RPM Package format"): a lead, a header of signatures, a header of what the package
 * says of itself, with the scripts that run when it is installed, and its files as a packed cpio.
 */
export const rpm: InOrder = {
  name: 'rpm',
  order: 'in order',
  raw: 'nothing',
  fits: head => head.length > LEAD && startsWith(head, [0xed, 0xab, 0xee, 0xdb]),
  members,
}

async function* members(content: Content, { budget }: Context): AsyncGenerator<Member, void> {
  const bytes = new ByteQueue(content.bytes())
  await bytes.exactly(LEAD)
  const signatures = await lengthOfHeader(bytes)
  await bytes.skip(signatures + ((ALIGN - (signatures % ALIGN)) % ALIGN))
  budget.checkTime()
  const header = bytes.stretch(await lengthOfHeader(bytes))
  yield { path: 'header', bytes: header }
  await drain(header)
  yield { path: 'payload', bytes: bytes.rest() }
}

/** Of what follows its introduction: the entries, and the store that they point into. */
async function lengthOfHeader(bytes: ByteQueue): Promise<number> {
  const introduction = Buffer.from((await bytes.exactly(INTRODUCTION)) ?? [])
  if (introduction.length < INTRODUCTION) throw new Damaged('it is cut off')
  const [entries, store] = [introduction.readUInt32BE(8), introduction.readUInt32BE(12)]
  if (!startsWith(introduction, HEADER_MAGIC) || entries > MOST_ENTRIES || store > MOST_HEADER_BYTES)
    throw new Damaged('it is damaged: what follows is no header of a package')
  return entries * ENTRY + store
}
