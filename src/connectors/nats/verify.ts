import { createUser, decode, fromSeed } from '@nats-io/jwt'
import { jwtAuthenticator } from '@nats-io/transport-node'
import { z } from 'zod'
import { whyRefused } from '../../core/contract/certified.ts'
import type { Verdict } from '../../core/contract/connector.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { networkReason } from '../../core/contract/network-reason.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { type Account, type Claims, currentClaims, rolesOf, subjectsOf } from './account.ts'
import { answered, isRefusal, whileOpen } from './server.ts'

/**
 * Logs in at the server, as far as being let in: nothing is published or subscribed to. First with the user's token and a key that
 * is not the user's: a server that lets that one in tells nothing.
 */
export async function verify(account: Account, ref: CredentialRef, secret?: Secret): Promise<Verdict> {
  account.mustBeOurs(ref)
  try {
    const claims = await currentClaims(account)
    if (!secret) return { state: 'unknown', why: 'There is no user’s token and key to try.' }
    const user = userIn(secret)
    if (!user) return { state: 'unknown', why: 'It is no user’s token with its key.' }
    if (ref.kind === 'user' && user.name !== ref.id)
      return { state: 'unknown', why: 'It is another user’s token.' }
    const first = await offer(account, user.token, createUser().getSeed())
    if (first === 'let in') return { state: 'unknown', why: 'The server lets the user in with any key.' }
    if (first !== 'refused') return { state: 'unknown', why: first.why }
    let answer = await offer(account, user.token, user.seed)
    // About the second in which a user's time is over the server lets in and cuts off at once: it is asked again after it.
    const over = account.io.now().getTime() - (user.expires ?? Infinity)
    if (typeof answer === 'object' && Math.abs(over) < EXPIRING_MS) {
      await account.io.sleep(EXPIRING_MS - over)
      answer = await offer(account, user.token, user.seed)
    }
    const at = `${account.config.host}:${account.config.port}`
    if (answer === 'let in')
      return { state: 'live', why: `${at} let it in.`, access: accessOf(claims, user.issuer) }
    if (answer !== 'refused') return { state: 'unknown', why: answer.why }
    return { state: 'dead', why: `${at} refused it: ${whyRefused(account, ref)}.` }
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: error.message }
    throw error
  }
}

/** As nsc writes it: the token, and the seed of its key after it. */
const CREDENTIALS =
  /^-----BEGIN NATS USER JWT-----\n([\w.-]+)\n-{5,6}END NATS USER JWT-{5,6}\n[^]*\n-----BEGIN USER NKEY SEED-----\n(SU[A-Z2-7]+)\n-{5,6}END USER NKEY SEED-{5,6}\n*(?:\*+\n*)?$/
const claims = z.looseObject({ sub: z.string(), iss: z.string(), exp: z.number().optional() })
const EXPIRING_MS = 1500

function userIn(secret: Secret) {
  const [, token, text] = CREDENTIALS.exec(secret.revealText()) ?? []
  if (token === undefined || text === undefined) return undefined
  const seed = new TextEncoder().encode(text)
  try {
    const { sub, iss, exp } = claims.parse(decode(token))
    if (fromSeed(seed).getPublicKey() !== sub) return undefined
    return { token, seed, name: sub, issuer: iss, ...(exp !== undefined && { expires: exp * 1000 }) }
  } catch {
    return undefined
  }
}

type Answer = 'let in' | 'refused' | { readonly why: string }

async function offer(account: Account, token: string, seed: Uint8Array): Promise<Answer> {
  try {
    // A server may let in and cut off at once; who is answered is in.
    await whileOpen(account, await account.logIn(account.config, jwtAuthenticator(token, seed)), each =>
      answered(each, account.config.timeoutMs),
    )
    return 'let in'
  } catch (error) {
    return isRefusal(error) ? 'refused' : { why: `No verdict: ${networkReason(error)}.` }
  }
}

function accessOf(account: Claims, issuer: string): string[] {
  const role = rolesOf(account).find(({ key }) => key === issuer)
  return (['pub', 'sub'] as const).map(way => {
    const { allow, deny } = subjectsOf(role, way)
    const verb = way === 'pub' ? 'publishes to' : 'subscribes to'
    if (deny.includes('>')) return `${verb} nothing`
    const which =
      allow.length > 0 ? allow.join(', ') : role?.template ? 'everything' : 'what its own token says'
    return `${verb} ${which}${deny.length > 0 ? ` but ${deny.join(', ')}` : ''}`
  })
}
