import { withoutNotes } from './images.ts'

/** A member that could not be looked into, or '' for the document itself. */
export interface MemberGap {
  readonly member: string
  readonly why: string
  /** Neither was what comes after it. */
  readonly rest?: true
  /** A reader of its content could not make sense of all of it: for secrets it was looked into. */
  readonly told?: true
  /** It was meant to be read, and could not be. */
  readonly failed?: true
}

/** Whether a member may not have been looked into because of this gap. */
export function hides(gap: MemberGap, member: string): boolean {
  if (gap.told) return false
  if (gap.rest || gap.member === '') return true
  const plain = withoutNotes(member)
  // Also the columns of a table, which lie in it as files do in a folder.
  return plain === gap.member || ['/', '!/'].some(sign => plain.startsWith(gap.member + sign))
}
