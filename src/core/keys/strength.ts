import type { Secret } from '../contract/secret.ts'

/** Below this, one value on two identities may be chance or habit (`postgres/postgres`), above it, it is one credential. */
export const STRONG_BITS = 64

/**
 * An upper estimate of how hard a value is to guess, in bits: its length times the smaller of its alphabet's and its
 * own characters' entropy. It only tells `hunter2` from a generated token, and errs towards weak for short values.
 * @param known so many bytes at its beginning everybody knows.
 */
export function strengthBits(secret: Secret, known = 0): number {
  const bytes = secret.reveal().subarray(known)
  if (bytes.length === 0) return 0
  const counts = new Map<number, number>()
  let lower = 0
  let upper = 0
  let digit = 0
  let other = 0
  for (const byte of bytes) {
    counts.set(byte, (counts.get(byte) ?? 0) + 1)
    if (byte >= 97 && byte <= 122) lower = 26
    else if (byte >= 65 && byte <= 90) upper = 26
    else if (byte >= 48 && byte <= 57) digit = 10
    else other = 33
  }
  const alphabet = Math.log2(lower + upper + digit + other)
  let entropy = 0
  for (const count of counts.values()) entropy -= (count / bytes.length) * Math.log2(count / bytes.length)
  // A short value shows few of its alphabet's characters; what it could have shown at most is log2(length).
  const shown = Math.log2(Math.min(bytes.length, 2 ** alphabet)) || 1
  return Math.floor(bytes.length * alphabet * Math.min(1, entropy / shown))
}
