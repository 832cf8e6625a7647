import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, Ref, State } from '../../core/contract/ref.ts'
import { userName } from './instance-ref.ts'
import { listUsers, mustFindUser, mustNotBeUs, mustReadRules, type Server, setUser } from './server.ts'
import { frozenRules, mints, narrowedRules, settingRules } from './user-rules.ts'
import { parseUserState } from './user-state.ts'

/** `off`: no new login, whatever the password; sessions that are open stay until endSessions. */
export async function suspend(server: Server, ref: Ref): Promise<void> {
  const name = userName(server, ref)
  mustNotBeUs(server, name, 'suspended')
  await server.change('suspending the user', async connection => {
    await mustFindUser(connection, name)
    await setUser(connection, name, 'off')
  })
}

/** `on` again, if it was so before. The passwords were there all the time. */
export async function resume(server: Server, ref: Ref, before: State): Promise<void> {
  const name = userName(server, ref)
  const { on } = parseUserState(before, name)
  await server.change('resuming the user', async connection => {
    await mustFindUser(connection, name)
    await setUser(connection, name, on ? 'on' : 'off')
  })
}

/** Takes away the commands that make or let in users, change the configuration, or load code. */
export async function freeze(server: Server, identity: Ref): Promise<void> {
  const name = userName(server, identity)
  mustNotBeUs(server, name, 'frozen')
  await server.change('freezing the user', async connection => {
    const { rules } = await mustReadRules(connection, name)
    if (!mints(rules)) return
    await setUser(connection, name, ...settingRules(frozenRules(rules, server.major), rules))
    const left = await mustReadRules(connection, name)
    if (mints(left.rules))
      throw new FirebreakError('CONFLICT', `${name} was given rights again while it was frozen`, 'Retry.')
  })
}

/** The rules as they stood. What was issued while the user was frozen gets them, too, where it has the frozen rules. */
export async function thaw(
  server: Server,
  identity: Ref,
  before: State,
  issued: readonly CredentialRef[] = [],
): Promise<void> {
  const name = userName(server, identity)
  const { rules } = parseUserState(before, name)
  const names = issued.map(ref => userName(server, ref))
  await server.change('thawing the user', async connection => {
    const user = await mustReadRules(connection, name)
    const frozen = sorted(frozenRules(rules, server.major))
    const siblings = (await listUsers(connection)).filter(
      other => names.includes(other.name) && sorted(other.rules) === frozen,
    )
    for (const each of [user, ...siblings])
      if (JSON.stringify(each.rules) !== JSON.stringify(rules))
        await setUser(connection, each.name, ...settingRules(rules, each.rules))
  })
}

/** The server tells single commands in an order of its own. */
function sorted(rules: readonly string[]): string {
  return JSON.stringify(rules.map(rule => rule.split(' ').sort().join(' ')).sort())
}

/** Takes away every pattern, command and selector that `scopes` does not name, written as `inspect` shows them. */
export async function narrow(server: Server, identity: Ref, scopes: readonly string[]): Promise<void> {
  const name = userName(server, identity)
  mustNotBeUs(server, name, 'narrowed')
  await server.change('narrowing the user', async connection => {
    const { rules } = await mustReadRules(connection, name)
    await setUser(connection, name, ...settingRules(narrowedRules(rules, scopes), rules))
  })
}
