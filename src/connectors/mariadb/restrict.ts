import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import { isIssued } from '../../core/contract/issued-name.ts'
import type { CredentialRef, Ref, State } from '../../core/contract/ref.ts'
import { type Account, accountOf, accountRef, quoted } from './account.ts'
import { frozen, type Grant, give, grantsOf, reduce, sameGrant, sameTarget } from './grants.ts'
import { findEntry, mustFindEntry, mustNotBeUs, NO_PASSWORD, type Server, type Sql } from './server.ts'
import { endSessions } from './sessions.ts'

const accountState = z.strictObject({
  present: z.literal(true),
  account: z.string(),
  locked: z.boolean(),
  plugin: z.string(),
  grants: z.array(z.strictObject({ what: z.string(), role: z.boolean(), option: z.boolean() })),
  /** All that `narrow` may be told to keep. */
  scopes: z.array(z.string()),
})

/** What stands for an account now: locked or not, its rights. Never a digest of its password. */
export async function inspect(server: Server, ref: Ref): Promise<State> {
  const account = accountOf(server, ref)
  return await server.work('inspecting the account', async sql => {
    const entry = await findEntry(sql, account)
    if (!entry) return null
    const grants = await grantsOf(sql, account)
    return {
      present: true,
      account: `${account.user}@${account.host}`,
      locked: entry.locked,
      plugin: entry.plugin,
      grants: grants.map(grant => ({ ...grant })),
      scopes: grants.map(({ what }) => what),
    }
  })
}

function stateBefore(before: State, { user, host }: Account): z.infer<typeof accountState> {
  const parsed = accountState.safeParse(before)
  if (!parsed.success || parsed.data.account !== `${user}@${host}`)
    throw new FirebreakError('CONFLICT', 'the state to go back to is not that of an account that was there')
  return parsed.data
}

/** Nobody logs in any more, whatever the password; sessions that are open stay until endSessions. */
export async function suspend(server: Server, ref: CredentialRef): Promise<void> {
  const account = accountOf(server, ref)
  mustNotBeUs(server, account, 'suspended')
  await server.work('suspending the account', async sql => {
    await mustFindEntry(sql, account)
    await sql(`alter user ${quoted(account)} account lock`)
  })
}

export async function resume(server: Server, ref: CredentialRef, before: State): Promise<void> {
  const account = accountOf(server, ref)
  const { locked } = stateBefore(before, account)
  await server.work('resuming the account', async sql => {
    await mustFindEntry(sql, account)
    await sql(`alter user ${quoted(account)} account ${locked ? 'lock' : 'unlock'}`)
  })
}

/** Takes away what makes accounts or gives rights to others. */
export async function freeze(server: Server, identity: Ref): Promise<void> {
  await change(server, identity, 'freezing the account', grant => frozen(grant))
}

/** Takes away every right that `scopes` does not name, written as `inspect` shows them. */
export async function narrow(server: Server, identity: Ref, scopes: readonly string[]): Promise<void> {
  await change(server, identity, 'narrowing the account', grant =>
    scopes.includes(grant.what) ? grant : undefined,
  )
}

async function change(
  server: Server,
  identity: Ref,
  doing: string,
  becomes: (grant: Grant) => Grant | undefined,
): Promise<void> {
  const account = accountOf(server, identity)
  mustNotBeUs(server, account, 'narrowed')
  await server.work(doing, async sql => {
    await mustFindEntry(sql, account)
    for (const grant of await grantsOf(sql, account)) {
      const next = becomes(grant)
      if (next && sameGrant(next, grant)) continue
      await reduce(sql, grant, next, account)
    }
  })
}

/** The rights as they stood; also of what was issued while the account was frozen, where it has what that left. */
export async function thaw(
  server: Server,
  identity: Ref,
  before: State,
  issued: readonly CredentialRef[] = [],
): Promise<void> {
  const account = accountOf(server, identity)
  const siblings = issued.map(ref => accountOf(server, ref))
  const { grants } = stateBefore(before, account)
  const left = grants.flatMap(grant => frozen(grant) ?? [])
  await server.work('thawing the account', async sql => {
    await mustFindEntry(sql, account)
    for (const sibling of siblings)
      if ((await findEntry(sql, sibling)) && isBetween(await grantsOf(sql, sibling), left, grants))
        await restore(sql, sibling, grants)
    await restore(sql, account, grants)
  })
}

async function restore(sql: Sql, account: Account, grants: readonly Grant[]): Promise<void> {
  for (const grant of await grantsOf(sql, account))
    await reduce(
      sql,
      grant,
      grants.find(stood => sameTarget(stood, grant)),
      account,
    )
  for (const grant of grants) await give(sql, grant, account)
}

/** No less than what was left, and no more than what stood; in between where a thaw broke off. */
function isBetween(some: readonly Grant[], left: readonly Grant[], stood: readonly Grant[]): boolean {
  return (
    left.every(each => some.some(one => sameTarget(one, each))) &&
    some.every(one => [...left, ...stood].some(each => sameGrant(one, each)))
  )
}

/**
 * An account that we issued, or one revoked as a user, is dropped. An ordinary one is left without a password, and locked. Its sessions
 * end in every case. What is not there is success.
 */
export async function revoke(server: Server, ref: CredentialRef): Promise<void> {
  const account = accountOf(server, ref)
  mustNotBeUs(server, account, 'revoked')
  const there = await server.work('revoking', async sql => {
    if (!(await findEntry(sql, account))) return false
    await shut(sql, account)
    return true
  })
  // Dropping an account ends none of its sessions: they go first, and nobody can begin another.
  await endSessions(server, accountRef(server.instance, account), server.io.now().getTime())
  if (there && (ref.kind === 'user' || isIssued(account.user)))
    await server.work('dropping the account', sql => sql(`drop user if exists ${quoted(account)}`))
}

async function shut(sql: Sql, account: Account): Promise<void> {
  await sql(`alter user ${quoted(account)} account lock`)
  await sql(`alter user ${quoted(account)} identified via mysql_native_password using ?`, [NO_PASSWORD])
}
