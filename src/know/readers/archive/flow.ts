import type { Transform } from 'node:stream'
import type { Zlib } from 'node:zlib'
import { type Budget, Damaged } from './budget.ts'
import { ByteQueue } from './byte-queue.ts'

type Decompressor = Transform & Zlib

/** The same of frames one after the other, where a decompressor ends with the first one. */
export async function* unpackedFrames(
  source: AsyncIterable<Uint8Array>,
  make: () => Decompressor,
  budget: Budget,
  pieceBytes: number,
): AsyncGenerator<Uint8Array, void> {
  const bytes = new ByteQueue(source)
  do yield* unpacked(bytes, make(), budget, pieceBytes)
  while (!(await bytes.isEmpty()))
}

/**
 * What a decompressor of Node's makes of the bytes, in order and none held back: what it gave before it failed is
 * given, and then the failure. It is fed in small pieces, because a piece may unpack to a thousand times its size.
 */
export async function* unpacked(
  bytes: ByteQueue,
  decompressor: Decompressor,
  budget: Budget,
  pieceBytes: number,
): AsyncGenerator<Uint8Array, void> {
  const state: { failure?: unknown; ended: boolean; wake: () => void } = { ended: false, wake: () => {} }
  const wake = () => state.wake()
  decompressor.on('readable', wake)
  decompressor.on('end', () => {
    state.ended = true
    wake()
  })
  decompressor.on('error', error => {
    state.failure = error
    wake()
  })
  const feeding = feed(bytes, decompressor, pieceBytes, () => state.failure !== undefined || state.ended)
  let fed = false
  let source: { error: unknown } | undefined
  void feeding.then(
    () => {
      fed = true
      wake()
    },
    error => {
      source = { error }
      fed = true
      wake()
    },
  )
  try {
    for (;;) {
      const chunk: Uint8Array | null = decompressor.read() as Uint8Array | null
      if (chunk) {
        budget.unpack(chunk.length)
        yield chunk
      } else if (state.failure !== undefined) throw new Damaged(reasonOf(state.failure))
      else if (source) throw source.error
      else if (state.ended) return
      else
        await new Promise<void>(resolve => {
          state.wake = resolve
          if (state.failure !== undefined || source || state.ended || decompressor.readableLength > 0)
            resolve()
        })
    }
  } finally {
    state.ended = true
    decompressor.destroy()
    if (!fed) await feeding.catch(() => {})
  }
}

async function feed(
  bytes: ByteQueue,
  decompressor: Decompressor,
  pieceBytes: number,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const piece = await bytes.some(pieceBytes)
    if (!piece) return void decompressor.end()
    const before = decompressor.bytesWritten
    await written(decompressor, piece)
    const left = piece.length - (decompressor.bytesWritten - before)
    if (left <= 0) continue
    // It has ended of itself, and more would be an error.
    bytes.giveBack(left)
    return void decompressor.end()
  }
}

/** Resolves when the piece was taken, or never will be. */
function written(decompressor: Transform, piece: Uint8Array): Promise<void> {
  return new Promise(resolve => {
    decompressor.once('close', resolve)
    decompressor.write(piece, () => {
      decompressor.off('close', resolve)
      resolve()
    })
  })
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (code === 'Z_BUF_ERROR' || code === 'ZSTD_error_srcSize_wrong') return 'it is cut off'
  return `it is damaged (${/^\w+$/.test(code) ? code : 'unknown'})`
}
