import { z } from 'zod'
import type { Issued, Verdict, Want } from '../../core/contract/connector.ts'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, State } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { unlessAbsent } from '../../core/contract/refused.ts'
import { type Account, accountOf, accountState, idOf, keysOf, keyWith } from './accounts.ts'
import { networkReason } from './failure.ts'
import { mustBeHere, type Project, refIn } from './project.ts'
import { exchange, type Exchanged, publicHalf, type Signer, signerOf } from './token.ts'

/** https://cloud.google.com/iam/quotas */
const MOST_KEYS = 10

/**
 * Signs an assertion and has it exchanged for an access token, which is dropped. First with a spoilt signature: a server that
 * takes that too tells nothing about the right one.
 */
export async function verify(project: Project, ref: CredentialRef, secret?: Secret): Promise<Verdict> {
  mustBeHere(project, ref, 'service-account', 'service-account-key')
  if (!secret) return { state: 'unknown', why: 'There is no secret to try.' }
  let email = secret.id
  try {
    if (!(await project.stillHere()))
      return { state: 'unknown', why: 'Another project answers there than the one this key belongs to.' }
    email ??= (await accountOf(project, ref))?.email
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: `${error.message}.` }
    throw error
  }
  if (email === undefined) return { state: 'unknown', why: 'It is not known whose key it is.' }
  const signer = signerOf(email, secret)
  if (!signer)
    return { state: 'unknown', why: 'It is no private key, so that nothing can be signed with it.' }
  if ('token' in (await tried(project, signer, true)))
    return { state: 'unknown', why: 'The server takes a wrong signature too.' }
  return interpret(await tried(project, signer, false), email)
}

type Tried = Exchanged | { readonly failed: string }

async function tried({ io, config }: Project, signer: Signer, spoilt: boolean): Promise<Tried> {
  try {
    return await exchange(io, signer, config.requestTimeoutMs, spoilt)
  } catch (error) {
    if (io.signal.aborted) throw io.signal.reason
    return { failed: networkReason(error) }
  }
}

function interpret(answer: Tried, email: string): Verdict {
  if ('token' in answer) return { state: 'live', why: `Accepted as ${email}.`, access: [email] }
  if ('failed' in answer) return { state: 'unknown', why: `Could not be tried: ${answer.failed}.` }
  const { status, error, what } = answer
  if (/timeframe|iat|exp\b/i.test(what))
    return { state: 'unknown', why: 'Could not be tried: the clock of this machine is off.' }
  if (error === 'invalid_grant' || error === 'invalid_client')
    return {
      state: 'dead',
      why: `Refused: no key of ${email} that is in force made this signature (${error}).`,
    }
  return { state: 'unknown', why: `Could not be tried: the server answered ${status}.` }
}

const created = z.looseObject({ name: z.string(), privateKeyData: z.string() })
const keyFile = z.looseObject({ private_key: z.string() })

/** One more key of the same service account; CONFLICT where one was made since `want.before`, or there is no room. */
export async function issue(project: Project, want: Want): Promise<Issued> {
  const account = await wanted(project, want)
  const keys = await keysOf(project, account)
  const known = before(want)
  if (known && keys.some(key => !known.includes(idOf(key))))
    throw new FirebreakError('CONFLICT', 'a key was made for this already', 'Undo it, then issue again.')
  if (keys.length >= MOST_KEYS)
    throw new FirebreakError(
      'CONFLICT',
      'there is no room for one more key',
      'Delete what is no longer used, then retry.',
    )
  const answer = created.parse(
    await project.change('making a key', 'POST', 'iam', `v1/${account.name}/keys`, {}),
  )
  const file = keyFile.parse(JSON.parse(Buffer.from(answer.privateKeyData, 'base64').toString('utf8')))
  const identity = refIn(project, 'service-account', account.uniqueId)
  return {
    ref: { ...refIn(project, 'service-account-key', idOf(answer)), identity },
    // As it stands in files: what ends it is not followed by a line.
    secret: new Secret(file.private_key.trimEnd(), account.email, idOf(answer)),
  }
}

/** Keys bear no names: what is there and was not there before is ours, where that is one. */
export async function undo(project: Project, want: Want): Promise<void> {
  const known = before(want)
  const account = want.like && (await accountOf(project, want.like))
  await mustStand(project)
  if (!account || !known) return
  const made = (await keysOf(project, account)).filter(key => !known.includes(idOf(key)))
  if (made.length > 1)
    throw new FirebreakError(
      'CONFLICT',
      `${made.length} keys of ${account.email} were made meanwhile, and none says by whom`,
      'Delete the one that nobody uses by hand.',
    )
  for (const { name } of made) await remove(project, name)
}

async function wanted(project: Project, { like }: Want): Promise<Account> {
  if (!like) throw new FirebreakError('UNSUPPORTED', 'a key is made beside another one only')
  const account = await accountOf(project, like)
  if (!account) throw new FirebreakError('NOT_FOUND', 'the service account is not there')
  return account
}

function before({ before }: Want): string[] | undefined {
  return accountState.safeParse(before).data?.keys.map(({ id }) => id)
}

export async function suspend(project: Project, ref: CredentialRef): Promise<void> {
  await switched(project, ref, 'disable')
}

export async function resume(project: Project, ref: CredentialRef, was: State): Promise<void> {
  const state = accountState.safeParse(was).data
  if (!state) throw new FirebreakError('UNSUPPORTED', 'it is not known how it stood')
  const off =
    ref.kind === 'service-account' ? state.disabled : state.keys.find(({ id }) => id === ref.id)?.disabled
  await switched(project, ref, off ? 'disable' : 'enable')
}

async function switched(project: Project, ref: CredentialRef, verb: 'disable' | 'enable'): Promise<void> {
  const account = await accountOf(project, ref)
  await mustStand(project)
  if (!account) throw new FirebreakError('NOT_FOUND', 'the service account is not there')
  const name = ref.kind === 'service-account' ? account.name : `${account.name}/keys/${ref.id}`
  await project.change(`to ${verb} it`, 'POST', 'iam', `v1/${name}:${verb}`, {})
}

/** Of a service account: the key that the secret is of, or all of its keys. */
export async function revoke(project: Project, ref: CredentialRef, secret?: Secret): Promise<void> {
  const account = await accountOf(project, ref)
  await mustStand(project)
  if (!account) return
  const keys = await keysOf(project, account)
  if (ref.kind === 'service-account-key') {
    const key = keys.find(one => idOf(one) === ref.id)
    if (key) await remove(project, key.name)
    return
  }
  const signer = secret && signerOf(account.email, secret)
  const its = signer && (await keyWith(project, keys, publicHalf(signer.key)))
  if (signer && !its) return
  for (const { name } of its ? [its] : keys) await remove(project, name)
}

async function remove(project: Project, name: string): Promise<void> {
  await unlessAbsent(() => project.change('deleting a key', 'DELETE', 'iam', `v1/${name}`))
}

/** Also where there is nothing to change: nothing is concluded of another project. */
async function mustStand(project: Project): Promise<void> {
  if (!(await project.stillHere()))
    throw new FirebreakError(
      'CONFLICT',
      `${project.instance} is another project now`,
      'Find out whose it is.',
    )
}
