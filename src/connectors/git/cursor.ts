import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Cursor } from '../../core/contract/ref.ts'

const shape = z.strictObject({
  /** What refs named: everything reachable from them has been read. */
  tips: z.array(z.string().regex(/^[0-9a-f]{40,64}$/)),
  /** When the newest loose object and the newest file of the git directory were written, in nanoseconds. */
  looseNs: z.string().regex(/^\d+$/),
  filesNs: z.string().regex(/^\d+$/),
})

export type Position = z.infer<typeof shape>

export function formatCursor(position: Position): Cursor {
  return JSON.stringify(position)
}

/** An empty cursor is the beginning. */
export function parseCursor(cursor: Cursor | undefined): Position | undefined {
  if (cursor === undefined || cursor === '') return undefined
  try {
    return shape.parse(JSON.parse(cursor))
  } catch {
    throw new FirebreakError(
      'INVALID_CONFIG',
      'the cursor was not made by the git connector',
      'Scan the repository from the beginning, without a cursor.',
    )
  }
}
