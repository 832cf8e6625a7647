import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Issued, Want } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, Json, Ref, State } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type ApiObject, type Cluster, mustBeHere, objectSchema, refIn } from './cluster.ts'
import { refused } from './failure.ts'
import {
  ACCOUNTS,
  deleteExactly,
  findByUid,
  list,
  pathOf,
  readByName,
  SECRETS,
  WORKLOADS,
} from './listing.ts'
import { ACCOUNT_NAME, ACCOUNT_UID, TOKEN_TYPE, valuesOf } from './stored-text.ts'
import { claimsOf } from './token-claims.ts'

/** The label of what Firebreak makes. */
export const OURS = 'firebreak.dev/issued-for'

const PODS = WORKLOADS.find(({ resource }) => resource === 'pods')!

/** Ten minutes is the least that the API gives: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/ */
const LEAST_SECONDS = 600
const USUAL_SECONDS = 3600
const MOST_WAITS = 50
const WAIT_MS = 200

export const accountState = z.object({
  present: z.literal(true),
  namespace: z.string(),
  account: z.string(),
  accountId: z.string(),
  /** The Secrets with a token of the account. */
  secrets: z.array(z.string()),
})
type AccountState = z.infer<typeof accountState>

/** What stands for a token or a service account now. Null for what is not there. */
export async function inspectAccount(cluster: Cluster, ref: CredentialRef): Promise<State> {
  const account = await accountOf(cluster, ref)
  if (!account) return null
  const { namespace = '', name, uid } = account.metadata
  const secrets = (await secretsOf(cluster, uid)).map(secret => secret.metadata.name)
  const state: AccountState = {
    present: true,
    namespace,
    account: name,
    accountId: uid,
    secrets: secrets.sort(),
  }
  return state
}

/** The account that a token is of, or itself. */
async function accountOf(cluster: Cluster, ref: CredentialRef): Promise<ApiObject | undefined> {
  mustBeHere(cluster, ref, 'token', 'service-account')
  const known = ref.kind === 'service-account' ? ref.id : ref.identity?.id
  if (known !== undefined) return await findByUid(cluster, ACCOUNTS, known)
  const secret = await secretWith(cluster, ref.id)
  return await findByUid(cluster, ACCOUNTS, secret?.metadata.annotations?.[ACCOUNT_UID] ?? ref.id)
}

async function secretWith(cluster: Cluster, uid: string): Promise<ApiObject | undefined> {
  return (
    (await findByUid(cluster, SECRETS, uid, { fieldSelector: `type=${TOKEN_TYPE}` })) ??
    (await findByUid(cluster, SECRETS, uid, { labelSelector: OURS }))
  )
}

/** All Secrets that a token of the account stands in or is bound to. */
async function secretsOf(cluster: Cluster, accountId: string): Promise<ApiObject[]> {
  const found = new Map<string, ApiObject>()
  for (const selection of [{ fieldSelector: `type=${TOKEN_TYPE}` }, { labelSelector: OURS }])
    for await (const secret of list(cluster, SECRETS, { ...selection, metadataOnly: true }))
      if (secret.metadata.annotations?.[ACCOUNT_UID] === accountId) found.set(secret.metadata.uid, secret)
  return [...found.values()]
}

/**
 * Another token of the same account: in a Secret of its own, which the API fills, where it is like one that stands in such; else,
 * and where a time is asked for, for that time, bound to a Secret that holds nothing and ends it when it is deleted.
 */
export async function issue(cluster: Cluster, want: Want): Promise<Issued> {
  return await cluster.change('issuing a token', async () => {
    const like = mustBeLike(want)
    const account = await accountOf(cluster, like)
    if (!account) throw new FirebreakError('NOT_FOUND', 'the service account is not there')
    const { namespace = '', name, uid } = account.metadata
    const isTimed = want.ttlSeconds !== undefined || like.kind === 'service-account' || like.id === uid
    const made = await create(cluster, namespace, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: issuedName(want.name),
        labels: { [OURS]: digest(want.name, 32) },
        annotations: { [ACCOUNT_NAME]: name, [ACCOUNT_UID]: uid },
      },
      type: isTimed ? 'Opaque' : TOKEN_TYPE,
    })
    const ref: CredentialRef = {
      ...refIn(cluster, 'token', made.metadata.uid),
      identity: refIn(cluster, 'service-account', uid),
    }
    if (!isTimed) return { ref, secret: await filled(cluster, made) }
    const seconds = Math.max(LEAST_SECONDS, want.ttlSeconds ?? USUAL_SECONDS)
    return { ref, ...(await request(cluster, account, made, seconds)) }
  })
}

async function create(cluster: Cluster, namespace: string, body: Json): Promise<ApiObject> {
  const doing = 'making a Secret'
  const { status, json } = await cluster.send(
    { method: 'POST', path: pathOf(SECRETS, namespace), body },
    doing,
  )
  if (status === 409)
    throw new FirebreakError(
      'CONFLICT',
      'a Secret of that name is there already',
      'What an earlier attempt left is taken back by undoing it.',
    )
  if (status !== 201 && status !== 200) throw refused(status, doing)
  return objectSchema.parse(json)
}

