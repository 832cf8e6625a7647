import type { Verdict } from '../../core/contract/connector.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type Account, type Keys, mustBeHere } from './account.ts'
import { awsCode, isClockSkew, networkReason } from './failure.ts'
import { ownerOf } from './inspect.ts'
import { findPrincipal, keysOf } from './principals.ts'

/**
 * Asks, with the key itself, whose key it is: a call that needs no right and that no policy can deny.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html. First with a wrong secret: a server that
 * takes that too tells nothing about the right one.
 */
export async function verify(account: Account, ref: CredentialRef, secret?: Secret): Promise<Verdict> {
  mustBeHere(account, ref, 'access-key', 'user')
  if (!secret) return await asListed(account, ref)
  const id = ref.kind === 'access-key' ? ref.id : secret.id
  if (id === undefined)
    return { state: 'unknown', why: 'It is not known which access key the secret belongs to.' }
  if (secret.length === 0) return { state: 'unknown', why: 'An empty secret cannot be offered.' }
  try {
    if (!(await account.stillHere()))
      return { state: 'unknown', why: 'Another account answers there than the one this key belongs to.' }
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: error.message }
    throw error
  }
  const other = new Secret(Buffer.from(account.io.random(30)).toString('base64'))
  const wrong = await offer(account, { accessKeyId: id, secretAccessKey: other.revealText() })
  if (wrong.state === 'live') {
    if (await isGone(account, ref, id))
      return {
        state: 'unknown',
        why: 'The server lists no such access key any more, and takes any secret for any key: no refusal can be shown.',
      }
    return { state: 'unknown', why: 'The server takes a wrong secret too.' }
  }
  // A key that is not known there is not, whatever the secret.
  if (wrong.state === 'unknown' || wrong.unknownKey) return { state: wrong.state, why: wrong.why }
  const right = await offer(account, { accessKeyId: id, secretAccessKey: secret.revealText() })
  return { state: right.state, why: right.why, ...(right.access && { access: right.access }) }
}

/** Without a secret there is nothing to try: what IAM lists of the key tells whether anybody could be let in with it. */
async function asListed(account: Account, ref: CredentialRef): Promise<Verdict> {
  const unknown: Verdict = { state: 'unknown', why: 'There is no secret to try.' }
  if (ref.kind !== 'access-key') return unknown
  try {
    const owner = await ownerOf(account, ref)
    const key = owner && (await keysOf(account, owner.name)).find(({ id }) => id === ref.id)
    if (!key) return { state: 'dead', why: 'The account lists no such access key.' }
    return key.active ? unknown : { state: 'dead', why: 'The access key is inactive.' }
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: error.message }
    throw error
  }
}

/** Absent from the list of the user's keys, or the user from the account. */
async function isGone(account: Account, ref: CredentialRef, keyId: string): Promise<boolean> {
  const user = ref.kind === 'user' ? await findPrincipal(account, ref) : await ownerOf(account, ref)
  return user === undefined || !(await keysOf(account, user.name)).some(({ id }) => id === keyId)
}

interface Answer extends Verdict {
  readonly unknownKey?: boolean
}

/** What the server says to who has these keys. */
export async function offer(account: Account, keys: Keys): Promise<Answer> {
  const sts = account.stsAs(keys)
  try {
    const { Account, Arn } = await sts.send(new account.sdk.sts.GetCallerIdentityCommand({}), {
      abortSignal: account.io.signal,
    })
    if (Account !== account.instance)
      return {
        state: 'unknown',
        why: `The key is of another account, ${Account}, than the one it was found in.`,
      }
    return { state: 'live', why: `Accepted as ${Arn}.`, access: [Arn ?? 'sts:GetCallerIdentity'] }
  } catch (error) {
    return interpret(error)
  } finally {
    sts.destroy()
  }
}

function interpret(error: unknown): Answer {
  const code = awsCode(error)
  if (code === undefined) return { state: 'unknown', why: `Could not be tried: ${networkReason(error)}.` }
  if (code === 'InvalidClientTokenId' || code === 'UnrecognizedClientException')
    return { state: 'dead', unknownKey: true, why: `Refused: there is no such active access key (${code}).` }
  if (isClockSkew(error))
    return { state: 'unknown', why: 'Could not be tried: the clock of this machine is off.' }
  if (code === 'SignatureDoesNotMatch' || code === 'InvalidSignatureException')
    return { state: 'dead', why: 'Refused: the secret is not that of the access key.' }
  if (code === 'ExpiredToken' || code === 'ExpiredTokenException')
    return { state: 'dead', why: 'Refused: the session has expired.' }
  return { state: 'unknown', why: `Could not be tried: the server answered ${code}.` }
}
