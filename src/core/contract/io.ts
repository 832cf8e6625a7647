import { randomBytes, randomFillSync } from 'node:crypto'

/** All nondeterminism. A simulation passes its own, so that a run can be repeated from its seed. */
export interface Io {
  readonly fetch: typeof fetch
  readonly signal: AbortSignal
  now(): Date
  random(bytes: number): Uint8Array
  /** Resolves after `ms`, or rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number): Promise<void>
}

export function realIo(signal: AbortSignal = new AbortController().signal): Io {
  return {
    fetch: globalThis.fetch,
    signal,
    now: () => new Date(),
    random: randomSource(),
    sleep: ms => sleep(ms, signal),
  }
}

const POOL_BYTES = 4096
const MOST_FROM_POOL = 16

/** Asking the system for a few bytes costs as much as for thousands, and each id takes a few. None are given twice. */
function randomSource(): Io['random'] {
  const pool = Buffer.alloc(POOL_BYTES)
  let at = POOL_BYTES
  return bytes => {
    if (bytes > MOST_FROM_POOL) return randomBytes(bytes)
    if (at + bytes > POOL_BYTES) {
      randomFillSync(pool)
      at = 0
    }
    const given = new Uint8Array(bytes)
    given.set(pool.subarray(at, at + bytes))
    pool.fill(0, at, at + bytes)
    at += bytes
    return given
  }
}

/** Resolves after `ms`, or rejects with the signal's reason as soon as it is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}
