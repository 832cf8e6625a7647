import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Issued, Want } from '../../core/contract/connector.ts'
import { FirebreakError, orGone } from '../../core/contract/errors.ts'
import { isIssued, isIssuedFor, issuedName } from '../../core/contract/issued-name.ts'
import type { CredentialRef, Ref, State } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import {
  ask,
  call,
  credentialRef,
  findUser,
  listPermissions,
  listTopicPermissions,
  listUsers,
  mustBeSame,
  mustFindUser,
  mustNotBeUs,
  path,
  type Server,
  type User,
  userName,
} from './server.ts'
import { endSessions } from './sessions.ts'

/** A sibling: a new user with the same permissions, tags and limits. RabbitMQ ends no user at a time of its own. */
export async function issue(server: Server, want: Want): Promise<Issued> {
  if (!want.like) throw new FirebreakError('UNSUPPORTED', 'a user is issued beside another one only')
  if (want.scopes.length > 0)
    throw new FirebreakError(
      'UNSUPPORTED',
      'a sibling has all the rights of the user beside it',
      'Leave scopes empty.',
    )
  const like = userName(server, want.like)
  await mustBeSame(server)
  const name = issuedName(want.name, like)
  if ((await listUsers(server)).some(each => isIssuedFor(each.name, want.name)))
    throw new FirebreakError(
      'CONFLICT',
      `the user ${name} is there already`,
      'Undo the attempt that made it first.',
    )
  const { tags, limits } = await mustFindUser(server, like)
  const { password, hash } = newPassword(server)
  // Without tags and permissions it can do nothing, whoever knows the password.
  await call(server, 'PUT', path('users', name), { password_hash: hash, tags: '' })
  // Of 0 it is suspended, which its sibling is not.
  for (const [limit, value] of Object.entries(limits))
    if (limit !== LIMIT || value > 0) await call(server, 'PUT', path('user-limits', name, limit), { value })
  for (const { user, vhost, ...rights } of await listTopicPermissions(server))
    if (user === like) await call(server, 'PUT', path('topic-permissions', vhost, name), rights)
  for (const { user, vhost, ...rights } of await listPermissions(server))
    if (user === like) await call(server, 'PUT', path('permissions', vhost, name), rights)
  if (tags.length > 0) await change(server, name, () => ({ tags }))
  return { ref: credentialRef(server.instance, name), secret: new Secret(password, name) }
}

/** Removes what `issue(want)` may have left. */
export async function undo(server: Server, want: Want): Promise<void> {
  await mustBeSame(server)
  for (const { name } of await listUsers(server))
    if (isIssuedFor(name, want.name)) await orGone(call(server, 'DELETE', path('users', name)))
}

/** A new password in place of the old one. Sessions that are open stay. */
export async function rotate(server: Server, ref: CredentialRef): Promise<Issued> {
  const name = userName(server, ref)
  mustNotBeUs(server, name)
  await mustBeSame(server)
  const { password, hash } = newPassword(server)
  await change(server, name, () => ({ password_hash: hash }))
  return { ref: credentialRef(server.instance, name), secret: new Secret(password, name) }
}

/**
 * A user that we issued, or one revoked as a user, is deleted. An ordinary one is left without a password, which nobody can log in
 * with. Its sessions end in every case. What is not there is success.
 */
export async function revoke(server: Server, ref: CredentialRef): Promise<void> {
  const name = userName(server, ref)
  mustNotBeUs(server, name)
  await mustBeSame(server)
  if (ref.kind === 'user' || isIssued(name)) await orGone(call(server, 'DELETE', path('users', name)))
  else await orGone(change(server, name, () => ({ password_hash: '' })))
  await endSessions(server, ref.identity ?? ref, server.io.now().getTime() + 1000)
}

const LIMIT = 'max-connections'
const userState = z.strictObject({
  present: z.literal(true),
  name: z.string(),
  tags: z.array(z.string()),
  limits: z.record(z.string(), z.number()),
  permissions: z.array(z.record(z.string(), z.string())),
  topicPermissions: z.array(z.record(z.string(), z.string())),
  scopes: z.array(z.string()),
})

/** What stands for a user now: tags, limits, permissions. Never a digest of its password. */
export async function inspect(server: Server, ref: Ref): Promise<State> {
  const name = userName(server, ref)
  await mustBeSame(server)
  const user = await findUser(server, name)
  if (!user) return null
  const own = <Each extends { user: string }>(all: readonly Each[]) =>
    all.filter(each => each.user === name).map(({ user: _, ...rights }) => rights)
  const permissions = own(await listPermissions(server))
  return {
    present: true,
    name,
    tags: user.tags,
    limits: user.limits,
    permissions,
    topicPermissions: own(await listTopicPermissions(server)),
    scopes: permissions.map(({ vhost }) => vhost),
  }
}

