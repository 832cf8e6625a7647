import { ar } from './ar.ts'
import { bzip2 } from './bzip2.ts'
import type { Container } from './container.ts'
import { cpio } from './cpio.ts'
import { imageConfig } from './image-config.ts'
import { jupyter } from './notebook.ts'
import { gzip, zstd } from './packed.ts'
import { rpm } from './rpm.ts'
import { sqlite } from './sqlite.ts'
import { tar } from './tar.ts'
import { unread } from './unread.ts'
import { xz } from './xz.ts'
import { zip } from './zip.ts'

/** Every kind of file that holds others. Tar is last: only its checksum tells it where it has no magic number. */
export const containers: readonly Container[] = [
  zip,
  gzip,
  bzip2,
  xz,
  zstd,
  ar,
  cpio,
  rpm,
  sqlite,
  jupyter,
  imageConfig,
  unread,
  tar,
]

const HEAD_BYTES = 8192

/** `head` is the beginning, 8 KiB of it or more where there are as many. */
export function containerOf(head: Uint8Array, path: string): Container | undefined {
  const start = head.subarray(0, HEAD_BYTES)
  return containers.find(container => container.fits(start, path))
}
