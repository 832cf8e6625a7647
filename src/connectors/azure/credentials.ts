import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Issued, Verdict, Want } from '../../core/contract/connector.ts'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import { networkReason } from '../../core/contract/network-reason.ts'
import type { CredentialRef, Json } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { unlessAbsent } from '../../core/contract/refused.ts'
import { clientIdOf, credentialIn, type Holder, holdersOf } from './applications.ts'
import { mustStand, refIn, type Tenant } from './tenant.ts'
import { type Granted, keyProof, type Proof } from './token.ts'

/** https://learn.microsoft.com/entra/identity-platform/configurable-token-lifetimes */
const TOKENS_GO_ON = 'Access tokens that were given before go on until they end, 60 to 90 minutes after that'

/**
 * Asks for a token as the application, which is dropped. First with a wrong secret: a server that takes that too tells nothing about
 * the right one.
 */
export async function verify(tenant: Tenant, ref: CredentialRef, secret?: Secret): Promise<Verdict> {
  const clientId = secret?.id ?? clientIdOf(tenant, ref).replace(/^\?/, '')
  if (!secret) return { state: 'unknown', why: 'There is no secret to try.' }
  let holders: readonly Holder[] | undefined
  try {
    if (!(await tenant.stillHere()))
      return {
        state: 'unknown',
        why: 'Another tenant answers there than the one this credential belongs to.',
      }
    holders = await holdersOf(tenant, clientId)
  } catch (error) {
    if (!isFirebreakError(error)) throw error
    // What we may not look up can be tried all the same.
    if (error.code !== 'DENIED') return { state: 'unknown', why: `${error.message}.` }
  }
  const listed = ref.kind === 'app-credential' ? credentialIn(holders ?? [], ref.id) : undefined
  const proof = proofFor(secret, listed?.certificate?.customKeyIdentifier)
  if (!proof)
    return { state: 'unknown', why: 'It is a private key, and its certificate’s thumbprint is not known.' }
  if (listed && !mayBe(listed, secret))
    return { state: 'unknown', why: 'It is another secret than the one that this credential was made with.' }
  const wrong = 'secret' in proof ? { secret: wrongSecret(tenant) } : undefined
  if (wrong && 'token' in (await tried(tenant, clientId, wrong)))
    return { state: 'unknown', why: 'The server takes a wrong secret too.' }
  return interpret(await tried(tenant, clientId, proof), holders)
}

function proofFor(secret: Secret, thumbprint: string | null | undefined): Proof | undefined {
  const key = keyProof(secret)
  if (!key) return { secret: secret.revealText() }
  if (key.x5t !== undefined) return key
  // Graph gives the thumbprint as hex digits or in base64.
  if (!thumbprint) return undefined
  const bytes = Buffer.from(thumbprint, /^(?:[0-9a-f]{2}){20}$/i.test(thumbprint) ? 'hex' : 'base64')
  return { ...key, x5t: bytes.toString('base64url') }
}

/** By the first three characters, which Graph shows of a secret. */
function mayBe({ password }: NonNullable<ReturnType<typeof credentialIn>>, secret: Secret): boolean {
  return !password || (keyProof(secret) === undefined && hintFits(password.hint, secret))
}

function hintFits(hint: string | null | undefined, secret: Secret): boolean {
  return !hint || secret.revealText().startsWith(hint)
}

function wrongSecret({ io }: Tenant): string {
  return `${Buffer.from(io.random(24)).toString('base64url')}~wrong`
}

type Tried = Granted | { readonly failed: string }

async function tried(tenant: Tenant, clientId: string, proof: Proof): Promise<Tried> {
  try {
    return await tenant.tryToken(clientId, proof)
  } catch (error) {
    if (tenant.io.signal.aborted) throw tenant.io.signal.reason
    return { failed: isFirebreakError(error) ? error.message : networkReason(error) }
  }
}