function stateBefore(before: State, name: string): z.infer<typeof userState> {
  const parsed = userState.safeParse(before)
  if (!parsed.success || parsed.data.name !== name)
    throw new FirebreakError('CONFLICT', 'the state to go back to is not that of a user that was there')
  return parsed.data
}

/** No connection any more, and no tags, by which the management plugin lets in. The password stays. */
export async function suspend(server: Server, ref: CredentialRef): Promise<void> {
  const name = userName(server, ref)
  mustNotBeUs(server, name)
  await mustBeSame(server)
  await mustFindUser(server, name)
  await call(server, 'PUT', path('user-limits', name, LIMIT), { value: 0 })
  await change(server, name, () => ({ tags: [] }))
}

export async function resume(server: Server, ref: CredentialRef, before: State): Promise<void> {
  const name = userName(server, ref)
  const { tags, limits } = stateBefore(before, name)
  await mustBeSame(server)
  await mustFindUser(server, name)
  const value = limits[LIMIT]
  if (value === undefined) await orGone(call(server, 'DELETE', path('user-limits', name, LIMIT)))
  else await call(server, 'PUT', path('user-limits', name, LIMIT), { value })
  await change(server, name, () => ({ tags }))
}

/** Takes the tags by which one makes users, or policies that move messages elsewhere. */
export async function freeze(server: Server, identity: Ref): Promise<void> {
  const name = userName(server, identity)
  mustNotBeUs(server, name)
  await mustBeSame(server)
  await change(server, name, ({ tags }) => ({ tags: frozenTags(tags) }))
}

function frozenTags(tags: readonly string[]): string[] {
  return tags.filter(tag => tag !== 'administrator' && tag !== 'policymaker')
}

/** Takes the permissions in all virtual hosts that `scopes` does not name, and the tags. */
export async function narrow(server: Server, identity: Ref, scopes: readonly string[]): Promise<void> {
  const name = userName(server, identity)
  mustNotBeUs(server, name)
  await mustBeSame(server)
  await change(server, name, () => ({ tags: [] }))
  for (const { user, vhost } of await listPermissions(server))
    if (user === name && !scopes.includes(vhost))
      await orGone(call(server, 'DELETE', path('permissions', vhost, name)))
}

/** Tags and permissions as they stood; the tags also of what was issued while the user was frozen, where it has those that were left. */
export async function thaw(
  server: Server,
  identity: Ref,
  before: State,
  issued: readonly CredentialRef[] = [],
): Promise<void> {
  const name = userName(server, identity)
  const siblings = issued.map(ref => userName(server, ref))
  const { tags, permissions } = stateBefore(before, name)
  await mustBeSame(server)
  await mustFindUser(server, name)
  for (const { vhost = '/', ...rights } of permissions)
    await call(server, 'PUT', path('permissions', vhost, name), rights)
  const left = String(frozenTags(tags))
  for (const sibling of siblings)
    await orGone(
      change(server, sibling, user =>
        String(user.tags) === left && user.limits[LIMIT] !== 0 ? { tags } : {},
      ),
    )
  await change(server, name, () => ({ tags }))
}

/**
 * Password and tags of a user are put together, as they stand except for what changes. Whoever is deleted before that would be made
 * anew by it, with a password that was revoked: the answer tells, and it is deleted again. NOT_FOUND where it is not there.
 */
async function change(server: Server, name: string, becomes: (user: User) => Partial<User>): Promise<void> {
  const user = await mustFindUser(server, name)
  const changed = becomes(user)
  if (Object.keys(changed).length === 0) return
  const { password_hash, tags } = { ...user, ...changed }
  const where = path('users', name)
  const { status } = await ask(server, 'PUT', where, { password_hash, tags: tags.join(',') })
  if (status !== 201) return
  await orGone(call(server, 'DELETE', where))
  throw new FirebreakError('NOT_FOUND', `the user ${name} was deleted meanwhile`)
}

/** As RabbitMQ keeps it: four random bytes, and the digest of them with the password. The password is in no request. */
function newPassword({ io }: Server): { password: string; hash: string } {
  const password = Buffer.from(io.random(32)).toString('base64url')
  const salt = Buffer.from(io.random(4))
  const digest = createHash('sha256').update(salt).update(password).digest()
  return { password, hash: Buffer.concat([salt, digest]).toString('base64') }
}
