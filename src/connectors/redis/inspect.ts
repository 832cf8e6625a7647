import type { Ref, State } from '../../core/contract/ref.ts'
import { userName } from './instance-ref.ts'
import { findUser, type Server } from './server.ts'
import { stateOf } from './user-state.ts'

/** What stands for a user now: on or off, how many passwords, its rules. Null for a user that is not there. */
export async function inspect(server: Server, ref: Ref): Promise<State> {
  const name = userName(server, ref)
  const user = await server.read('inspecting the user', connection => findUser(connection, name))
  return user ? stateOf(user) : null
}
