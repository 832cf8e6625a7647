import { createHash } from 'node:crypto'

/**
 * The name of the user that `issue` makes. Redis keeps no comment on a user, so that the name has to say all: that it is
 * ours, like whom it was made, and by which want. A sibling of a sibling is like the first.
 */
export function issuedUserName(wantName: string, like: string): string {
  const made = partsOf(like)
  const readable = like
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '')
    .slice(0, 32)
  const origin = made?.origin ?? `${readable}_${digest(like, 8)}`
  return `fb_${origin}_${digest(wantName, 16)}`
}

/** Made by `issue` for this want, whatever it was like. */
export function isIssuedFor(name: string, wantName: string): boolean {
  return partsOf(name)?.want === digest(wantName, 16)
}

export function isIssued(name: string): boolean {
  return partsOf(name) !== undefined
}

/** Made by `issue` like this user, or like one that was made like it. */
export function isIssuedLike(name: string, like: string): boolean {
  const origin = partsOf(name)?.origin
  if (origin === undefined || name === like) return false
  return origin === partsOf(like)?.origin || origin.endsWith(`_${digest(like, 8)}`)
}

function partsOf(name: string): { origin: string; want: string } | undefined {
  const [, origin, want] = /^fb_([a-z0-9_]{0,32}_[0-9a-f]{8})_([0-9a-f]{16})$/.exec(name) ?? []
  return origin && want ? { origin, want } : undefined
}

function digest(text: string, characters: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, characters)
}