/** The API puts the token in a moment after. */
async function filled(cluster: Cluster, { metadata: { namespace = '', name } }: ApiObject): Promise<Secret> {
  for (let waits = 0; waits < MOST_WAITS; waits++) {
    const secret = await readByName(cluster, SECRETS, namespace, name)
    const token = secret && valuesOf(secret, 'secret').get('token')
    if (token && token.length > 0) return new Secret(token)
    await cluster.io.sleep(WAIT_MS)
  }
  throw new FirebreakError('UNREACHABLE', 'the cluster puts no token into the Secret that was made for one')
}

const requestSchema = z.looseObject({
  status: z.looseObject({ token: z.string().min(1), expirationTimestamp: z.string() }),
})

async function request(
  cluster: Cluster,
  { metadata: { namespace = '', name } }: ApiObject,
  bound: ApiObject,
  seconds: number,
): Promise<Pick<Issued, 'secret' | 'notAfter'>> {
  const answer = await cluster.ask(
    {
      method: 'POST',
      path: `${pathOf(ACCOUNTS, namespace, name)}/token`,
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          expirationSeconds: seconds,
          boundObjectRef: {
            apiVersion: 'v1',
            kind: 'Secret',
            name: bound.metadata.name,
            uid: bound.metadata.uid,
          },
        },
      },
    },
    'asking for a token',
  )
  const read = requestSchema.safeParse(answer)
  if (!read.success) throw new FirebreakError('UNSUPPORTED', 'the server gives no tokens for a time')
  const { token, expirationTimestamp } = read.data.status
  const notAfter = Date.parse(expirationTimestamp)
  return { secret: new Secret(token), ...(!Number.isNaN(notAfter) && { notAfter }) }
}

/** The Secret that is named after the want. */
export async function undo(cluster: Cluster, want: Want): Promise<void> {
  await cluster.change('taking a token back', async () => {
    const state = accountState.safeParse(want.before)
    const namespace = state.success
      ? state.data.namespace
      : (await accountOf(cluster, mustBeLike(want)))?.metadata.namespace
    if (namespace === undefined) return
    const found = await readByName(cluster, SECRETS, namespace, issuedName(want.name))
    if (found?.metadata.labels?.[OURS] === digest(want.name, 32)) await deleteExactly(cluster, SECRETS, found)
  })
}

/**
 * A token ends with what it is bound to: its Secret, or the pod that it was mounted in, which its controller makes anew. One that is
 * bound to nothing ends with its time, or with its account. Of an account, all the Secrets with its tokens.
 */
export async function revoke(cluster: Cluster, ref: CredentialRef, secret?: Secret): Promise<void> {
  mustBeHere(cluster, ref, 'token', 'service-account')
  await cluster.change('revoking a token', async () => {
    if (ref.kind === 'service-account') {
      for (const each of await secretsOf(cluster, ref.id)) await deleteExactly(cluster, SECRETS, each)
      return
    }
    const found = await secretWith(cluster, ref.id)
    if (found) return await deleteExactly(cluster, SECRETS, found)
    const account = await findByUid(cluster, ACCOUNTS, ref.id)
    if (account) await revokeGiven(cluster, account, secret)
  })
}

async function revokeGiven(cluster: Cluster, account: ApiObject, secret: Secret | undefined): Promise<void> {
  const { namespace = '', name, uid } = account.metadata
  const claims = secret && claimsOf(secret)
  if (claims?.accountId !== uid)
    throw new FirebreakError(
      'UNSUPPORTED',
      `which of the tokens of ${namespace}/${name} is meant is not known`,
      'Give the token itself: firebreak contain - asks for it.',
    )
  if (claims.pod) {
    const pod = await readByName(cluster, PODS, namespace, claims.pod.name)
    if (pod?.metadata.uid === claims.pod.id) await deleteExactly(cluster, PODS, pod)
    return
  }
  if (claims.secret?.id !== undefined) {
    const bound = await readByName(cluster, SECRETS, namespace, claims.secret.name)
    if (bound?.metadata.uid === claims.secret.id) await deleteExactly(cluster, SECRETS, bound)
    return
  }
  const until = claims.expires === undefined ? '' : ` at ${new Date(claims.expires).toISOString()}`
  throw new FirebreakError(
    'UNSUPPORTED',
    'the token is bound to nothing that could be deleted to end it',
    `It ends by itself${until}. To end it now, delete the service account ${namespace}/${name}, make it again, and restart what runs as it.`,
  )
}

function mustBeLike({ like }: Want): CredentialRef & Ref {
  if (like) return like
  throw new FirebreakError('UNSUPPORTED', 'a token is issued like another one, or for a service account')
}

function issuedName(wanted: string): string {
  return `firebreak-${digest(wanted, 24)}`
}

function digest(text: string, characters: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, characters)
}