/**
 * Entra's numbers may change at any time; one that is not among these leaves it unknown.
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
const DEAD: Readonly<Record<number, string>> = {
  7000215: 'no secret of the application is this one',
  7000222: 'the secret has ended',
  700027: 'no certificate of the application has made this signature',
}
const UNKNOWN: Readonly<Record<number, string>> = {
  90002: 'the tenant is not found',
  7000112: 'the application is switched off, and whether the secret is its own is not told',
  53003: 'a policy of conditional access keeps this machine out',
}
/** The application, or its service principal, is not in the tenant. */
const ABSENT = [700016, 7000229]

function interpret(answer: Tried, holders: readonly Holder[] | undefined): Verdict {
  const name = holders?.[0]?.displayName ?? 'the application'
  if ('token' in answer) return { state: 'live', why: `Accepted as ${name}.`, access: [name] }
  if ('failed' in answer) return { state: 'unknown', why: `Could not be tried: ${answer.failed}.` }
  const { codes, status } = answer
  const dead = codes.find(code => DEAD[code] !== undefined)
  if (dead !== undefined)
    return { state: 'dead', why: `Refused: ${DEAD[dead]} (AADSTS${dead}). ${TOKENS_GO_ON}.` }
  const absent = codes.find(code => ABSENT.includes(code))
  if (absent !== undefined)
    return holders?.length === 0
      ? { state: 'dead', why: `Refused: there is no such application in the tenant (AADSTS${absent}).` }
      : {
          state: 'unknown',
          why: `Could not be tried: the application is not found in the tenant (AADSTS${absent}).`,
        }
  const known = codes.find(code => UNKNOWN[code] !== undefined)
  if (known !== undefined)
    return { state: 'unknown', why: `Could not be tried: ${UNKNOWN[known]} (AADSTS${known}).` }
  const told = codes.length > 0 ? codes.map(code => `AADSTS${code}`).join(', ') : String(status)
  return { state: 'unknown', why: `Could not be tried: the server answered ${told}.` }
}

const added = z.looseObject({ keyId: z.string(), secretText: z.string(), endDateTime: z.string().nullish() })

/** One more secret of the same application; its title says the attempt, so that one attempt makes one. */
export async function issue(tenant: Tenant, want: Want): Promise<Issued> {
  if (!want.like) throw new FirebreakError('UNSUPPORTED', 'a secret is made beside another credential only')
  const clientId = clientIdOf(tenant, want.like)
  const holders = await holdersOf(tenant, clientId)
  const title = titleOf(want)
  if (madeBy(holders, title).length > 0)
    throw new FirebreakError('CONFLICT', 'a secret was made for this already', 'Undo it, then issue again.')
  // Beside the one that it is like: a certificate's place is not asked for.
  const like = want.like.kind === 'app-credential' ? credentialIn(holders, want.like.id) : undefined
  const holder = like?.holder ?? holders[0]
  if (!holder) throw new FirebreakError('NOT_FOUND', 'the application is not there')
  const { io } = tenant
  const until = want.ttlSeconds === undefined ? undefined : io.now().getTime() + want.ttlSeconds * 1000
  const passwordCredential = {
    displayName: title,
    ...(until !== undefined && { endDateTime: new Date(until).toISOString() }),
  }
  const answer = added.parse(
    await tenant.change('making a secret', 'POST', 'graph', `/v1.0/${holder.at}/${holder.id}/addPassword`, {
      passwordCredential,
    }),
  )
  await untilTaken(tenant, holder.appId, { secret: answer.secretText })
  const notAfter = Date.parse(answer.endDateTime ?? '')
  const identity = refIn(tenant, 'service-principal', holder.appId)
  return {
    ref: { ...refIn(tenant, 'app-credential', answer.keyId.toLowerCase()), identity },
    secret: new Secret(answer.secretText, holder.appId),
    ...(Number.isFinite(notAfter) && { notAfter }),
  }
}

const PAUSE_MS = 2000

/** A new secret is refused like a wrong one until all of Entra’s servers know it. Whether it is taken then is for verify to say. */
async function untilTaken(tenant: Tenant, clientId: string, proof: Proof): Promise<void> {
  for (let waitedMs = 0; waitedMs < tenant.config.settleSeconds * 1000; waitedMs += PAUSE_MS) {
    const answer = await tried(tenant, clientId, proof)
    if (!('codes' in answer && answer.codes.includes(7000215))) return
    await tenant.io.sleep(PAUSE_MS)
  }
}

