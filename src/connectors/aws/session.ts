import { createHash } from 'node:crypto'
import type { Issued, Verdict, Want } from '../../core/contract/connector.ts'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, Ref, State } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { sessionKeysIn, sessionSecret } from '../../core/contract/session-keys.ts'
import { type Account, type Keys, mustBeHere, refIn } from './account.ts'
import { awsCode } from './failure.ts'
import { deleteOwnPolicy, denial, readOwnPolicy, writeOwnPolicy } from './own-policies.ts'
import { findPrincipal, type Found } from './principals.ts'
import { sessionPolicy } from './session-policy.ts'
import { offer } from './verify.ts'

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const SHORTEST_SECONDS = 900
const LONGEST_SECONDS = 43_200
/** A session is denied for a while longer than it lasts: clocks differ. */
const KEPT_SECONDS = 300
const ENDED = 'FirebreakEnded'

/**
 * A session's name is `firebreak.UNTIL.ID`, both within it: until when it lasts, in seconds, and the attempt that it was begun by. A
 * policy on its role that is called alike denies it everything, and no other session.
 */
interface SessionName {
  readonly until: number
  readonly id: string
}

/**
 * A session of the role that `like` is, with no more than `scopes`. It bears the attempt's name, by which it is found and
 * ended whatever becomes of the answer.
 */
export async function beginSession(account: Account, want: Want): Promise<Issued> {
  const { config, io, sdk } = account
  const role = await roleLike(account, want)
  const ended = await endedSessions(account, role)
  await forgetOver(account, role, ended)
  const seconds = Math.min(Math.max(want.ttlSeconds ?? SHORTEST_SECONDS, SHORTEST_SECONDS), LONGEST_SECONDS)
  const until = Math.ceil(io.now().getTime() / 1000) + seconds
  const name = nameOf('firebreak', { until, id: nextId(want, ended) })
  const { lease, task } = want.labels ?? {}
  const tags = { 'firebreak:lease': lease, 'firebreak:task': task }
  const answer = await account.change('assuming a role', () =>
    account.sts.send(
      new sdk.sts.AssumeRoleCommand({
        RoleArn: role.arn,
        RoleSessionName: name,
        DurationSeconds: seconds,
        Policy: sessionPolicy(want.scopes),
        ...(config.tagSessions && {
          ...(lease !== undefined && { SourceIdentity: `firebreak-${lease}`.slice(0, 64) }),
          Tags: Object.entries(tags).flatMap(([Key, value]) =>
            value === undefined ? [] : [{ Key, Value: tagText(value) }],
          ),
        }),
      }),
      { abortSignal: io.signal },
    ),
  )
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials ?? {}
  if (!AccessKeyId || !SecretAccessKey || !SessionToken)
    throw new FirebreakError('UNSUPPORTED', 'the server gave no session')
  const ref: CredentialRef = {
    ...refIn(account, 'session', `${role.id}:${name}`),
    identity: refIn(account, 'role', role.id),
  }
  const secret = sessionSecret({
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiration: Expiration?.toISOString(),
  })
  return { ref, secret, notAfter: Expiration?.getTime() ?? until * 1000 }
}

/** Whatever session an attempt of that name has begun is denied everything: none has to be known. */
export async function undoSession(account: Account, want: Want): Promise<void> {
  const role = await findPrincipal(account, roleRef(want))
  if (!role) return
  const seconds = Math.max(want.ttlSeconds ?? SHORTEST_SECONDS, SHORTEST_SECONDS)
  const until = Math.ceil(account.io.now().getTime() / 1000) + seconds
  const id = nextId(want, await endedSessions(account, role))
  await deny(account, role, { until, id })
}

/** Denies this one session everything, until it is over; others of the role go on. */
export async function endSession(account: Account, ref: Ref): Promise<void> {
  const { role: roleId, session } = partsOf(account, ref)
  const role = await findPrincipal(account, refIn(account, 'role', roleId))
  // With its role a session is gone, too.
  if (!role) return
  await forgetOver(account, role, await endedSessions(account, role))
  if (!isOver(account, session)) await deny(account, role, session)
}

export async function inspectSession(account: Account, ref: Ref): Promise<State> {
  const { role: roleId, session } = partsOf(account, ref)
  const role = await findPrincipal(account, refIn(account, 'role', roleId))
  if (!role) return null
  return { role: role.name, until: session.until, denied: await isDenied(account, role, session) }
}

/**
 * No policy can deny it to ask who one is (GetCallerIdentity). So it is asked, as the session, for what one can: a refusal by the
 * role's own policies, while ours stands among them, which denies everything, is the end.
 */
