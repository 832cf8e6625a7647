import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Algorithms, decode, encode, fromSeed, type KeyPair } from '@nats-io/jwt'
import { TimeoutError } from '@nats-io/transport-node'
import { z } from 'zod'
import type { Certifier } from '../../core/contract/certified.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { IssueLedger } from '../../core/contract/issue-ledger.ts'
import type { CredentialRef, Ref } from '../../core/contract/ref.ts'
import type { NatsConfig } from './config.ts'
import { answered, type LogIn, type Opened, System } from './server.ts'

/** An account and its keys, opened: the book of the users that it signed, and the list of those that servers refuse. */
export interface Account extends Certifier {
  readonly config: NatsConfig
  readonly system: System
  readonly logIn: LogIn
}

const subjects = z.looseObject({
  allow: z.array(z.string()).optional(),
  deny: z.array(z.string()).optional(),
})
const role = z.looseObject({
  kind: z.literal('user_scope'),
  key: z.string(),
  role: z.string().optional(),
  template: z.looseObject({ pub: subjects.optional(), sub: subjects.optional() }).optional(),
})
const claims = z.looseObject({
  aud: z.string().optional(),
  iss: z.string(),
  sub: z.string(),
  name: z.string(),
  nats: z.looseObject({
    type: z.literal('account'),
    signing_keys: z.array(z.union([z.string(), role])).optional(),
    revocations: z.record(z.string(), z.number()).optional(),
  }),
})

const LOOKING = 'looking the account up'
/** Who is over is listed for a while longer: a server's clock may be behind. */
const LISTED_AFTER_MS = 3_600_000

/** What the account's own token says. */
export type Claims = z.infer<typeof claims>
/** A signing key with the rights that all whom it signs have (NATS: scoped signing key). */
export type Role = z.infer<typeof role>

export async function openAccount(config: NatsConfig, io: Io, logIn: LogIn): Promise<Account> {
  const system = new System({ config, io, logIn }, () => fileOf(config, 'system.creds'))
  try {
    mustSign(await operatorKey(config), await system.ask(LOOKING, connection => lookUp(config, connection)))
  } catch (error) {
    await system.close()
    throw error
  }
  const account: Account = {
    config,
    io,
    system,
    logIn,
    instance: config.account,
    ledger: new IssueLedger(join(config.path, 'issued.db')),
    holder: 'role',
    signs: 'user',
    mustBeOurs: ref => mustBeOurs(config.account, ref),
    mustBeSame: async () => void (await currentClaims(account)),
    publish: () => publish(account),
  }
  return account
}

/** The account as the server has it. Raises CONFLICT where it is another operator's server by now. */
export async function currentClaims({ config, system }: Account): Promise<Claims> {
  try {
    return await system.ask(LOOKING, connection => lookUp(config, connection))
  } catch (error) {
    // When it was opened, our user was taken and the account was there.
    if (!(error instanceof FirebreakError) || !['DENIED', 'NOT_FOUND'].includes(error.code)) throw error
    throw new FirebreakError(
      'CONFLICT',
      `${config.host}:${config.port} has our user or the account no more`,
      'It is another operator’s server, or one of them was taken away. Find out which; connect it anew if it is meant.',
    )
  }
}

async function lookUp(config: NatsConfig, connection: Opened): Promise<Claims> {
  const { account, timeoutMs: timeout } = config
  const asked = connection.request(`$SYS.REQ.ACCOUNT.${account}.CLAIMS.LOOKUP`, '', { timeout })
  const answer = await asked.catch(async (error: unknown) => {
    if (!(error instanceof TimeoutError)) throw error
    // One of version 2.9 that has no such account says nothing to that, and answers everything else.
    await answered(connection, timeout)
  })
  if (!answer || answer.data.length === 0)
    throw new FirebreakError(
      'NOT_FOUND',
      `the server has no account ${account}`,
      'Push it there first (nsc push).',
    )
  const read = claims.safeParse(decode(answer.string()))
  if (!read.success || read.data.sub !== account)
    throw new FirebreakError('UNSUPPORTED', 'what the server has for the account is no token of it')
  return read.data
}

const updated = z.union([
  z.looseObject({ data: z.looseObject({ code: z.literal(200) }) }),
  z.looseObject({ error: z.looseObject({ description: z.string().optional() }) }),
])

/**
 * Has the servers refuse whom the book says. Of a user that is connected, they end the connection. What others revoked stays so;
 * whose time is over is taken out, since nobody lets them in anyway.
 */
