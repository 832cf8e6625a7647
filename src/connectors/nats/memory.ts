import { randomBytes } from 'node:crypto'
import { decode, fromPublic } from '@nats-io/jwt'
import {
  AuthorizationError,
  ClosedConnectionError,
  ConnectionError,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
  UserAuthenticationExpiredError,
} from '@nats-io/transport-node'
import { z } from 'zod'
import { BreakableCalls } from '../../core/contract/breakable-calls.ts'
import type { Connector } from '../../core/contract/connector.ts'
import { natsOver } from './connector.ts'
import type { Answer, LogIn, Opened } from './server.ts'

/**
 * A NATS server in memory, at the driver: it takes the connector's logins and requests and answers as the server does, so that the
 * connector is run whole. It trusts an operator, and keeps the tokens of its accounts and who is connected; it can be unreachable,
 * be replaced by another operator's, and break off a chosen login or request.
 */
export interface MemoryNats {
  readonly connector: Connector<Record<string, never>>
  /** Logins and whatever is asked after them, by the connector. */
  readonly wire: BreakableCalls
  /** Every login and request, whoever made it. */
  readonly log: readonly string[]
  /** A connection that is not counted, as a client's. */
  readonly logIn: LogIn
  /** The tokens of accounts that the server keeps, whether or not it goes by them. */
  readonly tokens: ReadonlyMap<string, string>
  /** A server of another operator takes over the address. */
  replace(trusted: Trusted): void
}

/** What a server with a resolver of type full is started with. */
export interface Trusted {
  /** The operator's own token. */
  readonly operator: string
  readonly systemAccount: string
  /** Tokens of accounts, by their public keys. */
  readonly accounts: Readonly<Record<string, string>>
}

export interface MemoryNatsOptions {
  readonly trusted: Trusted
  /** Of the connector: its folder of keys, and which account it is for. */
  readonly path: string
  readonly account: string
  readonly endpoint?: string
  readonly now?: () => number
}

interface Session {
  readonly cid: number
  readonly user: UserClaims
  readonly account: string
  readonly token: string | undefined
  /** What the client says that its key is. Nobody looks whether it is. */
  readonly key: string
  readonly startedMs: number
  /** Of who is connected no more; with the error where the server said one. */
  readonly ended: PromiseWithResolvers<void | Error>
  alive: boolean
}

const IP = '10.0.0.9'

const operatorClaims = z.object({
  sub: z.string(),
  nats: z.object({ signing_keys: z.array(z.string()).default([]) }),
})
const rights = z.object({
  pub: z.object({ allow: z.array(z.string()).optional(), deny: z.array(z.string()).optional() }).optional(),
})
const accountClaims = z.object({
  iss: z.string(),
  sub: z.string().regex(/^A/),
  nats: z.object({
    type: z.literal('account'),
    signing_keys: z
      .array(z.union([z.string(), z.looseObject({ key: z.string(), template: rights.optional() })]))
      .default([]),
    revocations: z.record(z.string(), z.number()).default({}),
  }),
})
const userClaims = z.object({
  iss: z.string().regex(/^A/),
  sub: z.string().regex(/^U/),
  iat: z.number(),
  exp: z.number().optional(),
  nbf: z.number().optional(),
  nats: rights.loose().extend({
    type: z.literal('user'),
    issuer_account: z.string().optional(),
    bearer_token: z.boolean().optional(),
  }),
})
const paging = z.object({ auth: z.boolean().default(false), limit: z.number(), offset: z.number() })
type AccountClaims = z.infer<typeof accountClaims>
type UserClaims = z.infer<typeof userClaims>

