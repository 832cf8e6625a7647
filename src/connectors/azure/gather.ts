import { isFirebreakError } from '../../core/contract/errors.ts'

/** The application id of Microsoft Graph, which is the same in every tenant. */
export const GRAPH_APP_ID = '00000003-0000-0000-c000-000000000000'

/** What could not be read, for discover to say. */
export type Gaps = Map<string, { why: string; failed: boolean; hides: readonly string[] }>

/** What was read, and a way to read a part: what is denied or breaks off is a gap, and the rest is read. */
export interface Gather {
  readonly items: unknown[]
  part(scope: string, hides: readonly string[], read: () => Promise<void>): Promise<void>
}

export function gathering(gaps: Gaps): Gather {
  return {
    items: [],
    async part(scope, hides, read) {
      try {
        await read()
      } catch (error) {
        if (!isFirebreakError(error)) throw error
        gaps.set(scope, gapOf(error, hides))
      }
    },
  }
}

export function gapOf({ message, code }: { message: string; code: string }, hides: readonly string[]) {
  return { why: message, failed: !['DENIED', 'UNSUPPORTED', 'NOT_FOUND'].includes(code), hides }
}