async function publish(account: Account): Promise<void> {
  const { config, io, ledger, system } = account
  const now = io.now().getTime()
  const operator = await operatorKey(config)
  await ledger.publish(join(config.path, 'account.jwt'), now, refused =>
    system.ask('revoking', async connection => {
      const current = await lookUp(config, connection)
      mustSign(operator, current)
      const revocations: Record<string, number> = {}
      for (const [user, at] of Object.entries(current.nats.revocations ?? {})) {
        const entry = ledger.find(user)
        if (!entry || (entry.state !== 'standing' && entry.notAfter > now - LISTED_AFTER_MS))
          revocations[user] = at
      }
      // All that were signed up to then are refused. A server's clock, or who signed it, may be ahead.
      for (const { serial, notAfter } of refused)
        if (notAfter > now - LISTED_AFTER_MS) revocations[serial] ??= Math.ceil(now / 1000) + 60
      const token = await encode(
        Algorithms.v2,
        { ...current, aud: current.aud ?? 'NATS', iat: 0, jti: '', nats: { ...current.nats, revocations } },
        operator,
      )
      const answer = await connection.request('$SYS.REQ.CLAIMS.UPDATE', token, { timeout: config.timeoutMs })
      const said = updated.parse(answer.json())
      if ('error' in said)
        throw new FirebreakError(
          'DENIED',
          'the server does not take the account’s new token',
          'Its log says why.',
        )
      return new TextEncoder().encode(`${token}\n`)
    }),
  )
}

export function rolesOf({ nats }: Claims): Role[] {
  return (nats.signing_keys ?? []).filter(key => typeof key !== 'string')
}

/** What a role may do that way: where `allow` is empty, all but what is denied. */
export function subjectsOf(role: Role | undefined, way: 'pub' | 'sub'): { allow: string[]; deny: string[] } {
  const { allow, deny = [] } = role?.template?.[way] ?? {}
  // Of two lists that are there and empty, a server takes the one for nothing, and the other for everything.
  if (way === 'pub' && allow?.length === 0) return { allow, deny: ['>'] }
  return { allow: allow ?? [], deny }
}

/** The private half of a role's key: in a file that is called as the key is, or as the role. */
export async function roleKey({ config }: Account, { key, role: name }: Role): Promise<KeyPair> {
  for (const file of [key, ...(name !== undefined && /^\w[\w.-]*$/.test(name) ? [name] : [])]) {
    const path = join('roles', `${file}.nk`)
    const isThere = await access(join(config.path, path)).then(
      () => true,
      () => false,
    )
    if (!isThere) continue
    const found = await keyFrom(config, path, 'A')
    if (found.getPublicKey() === key) return found
  }
  throw new FirebreakError(
    'UNSUPPORTED',
    `there is no private half of the role’s key in ${join(config.path, 'roles')}`,
    `Put its seed there, in a file called as the role, or ${key}.nk.`,
  )
}

/**
 * Of a token that is signed with any key at all a server says that it has taken it. So only the key that has signed the account may
 * sign it again.
 */
function mustSign(operator: KeyPair, { iss }: Claims): void {
  if (operator.getPublicKey() === iss) return
  throw new FirebreakError(
    'INVALID_CONFIG',
    `operator.nk is not the key that has signed the account’s token (${iss})`,
    'Put that one there; or sign the account with this one, if it is one of the operator’s, and push it.',
  )
}

async function operatorKey(config: NatsConfig): Promise<KeyPair> {
  return await keyFrom(config, 'operator.nk', 'O')
}

async function keyFrom(config: NatsConfig, name: string, kind: 'O' | 'A'): Promise<KeyPair> {
  const seed = Buffer.from(await fileOf(config, name))
    .toString('latin1')
    .trim()
  try {
    if (!seed.startsWith(`S${kind}`)) throw new TypeError('it is another kind of key')
    return fromSeed(Buffer.from(seed))
  } catch {
    throw new FirebreakError(
      'INVALID_CONFIG',
      `${join(config.path, name)} is no seed of ${kind === 'O' ? 'an operator' : 'an account'}`,
    )
  }
}

async function fileOf({ path }: NatsConfig, name: string): Promise<Uint8Array> {
  return await readFile(join(path, name)).catch(() => {
    throw new FirebreakError('UNREACHABLE', `${join(path, name)} cannot be read`, 'It has to lie there.')
  })
}

export function refOf(instance: string, kind: string, id: string): Ref {
  return { system: 'nats', instance, kind, id }
}

export function userRef(instance: string, user: string, identity: Ref): CredentialRef {
  return { ...refOf(instance, 'user', user), identity }
}

/** Raises UNSUPPORTED or CONFLICT for a reference to anything else. */
function mustBeOurs(instance: string, ref: Ref): void {
  if (ref.system !== 'nats' || !['role', 'user'].includes(ref.kind))
    throw new FirebreakError('UNSUPPORTED', `${ref.system} ${ref.kind} is neither a role nor a user here`)
  if (ref.instance !== instance)
    throw new FirebreakError(
      'CONFLICT',
      'the reference is to another account',
      'Use the connection of that one.',
    )
  if (ref.kind === 'user' && !/^U[A-Z2-7]{55}$/.test(ref.id))
    throw new FirebreakError('UNSUPPORTED', `a user is known by its public key here, and ${ref.id} is none`)
}
