import { bzip2 } from './bzip2.ts'
import type { Container } from './container.ts'
import { gzip, zstd } from './packed.ts'
import { tar } from './tar.ts'
import { xz } from './xz.ts'
import { zip } from './zip.ts'

/** Every kind of file that holds others. Tar is last: only its checksum tells it where it has no magic number. */
export const containers: readonly Container[] = [zip, gzip, bzip2, xz, zstd, tar]

export function containerOf(head: Uint8Array, path: string): Container | undefined {
  return containers.find(container => container.fits(head, path))
}
