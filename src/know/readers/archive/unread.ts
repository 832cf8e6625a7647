import { Damaged } from './budget.ts'
import type { InOrder } from './container.ts'
import { startsWith } from './packed.ts'

/** By their first bytes. Not among them is what is told by fewer than four, which other files begin with as well. */
const KINDS: readonly (readonly [name: string, magic: readonly number[]])[] = [
  ['7-Zip', [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ['RAR', [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]],
  ['LZ4', [0x04, 0x22, 0x4d, 0x18]],
  ['lzip', [0x4c, 0x5a, 0x49, 0x50, 1]],
  ['lzop', [0x89, 0x4c, 0x5a, 0x4f, 0, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['Cabinet', [0x4d, 0x53, 0x43, 0x46, 0, 0, 0, 0]],
  ['xar', [0x78, 0x61, 0x72, 0x21, 0]],
  ['a git bundle', [...Buffer.from('# v2 git bundle\n')]],
  ['a git bundle', [...Buffer.from('# v3 git bundle\n')]],
]

/** Its name is letters, which a text may begin with; its version stands behind. */
const SQUASHFS = [...Buffer.from('hsqs')]
const [VERSION_AT, VERSION] = [28, 4]

function kindOf(head: Uint8Array): string | undefined {
  if (startsWith(head, SQUASHFS) && head[VERSION_AT] === VERSION && head[VERSION_AT + 1] === 0)
    return 'SquashFS'
  return KINDS.find(([, magic]) => startsWith(head, magic))?.[0]
}

/**
 * What is packed in a way that nothing here reads: a scan that passed over it would say that it was searched. What it holds unpacked
 * is found in its own bytes.
 */
export const unread: InOrder = {
  name: 'unread',
  order: 'in order',
  raw: 'nothing',
  fits: head => kindOf(head) !== undefined,
  // oxlint-disable-next-line require-yield
  async *members({ head }) {
    throw new Damaged(`it is packed as ${kindOf(head)}, which is not looked into`)
  },
}
