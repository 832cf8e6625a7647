import { basename } from 'node:path'
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import { ByteQueue } from './byte-queue.ts'
import type { Context, InOrder, Member } from './container.ts'
import { unpacked, unpackedFrames } from './flow.ts'

/** RFC 1952; members written one after the other are one stream. */
export const gzip: InOrder = {
  name: 'gzip',
  order: 'in order',
  raw: 'nothing',
  packs: true,
  fits: head => startsWith(head, [0x1f, 0x8b, 8]) && head.length > 18,
  async *members(content, context) {
    yield packedIn(
      context,
      unpacked(new ByteQueue(content.bytes()), createGunzip(), context.budget, 16 * 1024),
    )
  },
}

/** RFC 8878. A window of more than 128 MiB is refused. */
export const zstd: InOrder = {
  name: 'zstd',
  order: 'in order',
  raw: 'nothing',
  packs: true,
  fits: head => startsWith(head, [0x28, 0xb5, 0x2f, 0xfd]),
  async *members(content, context) {
    const params = { [constants.ZSTD_d_windowLogMax]: 27 }
    // Four bytes of it may stand for 128 KiB.
    yield packedIn(
      context,
      unpackedFrames(content.bytes(), () => createZstdDecompress({ params }), context.budget, 2048),
    )
  },
}

/** The one stream that a packing holds, under the name that it has without the packing's ending. */
export function packedIn({ path }: Context, bytes: AsyncIterable<Uint8Array>): Member {
  const name = basename(path)
  const tar = /^(.+)\.(?:tgz|tbz2?|tzst|txz)$/i.exec(name)
  const plain = tar ? `${tar[1]}.tar` : name.replace(/\.(?:gz|z|zst|zstd|xz|bz2?)$/i, '')
  return { path: plain, bytes }
}

export function startsWith(head: Uint8Array, magic: readonly number[]): boolean {
  return head.length >= magic.length && magic.every((byte, index) => head[index] === byte)
}
