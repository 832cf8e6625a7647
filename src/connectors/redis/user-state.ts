import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { State } from '../../core/contract/ref.ts'
import { isGrant, type User } from './user-rules.ts'

/** What `inspect` writes to the journal. How many passwords there are, never a digest of one: those can be guessed at. */
const userState = z.strictObject({
  present: z.literal(true),
  name: z.string(),
  on: z.boolean(),
  nopass: z.boolean(),
  passwords: z.number().int(),
  rules: z.array(z.string()),
  /** All that `narrow` may be told to keep. */
  scopes: z.array(z.string()),
})

export type UserState = z.infer<typeof userState>

export function stateOf({ name, on, nopass, digests, rules }: User): UserState {
  return {
    present: true,
    name,
    on,
    nopass,
    passwords: digests.length,
    rules: [...rules],
    scopes: rules.filter(isGrant),
  }
}

/** Raises CONFLICT where the journalled state is of a user that was not there, of another one, or no state of ours. */
export function parseUserState(before: State, name: string): UserState {
  const parsed = userState.safeParse(before)
  if (!parsed.success)
    throw new FirebreakError('CONFLICT', 'the state to go back to is not that of a user that was there')
  if (parsed.data.name !== name)
    throw new FirebreakError(
      'CONFLICT',
      `the state to go back to is of user ${parsed.data.name}, not of ${name}`,
    )
  return parsed.data
}
