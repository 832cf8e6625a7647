import { z } from 'zod'
import type { Issued, Verdict, Want } from '../../core/contract/connector.ts'
import { FirebreakError, isFirebreakError, orGone } from '../../core/contract/errors.ts'
import { DAY_MS, type CredentialRef, type Ref, type State } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { unlessAbsent } from '../../core/contract/refused.ts'
import { type Account, mustBeHere, ownerIn, refIn } from './account.ts'
import { issueDeployKey, removeDeployKey, undoDeployKey, verifyDeployKey } from './deploy-keys.ts'

export const ACCESS_TOKEN = z.object({
  id: z.number(),
  user_id: z.number(),
  name: z.string(),
  scopes: z.array(z.string()).default([]),
  access_level: z.number().default(0),
  active: z.boolean(),
  revoked: z.boolean(),
  created_at: z.string().optional(),
  expires_at: z.string().nullish(),
  last_used_at: z.string().nullish(),
})
type AccessToken = z.infer<typeof ACCESS_TOKEN>
export const DEPLOY_TOKEN = z.object({
  id: z.number(),
  name: z.string(),
  username: z.string(),
  scopes: z.array(z.string()).default([]),
  expires_at: z.string().nullish(),
  revoked: z.boolean().default(false),
  expired: z.boolean().default(false),
})
const MADE = z.object({ id: z.number(), user_id: z.number(), token: z.string() })
const tokenState = z.object({ name: z.string(), scopes: z.array(z.string()), accessLevel: z.number() })
/** The longest that GitLab lets one live is a year. */
const LIFE_DAYS = 90

/**
 * A token of a project or group has a bot user of its own, which it keeps when it is rotated and gets another number: so it is told
 * by that user.
 */
export function tokenRef(account: Account, owner: string, userId: number): CredentialRef & { identity: Ref } {
  return {
    ...refIn(account, 'access-token', `${owner}/tokens/${userId}`),
    identity: refIn(account, 'user', userId),
  }
}

interface Found {
  readonly calls: string
  readonly owner: string
  readonly token: AccessToken | undefined
}

