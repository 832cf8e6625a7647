import { GitFailure } from './git-failure.ts'
import type { GitHome } from './git-process.ts'
import { Outlet } from './outlet.ts'
import type { PackedObject } from './pack-file.ts'
import { Packs } from './packs.ts'
import { Requests } from './requests.ts'

/** Of git's output; a larger object comes piece by piece. */
const WHOLE_BYTES = 1024 * 1024
/** Of a pack; what is larger git takes out of it. */
const PACKED_BYTES = 8 * 1024 * 1024
const HEADER = /^[0-9a-f]{40,64} (?:missing|[a-z]+ \d+)$/

export interface LoadedObject {
  readonly id: string
  readonly type: string
  readonly size: number
  /** Here at once where the object is small. */
  readonly whole: Buffer | undefined
  /** Whether nothing is asked for after it; waits until that is known. */
  isLast(): Promise<boolean>
  /** Once, and before the next object is asked for. */
  bytes(): AsyncGenerator<Uint8Array, void>
}

/**
 * Objects one after the other, their bytes as they come, up to 8 MiB of them in memory, and there until the next object is
 * asked for. What cannot be read is reported to `lost`, and the rest follows.
 */
export async function* readObjects(
  home: GitHome,
  ids: AsyncIterable<readonly string[]>,
  lost: (id: string, why: string) => void,
): AsyncGenerator<LoadedObject, void> {
  const batches = ids[Symbol.asyncIterator]()
  const left: string[] = []
  let last: LoadedObject | undefined
  try {
    for await (const [id, object] of readPacked(home, batches, left)) {
      if (last) yield packed(id, object, false)
      // Whatever becomes of what git has to read, there is one after it.
      else last = packed(id, { ...object, bytes: Buffer.from(object.bytes) }, true)
    }
    if (left.length > 0)
      for await (const object of readByGit(home, goingOn(left, batches), lost))
        yield last ? { ...object, isLast: async () => false } : object
    if (last) yield last
  } finally {
    await batches.return?.()
  }
}

/** Ids that are known already, as `readObjects` takes them. */
export async function* given(batches: readonly string[][]): AsyncGenerator<string[], void> {
  yield* batches
}

type Batches = AsyncIterator<readonly string[]>

async function* goingOn(first: readonly string[], batches: Batches): AsyncGenerator<readonly string[], void> {
  yield first
  for (let next = await batches.next(); !next.done; next = await batches.next()) yield next.value
}

function packed(id: string, { type, bytes }: PackedObject, isLast: boolean): LoadedObject {
  return { id, type, size: bytes.length, whole: bytes, isLast: async () => isLast, bytes: () => once(bytes) }
}

/** A few are found by git without reading a whole index. */
const FEW = 64
/** So long other things wait at most. */
const TURN_BYTES = 4 * 1024 * 1024

/** What is in packs and small; of the rest the ids are put into `left`. Where no pack can be read, no more batches are taken. */
async function* readPacked(
  home: GitHome,
  batches: Batches,
  left: string[],
): AsyncGenerator<readonly [id: string, object: PackedObject], void> {
  let packs: Packs | undefined
  let bytes = 0
  try {
    for (let next = await batches.next(); !next.done; next = await batches.next()) {
      const batch = next.value
      if (!packs && batch.length < FEW) {
        left.push(...batch)
        continue
      }
      packs ??= new Packs(home.objects, batch[0]!.length / 2)
      if (packs.isEmpty) {
        left.push(...batch)
        return
      }
      for (const id of batch) {
        const object = packs.read(id, PACKED_BYTES)
        if (object) yield [id, object]
        else left.push(id)
        // What is not read may have taken as long.
        bytes += object?.bytes.length ?? PACKED_BYTES
        if (bytes < TURN_BYTES) continue
        bytes = 0
        await new Promise(setImmediate)
      }
      home.signal.throwIfAborted()
      await new Promise(setImmediate)
    }
  } finally {
    packs?.close()
  }
}

async function* readByGit(
  home: GitHome,
  ids: AsyncIterable<readonly string[]>,
  lost: (id: string, why: string) => void,
): AsyncGenerator<LoadedObject, void> {
  const requests = new Requests(
    home,
    ['cat-file', '--batch', '--buffer'],
    ids,
    await Outlet.open(home.shadow),
  )
  let cutOff = false // git died within an object: what is left of its output is content, not a header
  try {
    for (;;) {
      const header = cutOff ? undefined : (requests.out.buffered(10) ?? (await requests.out.record(10)))
      if (!header) {
        cutOff = false
        const [id, complaint] = [requests.current(), requests.complaint]
        const end = await requests.ended()
        if (end === 'done') return
        if (id) lost(id, complaint)
        if (end === 'given up') {
          lost('', 'too many damaged objects, the rest was not read')
          return
        }
        continue
      }
      const text = header.toString('latin1')
      if (!HEADER.test(text)) throw new GitFailure('git gave an answer of an unknown form')
      const [id, type, sizeText] = text.split(' ') as [string, string, string | undefined]
      if (sizeText === undefined) {
        lost(id, 'missing or damaged')
        requests.answered()
        continue
      }
      const size = Number(sizeText)
      const isLast = () => requests.currentIsLast()
      if (size <= WHOLE_BYTES) {
        const framed = requests.out.here(size + 1) ?? (await requests.out.take(size + 1))
        if (!framed) {
          cutOff = true
          continue
        }
        const whole = framed.subarray(0, size)
        yield { id, type, size, whole, isLast, bytes: () => once(whole) }
        requests.out.release()
        requests.answered()
        continue
      }
      const body = new Body(requests, size)
      yield { id, type, size, whole: undefined, isLast, bytes: () => body.chunks() }
      await body.skip()
      requests.out.release()
      cutOff = body.cutOff
      if (!cutOff) requests.answered()
    }
  } finally {
    await requests.close()
  }
}

async function* once<T>(value: T): AsyncGenerator<T, void> {
  yield value
}

/** A large object's bytes, handed on as they come. */
class Body {
  readonly #requests: Requests
  #left: number
  cutOff = false

  constructor(requests: Requests, size: number) {
    this.#requests = requests
    this.#left = size + 1 // the last byte is git's line end
  }

  async *chunks(): AsyncGenerator<Uint8Array, void> {
    for (let chunk = await this.#next(); chunk; chunk = await this.#next()) if (chunk.length > 0) yield chunk
  }

  async skip(): Promise<void> {
    while (await this.#next());
  }

  async #next(): Promise<Buffer | undefined> {
    if (this.#left === 0) return undefined
    const chunk = await this.#requests.out.some(this.#left)
    if (!chunk) {
      this.cutOff = true
      this.#left = 0
      return undefined
    }
    this.#left -= chunk.length
    return this.#left === 0 ? chunk.subarray(0, -1) : chunk
  }
}