export async function verifySession(account: Account, ref: CredentialRef, secret?: Secret): Promise<Verdict> {
  const { role: roleId, session } = partsOf(account, ref)
  try {
    if (!(await account.stillHere()))
      return { state: 'unknown', why: 'Another account answers there than the one this session is of.' }
    const role = await findPrincipal(account, refIn(account, 'role', roleId))
    if (!role) return { state: 'dead', why: 'Its role is not there any more.' }
    const denied = await isDenied(account, role, session)
    if (!secret)
      return denied
        ? { state: 'dead', why: 'A policy on its role denies it everything.' }
        : { state: 'unknown', why: 'There is no secret to try.' }
    const held = sessionKeysIn(secret)
    if (!held) return { state: 'unknown', why: 'The secret is not that of a session.' }
    const { expiration: _, ...keys } = held
    const other = Buffer.from(account.io.random(30)).toString('base64')
    const wrong = await offer(account, { ...keys, secretAccessKey: other })
    if (wrong.state === 'live') return { state: 'unknown', why: 'The server takes a wrong secret too.' }
    const { state, why, access } = await offer(account, keys)
    if (state !== 'live') return { state, why }
    const refusal = await refusalOf(account, keys)
    if (denied && refusal === 'by its role')
      return { state: 'dead', why: 'Refused: a policy on its role denies it everything.' }
    if (refusal === 'not answered')
      return { state: 'unknown', why: 'What the session may do was not answered.' }
    return { state: 'live', why, ...(access && { access }) }
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: error.message }
    throw error
  }
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html has the words. */
async function refusalOf(account: Account, keys: Keys): Promise<'none' | 'by its role' | 'not answered'> {
  const sts = account.stsAs(keys)
  try {
    await sts.send(new account.sdk.sts.GetAccessKeyInfoCommand({ AccessKeyId: keys.accessKeyId }), {
      abortSignal: account.io.signal,
    })
    return 'none'
  } catch (error) {
    if (!awsCode(error)?.startsWith('AccessDenied')) return 'not answered'
    const words = error instanceof Error ? error.message : ''
    return /explicit deny in an identity-based policy/.test(words) ? 'by its role' : 'none'
  } finally {
    sts.destroy()
  }
}

async function deny(account: Account, role: Found, session: SessionName): Promise<void> {
  await account.change('denying a session everything', () =>
    writeOwnPolicy(account, role, nameOf(ENDED, session), denialOf(session)),
  )
}

function denialOf({ id }: SessionName): string {
  return denial({ Action: '*', Condition: { StringLike: { 'aws:userid': `*:firebreak.*.${id}` } } })
}

/** As we wrote it: somebody may have changed it since. */
async function isDenied(account: Account, role: Found, session: SessionName): Promise<boolean> {
  for (const each of await endedSessions(account, role))
    if (
      each.id === session.id &&
      (await readOwnPolicy(account, role, nameOf(ENDED, each))) === denialOf(each)
    )
      return true
  return false
}

/** Policies for sessions that are over take up room, of which a role has little. */
async function forgetOver(account: Account, role: Found, ended: readonly SessionName[]): Promise<void> {
  for (const each of ended)
    if (isOver(account, each))
      await account.change('taking a policy away', () => deleteOwnPolicy(account, role, nameOf(ENDED, each)))
}

function isOver({ io }: Account, { until }: SessionName): boolean {
  return (until + KEPT_SECONDS) * 1000 < io.now().getTime()
}

async function endedSessions({ call, iam, sdk }: Account, { name }: Found): Promise<SessionName[]> {
  return await call('listing the policies of a role', async () => {
    const found: SessionName[] = []
    let Marker: string | undefined
    do {
      const page = await iam.send(new sdk.iam.ListRolePoliciesCommand({ RoleName: name, Marker }))
      for (const policy of page.PolicyNames ?? []) {
        const session = sessionNamed(ENDED, policy)
        if (session) found.push(session)
      }
      Marker = page.IsTruncated ? page.Marker : undefined
    } while (Marker)
    return found
  })
}

/** An attempt that was undone has its session denied, whether or not there is one: the next one is called otherwise. */
function nextId(want: Want, ended: readonly SessionName[]): string {
  for (let attempt = 0; ; attempt++) {
    const id = createHash('sha256').update(`${attempt} ${want.name}`).digest('hex').slice(0, 24)
    if (!ended.some(each => each.id === id)) return id
  }
}

function nameOf<P extends string>(prefix: P, { until, id }: SessionName): `${P}.${string}` {
  return `${prefix}.${until}.${id}`
}

function sessionNamed(prefix: string, text: string): SessionName | undefined {
  const [, until, id] = /^\w+\.(\d{1,12})\.([0-9a-f]{24})$/.exec(text) ?? []
  return text.startsWith(`${prefix}.`) && id !== undefined ? { until: Number(until), id } : undefined
}

/** Raises UNSUPPORTED for what is no session of ours. */
function partsOf(account: Account, ref: Ref): { role: string; session: SessionName } {
  mustBeHere(account, ref, 'session')
  const [role = '', name = ''] = ref.id.split(':')
  const session = sessionNamed('firebreak', name)
  if (session) return { role, session }
  throw new FirebreakError('UNSUPPORTED', 'it is a session that others have begun')
}

async function roleLike(account: Account, want: Want): Promise<Found> {
  const role = await findPrincipal(account, roleRef(want))
  if (role) return role
  throw new FirebreakError('NOT_FOUND', 'the role that a session is to be of is not there')
}

function roleRef({ like }: Want): Ref {
  const role = like?.kind === 'role' ? like : like?.identity
  if (role?.kind === 'role') return role
  throw new FirebreakError('UNSUPPORTED', 'a session is begun of a role')
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html has the characters of a tag. */
function tagText(text: string): string {
  return text.replaceAll(/[^\p{L}\p{Z}\p{N}_.:/=+\-@]/gu, '_').slice(0, 256)
}

/** Of sessions that Firebreak has begun. */
export function isSession({ kind }: Ref): boolean {
  return kind === 'session'
}