async function findToken(account: Account, ref: Ref): Promise<Found> {
  mustBeHere(account, ref, 'access-token')
  const { calls, rest } = ownerIn(ref.id)
  const userId = Number(rest.replace(/^tokens\//, ''))
  const tokens = await tokensOf(account, calls)
  const token = tokens.find(({ user_id, active }) => user_id === userId && active)
  return { calls, owner: ref.id.slice(0, ref.id.indexOf('/tokens/')), token }
}

/** None where the project or group is gone. */
async function tokensOf({ api }: Account, calls: string): Promise<AccessToken[]> {
  const list = () => api.list('listing access tokens', `${calls}/access_tokens`, ACCESS_TOKEN)
  return (await unlessAbsent(list)) ?? []
}

/** What stands of a token; null for one that is not there or not active. */
export async function inspectToken(account: Account, ref: Ref): Promise<State> {
  const { token } = await findToken(account, ref)
  return token ? { name: token.name, scopes: token.scopes, accessLevel: token.access_level } : null
}

/** Asks with it which token it is; first with a wrong one. https://docs.gitlab.com/api/personal_access_tokens/ */
export async function verify(account: Account, ref: CredentialRef, secret?: Secret): Promise<Verdict> {
  mustBeHere(account, ref, 'access-token', 'deploy-token', 'ssh-key', 'user')
  if (!secret || secret.length === 0) return { state: 'unknown', why: 'There is no secret to try.' }
  try {
    if (!(await account.stillHere()))
      return {
        state: 'unknown',
        why: `${account.config.group} is another group now than the one it was found in.`,
      }
    if (ref.kind === 'ssh-key') return await verifyDeployKey(account, ref)
    return ref.kind === 'deploy-token'
      ? await verifyDeployToken(account, ref)
      : await verifyToken(account, ref, secret)
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: error.message }
    throw error
  }
}

const SELF = z.object({ id: z.number(), name: z.string(), user_id: z.number(), active: z.boolean() })

async function verifyToken(account: Account, ref: CredentialRef, secret: Secret): Promise<Verdict> {
  const { api, io } = account
  const path = '/personal_access_tokens/self'
  const text = secret.revealText()
  const wrong = await api.askAs(`glpat-${Buffer.from(io.random(15)).toString('base64url')}`, path)
  if ('failed' in wrong) return { state: 'unknown', why: wrong.failed.message }
  if (wrong.status === 200) return { state: 'unknown', why: 'The server takes a wrong token too.' }
  // What no header can hold is no token either.
  if (!/^[\x21-\x7e]+$/.test(text)) return { state: 'unknown', why: 'It is no token that can be offered.' }
  const right = await api.askAs(text, path)
  if ('failed' in right) return { state: 'unknown', why: right.failed.message }
  if (right.status === 401) return { state: 'dead', why: 'Refused: it is no token, or none any more.' }
  const parsed = SELF.safeParse(right.data)
  if (right.status !== 200 || !parsed.success)
    return { state: 'unknown', why: `The server answered ${right.status}.` }
  const { name, user_id, active } = parsed.data
  if (!active) return { state: 'dead', why: `GitLab says that the token ${name} is not active.` }
  const user = ref.kind === 'user' ? ref.id : ref.id.split('/').at(-1)
  if (String(user_id) !== user) return { state: 'unknown', why: 'It is accepted as another token.' }
  return { state: 'live', why: `Accepted as the token ${name}.`, access: ['GitLab’s API'] }
}

/** There is no call that a deploy token of every scope may make: only its end can be seen. */
async function verifyDeployToken(account: Account, ref: CredentialRef): Promise<Verdict> {
  const { calls, rest } = ownerIn(ref.id)
  const listed = await account.api.list('listing deploy tokens', `${calls}/deploy_tokens`, DEPLOY_TOKEN)
  const found = listed.find(({ id }) => rest === `deploy-tokens/${id}`)
  if (!found || found.revoked || found.expired)
    return { state: 'dead', why: 'GitLab lists no such deploy token that is active.' }
  return { state: 'unknown', why: 'GitLab lists it, and has no call by which its value could be tried.' }
}

/** Another token beside it, with a bot user of its own: the same scopes and role. */
export async function issue(account: Account, want: Want): Promise<Issued> {
  return await account.change(async () => {
    if (want.like?.kind === 'ssh-key') return await issueDeployKey(account, want.like, want)
    const { calls, owner, token } = await likeOf(account, want)
    const before = tokenState.safeParse(want.before)
    const like = token
      ? { scopes: token.scopes, access_level: token.access_level }
      : before.success && { scopes: before.data.scopes, access_level: before.data.accessLevel }
    if (!like)
      throw new FirebreakError(
        'NOT_FOUND',
        'the token that this is like is not active any more, and nothing tells its rights',
      )
    const name = nameOf(want)
    if ((await tokensOf(account, calls)).some(other => other.name === name && other.active))
      throw new FirebreakError(
        'CONFLICT',
        'there is a token of that name already',
        'What an earlier attempt left is taken back by undoing it.',
      )
    const body = { name, ...like, expires_at: endOf(account, want.ttlSeconds) }
    const made = MADE.safeParse(
      await account.api.send('making an access token', 'POST', `${calls}/access_tokens`, body),
    )
    if (!made.success) throw new FirebreakError('UNSUPPORTED', 'the server’s answer is not understood')
    return { ref: tokenRef(account, owner, made.data.user_id), secret: new Secret(made.data.token) }
  })
}

export async function undo(account: Account, want: Want): Promise<void> {
  await account.change(async () => {
    if (want.like?.kind === 'ssh-key') return await undoDeployKey(account, want.like, want)
    const { calls } = await likeOf(account, want)
    for (const { id, name, active } of await tokensOf(account, calls))
      if (active && name === nameOf(want)) await endToken(account, calls, id)
  })
}

/** A new value and number for the same bot user; the old one is dead at once. */
export async function rotate(account: Account, ref: CredentialRef, want: Want): Promise<Issued> {
  return await account.change(async () => {
    const { calls, owner, token } = await findToken(account, ref)
    if (!token) throw new FirebreakError('NOT_FOUND', 'the token is not active any more')
    const path = `${calls}/access_tokens/${token.id}/rotate`
    const body = { expires_at: endOf(account, want.ttlSeconds) }
    const made = MADE.safeParse(await account.api.send('rotating an access token', 'POST', path, body))
    if (!made.success) throw new FirebreakError('UNSUPPORTED', 'the server’s answer is not understood')
    return { ref: tokenRef(account, owner, made.data.user_id), secret: new Secret(made.data.token) }
  })
}

/** Absent, or revoked already, is success. */
export async function revoke(account: Account, ref: CredentialRef): Promise<void> {
  mustBeHere(account, ref, 'access-token', 'deploy-token', 'ssh-key', 'user')
  await account.change(async () => {
    if (ref.kind === 'access-token') {
      const { calls, token } = await findToken(account, ref)
      if (token) await endToken(account, calls, token.id)
    } else if (ref.kind === 'deploy-token') {
      const { calls, rest } = ownerIn(ref.id)
      await orGone(
        account.api.send(
          'deleting a deploy token',
          'DELETE',
          `${calls}/${rest.replace('deploy-tokens', 'deploy_tokens')}`,
        ),
      )
    } else if (ref.kind === 'ssh-key') await removeDeployKey(account, ref)
    else await revokeOfBot(account, ref)
  })
}

/** All tokens of a bot user, wherever in the group they are. */
async function revokeOfBot(account: Account, ref: Ref): Promise<void> {
  const owners = [
    `/groups/${account.group.id}`,
    ...(await account.projects()).map(({ id }) => `/projects/${id}`),
  ]
  for (const calls of owners)
    for (const { id, user_id, active } of await tokensOf(account, calls))
      if (active && String(user_id) === ref.id) await endToken(account, calls, id)
}

async function endToken({ api }: Account, calls: string, id: number): Promise<void> {
  await orGone(api.send('revoking an access token', 'DELETE', `${calls}/access_tokens/${id}`))
}

async function likeOf(account: Account, { like }: Want): Promise<Found> {
  if (like?.kind === 'access-token') return await findToken(account, like)
  throw new FirebreakError(
    'UNSUPPORTED',
    'only access tokens of projects and groups, and deploy keys, can be issued: a person’s is made by that person',
  )
}

function nameOf({ name }: Want): string {
  return `firebreak ${name}`.slice(0, 200)
}

/** GitLab ends tokens at the end of a day. */
function endOf({ io }: Account, ttlSeconds = LIFE_DAYS * 86_400): string {
  const days = Math.max(1, Math.ceil(ttlSeconds / 86_400))
  return new Date(io.now().getTime() + days * DAY_MS).toISOString().slice(0, 10)
}
