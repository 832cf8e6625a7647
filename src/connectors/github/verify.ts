import type { Verdict } from '../../core/contract/connector.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { type Account, mustBeHere } from './account.ts'
import { verifyAppKey } from './app.ts'
import { findKey } from './inspect.ts'
import { isSameToken } from './installation-token.ts'
import { fingerprintOfPrivate } from './keys.ts'

export function isInstallationToken(token: string): boolean {
  return token.startsWith('ghs_')
}

/** A key by whether the repository lists its public half; a token by asking with it who it is. */
export async function verify(account: Account, ref: CredentialRef, secret?: Secret): Promise<Verdict> {
  mustBeHere(
    account,
    ref,
    'ssh-key',
    'deploy-key',
    'fine-grained-token',
    'user',
    'app-installation',
    'installation-token',
    'app-key',
  )
  if (!secret || secret.length === 0) return { state: 'unknown', why: 'There is no secret to try.' }
  try {
    // An app is nobody's here, and its own key may be the one that is gone.
    if (ref.kind === 'app-key') return await verifyAppKey(account, ref, secret)
    if (!(await account.stillHere()))
      return {
        state: 'unknown',
        why: `${account.config.owner} is another owner now than the one it was found at.`,
      }
    return ref.kind === 'ssh-key' || ref.kind === 'deploy-key'
      ? await verifyKey(account, ref, secret.revealText())
      : await verifyToken(account, ref, secret.revealText())
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: error.message }
    throw error
  }
}

/** The login itself is by SSH, and is not tried: who has the private half of a listed key gets in. */
async function verifyKey(account: Account, ref: CredentialRef, text: string): Promise<Verdict> {
  const fingerprint = fingerprintOfPrivate(text)
  if (fingerprint === undefined) return { state: 'unknown', why: 'It is no private key that can be read.' }
  const found = await findKey(account, ref)
  if (!found) return { state: 'dead', why: 'Its repository is not there any more.' }
  if (fingerprint !== found.fingerprint)
    return { state: 'dead', why: 'It is not the private half of this deploy key.' }
  const { key, at } = found
  if (!key) return { state: 'dead', why: `${at.owner}/${at.repo} has no such deploy key any more.` }
  const may = key.read_only ? 'read' : 'push'
  return {
    state: 'live',
    why: `${at.owner}/${at.repo} lists it as the deploy key “${key.title}”, which may ${may}.`,
    access: [`${may} ${at.owner}/${at.repo}`],
  }
}

/** First with a wrong one: a server that takes that too tells nothing about the right one. */
async function verifyToken(account: Account, ref: CredentialRef, token: string): Promise<Verdict> {
  const { api, io } = account
  if (ref.kind === 'installation-token' && !isSameToken(ref, token))
    return { state: 'unknown', why: 'It is another token than this one.' }
  const route = isInstallationToken(token) ? 'GET /installation/repositories' : 'GET /user'
  const wrong = await api.ask(
    route,
    {},
    { token: `${token.slice(0, 4)}${Buffer.from(io.random(27)).toString('hex').slice(0, 36)}` },
  )
  if ('failed' in wrong) return { state: 'unknown', why: wrong.failed.message }
  if (wrong.status === 200) return { state: 'unknown', why: 'The server takes a wrong token too.' }
  const right = await api.ask(route, { per_page: 1 }, { token })
  if ('failed' in right) return { state: 'unknown', why: right.failed.message }
  if (right.status === 401) return { state: 'dead', why: 'Refused: it is no token, or none any more.' }
  // An installation token needs no right for this: what is refused is an installation that was suspended.
  if (right.status === 403 && isInstallationToken(token))
    return { state: 'dead', why: 'Refused: the installation of the app is suspended.' }
  if (right.status !== 200) return { state: 'unknown', why: `The server answered ${right.status}.` }
  const { id, login } = (right.data ?? {}) as { id?: number; login?: string }
  if (ref.kind === 'user' && String(id) !== ref.id)
    return { state: 'unknown', why: `It is accepted as ${login}, which is another account.` }
  return {
    state: 'live',
    why: `Accepted${login === undefined ? '' : ` as ${login}`}.`,
    access: ['GitHub’s API'],
  }
}
