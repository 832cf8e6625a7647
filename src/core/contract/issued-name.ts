import { createHash } from 'node:crypto'

/**
 * The name of a user that `issue` makes where the system keeps no comment on one. It has to say all: that it is ours, like whom it was
 * made, as far as that can be read, and by which want.
 */
export function issuedName(wantName: string, like: string): string {
  const readable = like
    .replaceAll(/^fb_|_[0-9a-f]{16}$/g, '')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .slice(0, 40)
  return `fb_${readable}_${wantDigest(wantName)}`
}

/** Made by `issue` for this want, whatever it was like. */
export function isIssuedFor(name: string, wantName: string): boolean {
  return isIssued(name) && name.endsWith(`_${wantDigest(wantName)}`)
}

export function isIssued(name: string): boolean {
  return /^fb_\w*_[0-9a-f]{16}$/.test(name)
}

/** Names also what belongs to an attempt besides. */
export function wantDigest(wantName: string): string {
  return createHash('sha256').update(wantName).digest('hex').slice(0, 16)
}
