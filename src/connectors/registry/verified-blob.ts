import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FirebreakError } from '../../core/contract/errors.ts'

/** What is held in memory while it is checked; more lies in a file meanwhile. */
const HELD_BYTES = 8 * 2 ** 20

interface Expected {
  readonly digest: string
  readonly size: number
  readonly path: string
}

/**
 * A blob's bytes, none before all of them were seen to be what the digest says: what is read under a digest is never read
 * again. Raises CONFLICT where they are others, and what `fetched` raises.
 */
export async function* verifiedBlob(
  fetched: () => Promise<AsyncIterable<Uint8Array>>,
  expected: Expected,
  io: { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void> {
  const hash = createHash('sha256')
  const held: Uint8Array[] = []
  let folder: string | undefined
  let size = 0
  try {
    let file: Awaited<ReturnType<typeof open>> | undefined
    try {
      for await (const chunk of readable(await fetched(), expected.path, io)) {
        size += chunk.length
        if (size > expected.size) throw conflict(expected, 'is larger than its manifest says')
        hash.update(chunk)
        if (!file && size <= HELD_BYTES) held.push(chunk)
        else {
          if (!file) {
            folder = await mkdtemp(join(tmpdir(), 'firebreak-layer-'))
            file = await open(join(folder, 'layer'), 'wx', 0o600)
            for (const one of held.splice(0)) await file.write(one)
          }
          await file.write(chunk)
        }
      }
    } finally {
      await file?.close()
    }
    if (size !== expected.size || `sha256:${hash.digest('hex')}` !== expected.digest)
      throw conflict(expected, 'is not what its digest says')
    if (folder === undefined) yield* held
    else
      yield* createReadStream(join(folder, 'layer'), {
        highWaterMark: 256 * 1024,
      }) as AsyncIterable<Uint8Array>
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
}

/** A connection that breaks is no end. */
async function* readable(
  bytes: AsyncIterable<Uint8Array>,
  path: string,
  io: { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* bytes
  } catch (error) {
    io.signal.throwIfAborted()
    if (error instanceof FirebreakError) throw error
    throw new FirebreakError('UNREACHABLE', `${path} broke off while it was fetched`, 'Try again.')
  }
}

function conflict({ path }: Expected, why: string): FirebreakError {
  return new FirebreakError(
    'CONFLICT',
    `${path} ${why}`,
    'Look at what pushes to the registry, and push the image anew.',
  )
}
