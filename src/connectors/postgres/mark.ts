import { createHash } from 'node:crypto'

/** PostgreSQL cuts identifiers at 63 bytes (NAMEDATALEN - 1). */
const MAX_NAME = 63

/** The name of the role that `issue` makes for a want: the same every time, and bounded. */
export function issuedRoleName(wantName: string): string {
  const hash = createHash('sha256').update(wantName).digest('hex').slice(0, 16)
  const readable = wantName
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '')
  return `fb_${readable.slice(0, MAX_NAME - 'fb_'.length - 1 - hash.length)}_${hash}`
}

/** The comment that says that a role is ours, which attempt made it, and whose rights it was given. */
export function markOf(wantName: string, likeOid: string): string {
  return `firebreak ${wantName} (like role ${likeOid})`
}

export interface Mark {
  readonly wantName: string
  readonly likeOid: string
}

/** A role is ours where its name and its comment agree: a comment alone can be set by others. */
export function readMark(role: { readonly name: string; readonly comment: string | null }): Mark | undefined {
  const found = /^firebreak (.*) \(like role (\d+)\)$/s.exec(role.comment ?? '')
  if (!found) return undefined
  const [, wantName = '', likeOid = ''] = found
  return issuedRoleName(wantName) === role.name ? { wantName, likeOid } : undefined
}