export function memoryNats(options: MemoryNatsOptions): MemoryNats {
  const now = options.now ?? Date.now
  const [, host = 'memory', port = '4222'] = /^(.+):(\d+)$/.exec(options.endpoint ?? '') ?? []
  const wire = new BreakableCalls(() => new ConnectionError('read ECONNRESET'))
  const log: string[] = []
  let [systemAccount, operators] = ['', [] as string[]]
  let [servers, nextCid] = [0, 1]
  let sessions: Session[] = []
  /** As they were given, and what the server goes by, which it reads when an account is first asked for. */
  const tokens = new Map<string, string>()
  const inForce = new Map<string, AccountClaims>()

  const start = (by: Trusted) => {
    for (const session of sessions) end(session)
    servers++
    const operator = operatorClaims.parse(decode(by.operator))
    operators = [operator.sub, ...operator.nats.signing_keys]
    systemAccount = by.systemAccount
    tokens.clear()
    inForce.clear()
    for (const [account, token] of Object.entries(by.accounts)) tokens.set(account, token)
  }

  const end = (session: Session, why?: Error) => {
    session.alive = false
    sessions = sessions.filter(each => each !== session)
    session.ended.resolve(why)
  }
  const endWhoseTimeIsOver = () => {
    for (const session of sessions)
      if (session.user.exp !== undefined && session.user.exp * 1000 <= now())
        end(session, new UserAuthenticationExpiredError('User Authentication Expired'))
  }

  const isTrusted = (claims: AccountClaims) => operators.includes(claims.iss)
  const accountOf = (account: string): AccountClaims | undefined => {
    const claims = inForce.get(account) ?? read(accountClaims, tokens.get(account))
    if (!claims || !isTrusted(claims)) return undefined
    inForce.set(account, claims)
    return claims
  }

  /** The user whose token it is, where its account lets that one in. */
  const mayEnter = (token: string | undefined, nonce: string, signature: string | undefined) => {
    const user = read(userClaims, token)
    const seconds = Math.floor(now() / 1000)
    if (!user || seconds > (user.exp ?? Infinity) || seconds < (user.nbf ?? 0)) return undefined
    const account = accountOf(user.nats.issuer_account ?? user.iss)
    if (!account || !isSigner(account, user) || isRevoked(account, user)) return undefined
    if (user.nats.bearer_token === true) return user
    const signed = Buffer.from(signature ?? '', 'base64')
    return signed.length === 64 && fromPublic(user.sub).verify(Buffer.from(nonce), signed) ? user : undefined
  }

  const logIn: LogIn = async (_config, authenticator) => {
    const nonce = randomBytes(11).toString('base64url')
    const given = z
      .object({ jwt: z.string().optional(), nkey: z.string().optional(), sig: z.string().optional() })
      .parse(authenticator(nonce) ?? {})
    log.push(`CONNECT ${given.jwt}`)
    const user = mayEnter(given.jwt, nonce, given.sig)
    if (!user) throw new AuthorizationError('Authorization Violation')
    const session: Session = {
      cid: nextCid++,
      user,
      account: user.nats.issuer_account ?? user.iss,
      token: given.jwt,
      key: given.nkey || user.sub,
      startedMs: now(),
      ended: Promise.withResolvers(),
      alive: true,
    }
    sessions.push(session)
    endWhoseTimeIsOver()
    return openedFor(session)
  }

  function openedFor(session: Session): Opened {
    const whileIn = <T>(ask: () => T): T => {
      endWhoseTimeIsOver()
      if (!session.alive) throw new ClosedConnectionError()
      return ask()
    }
    const asked = (subject: string, body: unknown) =>
      whileIn(() => {
        log.push(`${subject} ${String(body)}`)
        if (mayPublish(inForce.get(session.account)!, session.user, subject))
          return answer(session, subject, String(body))
        const words = `Permissions Violation for Publish to "${subject}"`
        throw requestError(new PermissionViolationError(words, 'publish', subject))
      })
    return {
      request: async (subject, body = '') => asked(subject, body),
      requestMany: async (subject, body = '') => onlyOne(asked(subject, body)),
      flush: async () => whileIn(() => {}),
      closed: () => session.ended.promise,
      isClosed: () => {
        endWhoseTimeIsOver()
        return !session.alive
      },
      close: async () => end(session),
    }
  }

  /** What is asked for is answered to users of the system account only. */
  function answer({ account: by }: Session, subject: string, body: string): Answer {
    const server = { id: `server ${servers}` }
    const [, account = '', verb] = /^\$SYS\.REQ\.ACCOUNT\.(\w+)\.(CLAIMS\.LOOKUP|CONNZ)$/.exec(subject) ?? []
    if (by === systemAccount) {
      if (verb === 'CLAIMS.LOOKUP') {
        const token = tokens.get(account)
        // As a server of version 2.9, which says nothing.
        if (token === undefined) throw new TimeoutError()
        return answerOf(token)
      }
      if (verb === 'CONNZ') return answerOf(JSON.stringify({ server, data: connected(account, body) }))
      if (subject === '$SYS.REQ.CLAIMS.UPDATE') return answerOf(JSON.stringify({ server, ...update(body) }))
    }
    throw requestError(new NoRespondersError(subject))
  }

  function connected(account: string, body: string): object {
    const { auth, limit, offset } = paging.parse(JSON.parse(body))
    const all = sessions.filter(each => each.account === account)
    const connections = all.slice(offset, offset + limit).map(({ cid, startedMs, user, key, token }) => ({
      cid,
      ip: IP,
      port: 40_000 + cid,
      start: new Date(startedMs).toISOString(),
      name: 'firebreak',
      ...(auth && { authorized_user: key, issuer_key: user.iss, jwt: token }),
    }))
    return {
      num_connections: connections.length,
      total: all.length,
      offset,
      limit,
      ...(inForce.has(account) && { connections }),
    }
  }

  /** It says that it has taken the token whoever signed it, and goes by it only where that was the operator. */
  function update(token: string): object {
    const claims = read(accountClaims, token)
    if (!claims) return { error: { code: 500, description: 'jwt update resulted in error' } }
    tokens.set(claims.sub, token)
    const before = inForce.get(claims.sub)
    if (before && isTrusted(claims)) {
      inForce.set(claims.sub, claims)
      for (const session of sessions.filter(each => each.account === claims.sub)) {
        const { user } = session
        const isAsBefore = JSON.stringify(roleOf(before, user)) === JSON.stringify(roleOf(claims, user))
        if (!isAsBefore || !isSigner(claims, user) || isRevoked(claims, user)) end(session)
      }
    }
    return { data: { account: claims.sub, code: 200, message: 'jwt updated' } }
  }

  const over = natsOver(async (config, authenticator) => {
    let entered: Opened | undefined
    /** Of a connection that broke, the server knows it. */
    const ask = async <T>(effect: () => Promise<T>): Promise<T> => {
      try {
        return await wire.run(effect)
      } catch (error) {
        if (error instanceof ConnectionError) await entered?.close()
        throw error
      }
    }
    const opened = await ask(async () => (entered = await logIn(config, authenticator)))
    return {
      ...opened,
      request: (...asked) => ask(() => opened.request(...asked)),
      requestMany: (...asked) => ask(() => opened.requestMany(...asked)),
      flush: () => ask(() => opened.flush()),
    }
  })
  start(options.trusted)
  return {
    connector: {
      ...over,
      summary: 'A NATS server in memory',
      config: z.strictObject({}),
      open: (_, io) => {
        const { path, account } = options
        return over.open(over.config.parse({ path, account, host, port: Number(port) }), io)
      },
    },
    wire,
    log,
    logIn,
    tokens,
    replace: start,
  }
}

