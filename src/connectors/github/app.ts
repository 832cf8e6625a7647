import { z } from 'zod'
import type { Verdict } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import type { CredentialRef, Ref, State } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { type Account, refIn } from './account.ts'
import { type Api, installationOf } from './api.ts'
import { appToken } from './app-token.ts'
import { edge } from './edge.ts'
import { fingerprintOfPrivate } from './keys.ts'

const APP = z.object({ id: z.number(), slug: z.string(), client_id: z.string().optional() })
const INSTALLATIONS = z.array(
  z.object({ account: z.object({ id: z.number() }), suspended_at: z.string().nullish() }),
)
/** What a clock may differ by, so that a token is not refused for its time. */
const MOST_SKEW_MS = 30_000

/** The app that we are, with the key that we have of it: GitHub lists an app's keys to nobody. */
export async function* ownApp(account: Account): AsyncGenerator<Observation> {
  const { privateKey } = account.config
  if (!privateKey) return
  const app = await appAs(account.api, 'app')
  const sshFingerprint = fingerprintOfPrivate(privateKey.revealText())
  if (!app || sshFingerprint === undefined) return
  const identity = refIn(account, 'app', app.id)
  yield { see: 'identity', ref: identity, names: [app.slug], facts: factsOf({ clientId: app.client_id }) }
  yield {
    see: 'credential',
    ref: { ...refIn(account, 'app-key', `${app.id}/keys/${sshFingerprint}`), identity },
    facts: factsOf({ sshFingerprint, keyType: 'rsa', expires: 'never' }),
  }
  const { id } = await installationOf(account.api, account.config.owner)
  const why = `the app ${app.slug} takes tokens of its installation at ${account.owner.login} as it likes`
  yield edge(identity, refIn(account, 'app-installation', id), 'takes-tokens-of', why)
}

/** Undefined where GitHub does not take it for an app. */
async function appAs(api: Api, as: 'app' | { readonly token: string }) {
  const answer = await api.ask('GET /app', {}, as)
  if ('failed' in answer) throw answer.failed
  return APP.safeParse(answer.data).data
}

/** Signs with it who it is. */
export async function verifyAppKey(account: Account, ref: CredentialRef, secret: Secret): Promise<Verdict> {
  const { api, config, io } = account
  const [app, , fingerprint] = /^(\d+)\/(keys)\/(.+)$/.exec(ref.id)?.slice(1) ?? []
  if (config.appId === undefined)
    return { state: 'unknown', why: 'Only a connection of the app knows its id, which a token has to name.' }
  const own = fingerprintOfPrivate(secret.revealText())
  if (own === undefined) return { state: 'unknown', why: 'It is no private key that can be read.' }
  if (own !== fingerprint) return { state: 'dead', why: 'It is another key than this one of the app.' }
  const token = appToken(config.appId, secret, io.now())
  // The same with another signature: a server that takes that too tells nothing.
  const wrong = await api.ask('GET /app', {}, { token: `${token.slice(0, -8)}${'A'.repeat(8)}` })
  if ('failed' in wrong) return { state: 'unknown', why: wrong.failed.message }
  if (wrong.status === 200) return { state: 'unknown', why: 'The server takes a wrong signature, too.' }
  const right = await api.ask('GET /app', {}, { token })
  if ('failed' in right) return { state: 'unknown', why: right.failed.message }
  if (right.status === 401)
    return right.date !== undefined && Math.abs(right.date - io.now().getTime()) < MOST_SKEW_MS
      ? { state: 'dead', why: 'Refused: GitHub takes nothing that is signed with it any more.' }
      : { state: 'unknown', why: 'Refused, and it may be for the time: our clock is not GitHub’s.' }
  const found = APP.safeParse(right.data).data
  if (right.status !== 200 || !found) return { state: 'unknown', why: `The server answered ${right.status}.` }
  if (String(found.id) !== app) return { state: 'unknown', why: 'It is accepted as another app.' }
  const here = await api.ask('GET /app/installations', { per_page: 100 }, { token })
  const installed = INSTALLATIONS.safeParse('failed' in here ? undefined : here.data).data
  const installation = installed?.find(({ account: { id } }) => id === account.owner.id)
  if (installation?.suspended_at != null)
    return {
      state: 'unknown',
      why: `Accepted as the app ${found.slug}, whose installation here is suspended: it reaches nothing here while that is so.`,
    }
  return {
    state: 'live',
    why: `Accepted as the app ${found.slug}.`,
    access: [`every installation of the app ${found.slug}`],
  }
}

/** No call deletes an app's key: a person does it, and it is seen here that it was done. */
export async function revokeAppKey(
  account: Account,
  ref: CredentialRef,
  secret: Secret | undefined,
): Promise<void> {
  if (secret && secret.length > 0 && (await verifyAppKey(account, ref, secret)).state === 'dead') return
  throw new FirebreakError(
    'UNSUPPORTED',
    'GitHub has no call that deletes an app’s private key. In the settings of the app, under Private keys, generate another, give it to whoever uses this one and to this connection, and delete this one',
    'Then go on with the run, which proves it.',
  )
}

/** Of the key's app the installation here: while it is suspended, no token of it is accepted. */
export async function installationOfKey(account: Account): Promise<Ref> {
  const { id } = await installationOf(account.api, account.config.owner)
  return refIn(account, 'app-installation', id)
}

/** Null where our own key, which may be this one, is refused by now. */
export async function inspectAppKey(account: Account): Promise<State> {
  const answer = await account.api.ask('GET /app', {}, 'app')
  if ('failed' in answer) throw answer.failed
  if (answer.status !== 200) return null
  const { suspended_at } = await installationOf(account.api, account.config.owner)
  return { suspended: suspended_at != null }
}
