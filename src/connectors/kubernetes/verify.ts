import { z } from 'zod'
import type { Verdict } from '../../core/contract/connector.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type Cluster, mustBeHere } from './cluster.ts'
import { readByName, SECRETS } from './listing.ts'
import { TOKEN_TYPE, typeOf } from './stored-text.ts'
import { claimsOf } from './token-claims.ts'
import { OURS } from './tokens.ts'

/**
 * Asks, with the token itself, whom the server takes its bearer for. First with a wrong one: what takes that too tells nothing
 * about the right one. https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/
 */
export async function verify(cluster: Cluster, ref: CredentialRef, secret?: Secret): Promise<Verdict> {
  mustBeHere(cluster, ref, 'token', 'service-account')
  if (!secret) return { state: 'unknown', why: 'There is no token to try.' }
  if (!isSendable(secret)) return { state: 'unknown', why: 'What is no token cannot be offered.' }
  try {
    if (!(await cluster.stillHere()))
      return { state: 'unknown', why: 'Another cluster answers there than the one this token belongs to.' }
    const wrong = await offer(cluster, wrongLike(cluster, secret))
    if (wrong.state === 'live') return { state: 'unknown', why: 'The server takes a wrong token too.' }
    const right = await offer(cluster, secret)
    if (right.state !== 'live') return { state: right.state, why: right.why }
    if (!(await isOf(cluster, ref, right, secret)))
      return { state: 'unknown', why: 'The server accepts it, and not for what it was tried for.' }
    return { state: 'live', why: right.why, access: [right.user ?? ''] }
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: `${error.message}.` }
    throw error
  }
}

/** What may stand in a header. */
function isSendable(secret: Secret): boolean {
  return /^[\x21-\x7e]{1,16000}$/.test(secret.revealText())
}

/** The same in all but its signature. */
function wrongLike(cluster: Cluster, secret: Secret): Secret {
  const other = Buffer.from(cluster.io.random(64)).toString('base64url')
  const text = secret.revealText()
  const dot = text.lastIndexOf('.')
  return new Secret(dot < 0 ? other : `${text.slice(0, dot + 1)}${other}`)
}

interface Offered extends Verdict {
  readonly user?: string
  readonly userId?: string | undefined
}

const userSchema = z.looseObject({
  status: z.looseObject({
    userInfo: z.looseObject({ username: z.string(), uid: z.string().optional() }),
  }),
})

/** What the server says to who has this token. */
export async function offer(cluster: Cluster, token: Secret): Promise<Offered> {
  const { status, json } = await cluster.send(
    {
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
      as: token,
    },
    'trying a token',
  )
  if (status === 401) return { state: 'dead', why: 'Refused: the server does not accept the token (401).' }
  if (status === 201 || status === 200) {
    const read = userSchema.safeParse(json)
    if (!read.success) return { state: 'unknown', why: 'The server’s answer names nobody.' }
    const { username, uid } = read.data.status.userInfo
    if (username === 'system:anonymous')
      return { state: 'unknown', why: 'The server lets in anybody as system:anonymous.' }
    return { state: 'live', why: `Accepted as ${username}.`, user: username, userId: uid }
  }
  // Servers before 1.28 have no such call; of whoever may ask, they can be asked about a token.
  if (status === 404) return await review(cluster, token)
  return { state: 'unknown', why: `Could not be tried: the server answered ${status}.` }
}

const reviewSchema = z.looseObject({
  status: z.looseObject({
    authenticated: z.boolean().optional(),
    user: z.looseObject({ username: z.string().optional(), uid: z.string().optional() }).optional(),
  }),
})

async function review(cluster: Cluster, token: Secret): Promise<Offered> {
  const answer = await cluster.ask(
    {
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/tokenreviews',
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token: token.revealText() },
      },
    },
    'asking about a token',
  )
  const read = reviewSchema.safeParse(answer)
  if (!read.success) return { state: 'unknown', why: 'The server does not say whose the token is.' }
  const { authenticated, user } = read.data.status
  if (!authenticated) return { state: 'dead', why: 'Refused: the server says that it accepts no such token.' }
  const username = user?.username ?? 'somebody'
  return { state: 'live', why: `Accepted as ${username}.`, user: username, userId: user?.uid }
}

/**
 * Whether the token that was accepted is the one, or of the account, that is meant. One that is bound to a Secret of its own is that
 * Secret’s; any other is one of those that the account was given.
 */
async function isOf(
  cluster: Cluster,
  ref: CredentialRef,
  accepted: Offered,
  secret: Secret,
): Promise<boolean> {
  const claims = claimsOf(secret)
  const account = accepted.userId ?? claims?.accountId
  if (ref.kind === 'service-account' || !claims?.secret) return account === ref.id
  const namespace = /^system:serviceaccount:([^:]+):/.exec(accepted.user ?? '')?.[1] ?? ''
  const bound = await readByName(cluster, SECRETS, namespace, claims.secret.name)
  const isItsOwn = bound && (typeOf(bound) === TOKEN_TYPE || bound.metadata.labels?.[OURS] !== undefined)
  return (isItsOwn ? bound.metadata.uid : account) === ref.id
}
