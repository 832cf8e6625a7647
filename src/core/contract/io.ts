import { randomBytes } from 'node:crypto'

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
    random: bytes => randomBytes(bytes),
    sleep: ms => sleep(ms, signal),
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