/** What a token says, where it is signed with the key that it names and is one of that kind. */
function read<T>(kind: z.ZodType<T>, token = ''): T | undefined {
  try {
    return kind.parse(decode(token))
  } catch {
    return undefined
  }
}

/** Undefined where it is signed with a key that gives no rights of its own. */
function roleOf({ nats }: AccountClaims, { iss }: UserClaims) {
  return nats.signing_keys.filter(each => typeof each === 'object').find(({ key }) => key === iss)
}

const NOTHING = ['0', 'false', '""', '{}', 'null']

/** Whoever a role's key signs has the role's rights, and may have none of its own. */
function isSigner(account: AccountClaims, user: UserClaims): boolean {
  if (user.iss === account.sub || account.nats.signing_keys.includes(user.iss)) return true
  const { type: _, version: __, issuer_account: ___, tags: ____, ...own } = user.nats
  const isEmpty = Object.values(own).every(each => NOTHING.includes(JSON.stringify(each)))
  return isEmpty && roleOf(account, user) !== undefined
}

/** A list of what is allowed that is there and empty allows nothing. */
function mayPublish(account: AccountClaims, user: UserClaims, subject: string): boolean {
  const role = roleOf(account, user)
  const { allow = ['>'], deny = [] } = (role ? role.template : user.nats)?.pub ?? {}
  const fits = (pattern: string) => matches(pattern.split('.'), subject.split('.'))
  return allow.some(fits) && !deny.some(fits)
}

function matches(pattern: string[], subject: string[]): boolean {
  const at = pattern.findIndex((each, index) => each === '>' || (each !== '*' && each !== subject[index]))
  return at < 0 ? pattern.length === subject.length : pattern[at] === '>' && at < subject.length
}

/** Who was signed up to then. */
function isRevoked({ nats }: AccountClaims, { sub, iat }: UserClaims): boolean {
  return [sub, '*'].some(each => (nats.revocations[each] ?? -1) >= iat)
}

/** As the driver raises it. */
function requestError(cause: Error): RequestError {
  return new RequestError(cause.message, { cause })
}

function answerOf(text: string): Answer {
  return { data: Buffer.from(text), string: () => text, json: <T>() => JSON.parse(text) as T }
}

async function* onlyOne(answer: Answer): AsyncGenerator<Answer> {
  yield answer
}