export async function undo(tenant: Tenant, want: Want): Promise<void> {
  await mustStand(tenant)
  if (!want.like) return
  const holders = await holdersOf(tenant, clientIdOf(tenant, want.like))
  for (const { holder, keyId } of madeBy(holders, titleOf(want))) await removePassword(tenant, holder, keyId)
}

function madeBy(holders: readonly Holder[], title: string) {
  return holders.flatMap(holder =>
    holder.passwordCredentials
      .filter(({ displayName }) => displayName === title)
      .map(({ keyId }) => ({ holder, keyId })),
  )
}

/** Short, whatever the attempt is called: Graph takes no long titles. */
function titleOf({ name }: Want): string {
  return `firebreak ${createHash('sha256').update(name).digest('hex').slice(0, 20)}`
}

/** Of an application: the secret that is the one that was given, or all that it has. */
export async function revoke(tenant: Tenant, ref: CredentialRef, secret?: Secret): Promise<void> {
  const holders = await holdersOf(tenant, clientIdOf(tenant, ref))
  await mustStand(tenant)
  if (ref.kind === 'app-credential') {
    const found = credentialIn(holders, ref.id)
    if (found?.password) await removePassword(tenant, found.holder, found.password.keyId)
    else if (found) await removeCertificates(tenant, found.holder, [found.certificate!.keyId])
    return
  }
  if (secret) return await revokeGiven(tenant, holders, secret)
  for (const holder of holders) {
    for (const { keyId } of holder.passwordCredentials) await removePassword(tenant, holder, keyId)
    if (holder.keyCredentials.length > 0) await removeCertificates(tenant, holder)
  }
}

async function revokeGiven(tenant: Tenant, holders: readonly Holder[], secret: Secret): Promise<void> {
  if (keyProof(secret))
    throw new FirebreakError(
      'UNSUPPORTED',
      'which certificate a private key is of is not told',
      'Revoke the certificate by its id, as firebreak show lists it.',
    )
  const fitting = holders.flatMap(holder =>
    holder.passwordCredentials
      .filter(({ hint }) => hintFits(hint, secret))
      .map(({ keyId }) => ({ holder, keyId })),
  )
  if (fitting.length > 1)
    throw new FirebreakError(
      'CONFLICT',
      `${fitting.length} secrets of the application begin like this one, and nothing tells them apart`,
      'Revoke the one that leaked by its id, as firebreak show lists it.',
    )
  for (const { holder, keyId } of fitting) await removePassword(tenant, holder, keyId)
}

async function removePassword(tenant: Tenant, { at, id }: Holder, keyId: string): Promise<void> {
  await unlessAbsent(async () => {
    try {
      await tenant.change('removing a secret', 'POST', 'graph', `/v1.0/${at}/${id}/removePassword`, { keyId })
    } catch (error) {
      // Graph answers so for one that is gone already, too.
      if (!isFirebreakError(error, 'UNSUPPORTED') || (await stands(tenant, at, id, keyId))) throw error
    }
  })
}

async function stands(tenant: Tenant, at: Holder['at'], id: string, keyId: string): Promise<boolean> {
  const path = `/v1.0/${at}/${id}?$select=passwordCredentials`
  const schema = z.looseObject({ passwordCredentials: z.array(z.looseObject({ keyId: z.string() })) })
  const { passwordCredentials } = schema.parse(await tenant.get('looking for a secret', 'graph', path))
  return passwordCredentials.some(one => one.keyId.toLowerCase() === keyId)
}

/** removeKey takes a proof by another certificate of the application: the list is written without it instead. */
async function removeCertificates(
  tenant: Tenant,
  { at, id, keyCredentials }: Holder,
  keyIds: readonly string[] = keyCredentials.map(({ keyId }) => keyId),
): Promise<void> {
  const left = keyCredentials.filter(({ keyId }) => !keyIds.includes(keyId)) as unknown as Json
  await tenant.change('removing a certificate', 'PATCH', 'graph', `/v1.0/${at}/${id}`, {
    keyCredentials: left,
  })
}
