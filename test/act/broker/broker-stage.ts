import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { Broker } from '../../../src/act/broker/broker.ts'
import { Keeper } from '../../../src/act/broker/lease/keeper.ts'
import type { Io } from '../../../src/core/contract/io.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Db } from '../../../src/core/store/store.ts'
import type { Connections } from '../../../src/know/connections/registry.ts'
import { serveHttp } from '../../../src/serve/api/api.ts'
import { brokerEndpoints } from '../../../src/serve/operations/broker/endpoints.ts'
import { httpOptions, openBroker } from '../../../src/serve/operations/broker/open-broker.ts'
import { testKeys } from '../../know/estate.ts'
import { BUILT_IN_RULES } from '../../built-in-rules.ts'

const OWN = 'https://broker.example'
export const ISSUER = 'https://issuer.example'

/** An issuer whose answers the test gives: `answer` for each address, asked through the broker's own `fetch`. */
interface FakeNetwork {
  /** By address; undefined is a host that is not there. */
  answers: Record<string, () => Response | Promise<Response>>
  asked: string[]
}

export interface BrokerStage {
  readonly url: string
  readonly broker: Broker
  readonly keeper: Keeper
  readonly network: FakeNetwork
  readonly policies: string
  readonly troubles: unknown[]
  /** A token of the issuer for this subject. */
  token(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>
  post(path: string, bearer: string, body: unknown): Promise<Answer>
  call(method: string, path: string, bearer?: string): Promise<Answer>
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  // What is asked of it is looked at by the test that asks.
  readonly body: Record<string, never> & { [name: string]: unknown }
}

/** A broker over a store, served on a free loopback port, and the issuer that it trusts. */
export async function brokerStage(
  db: Db,
  connections: Connections,
  text: { readonly config: string; readonly policies: Readonly<Record<string, string>> },
  overrides: Partial<Io> = {},
): Promise<BrokerStage> {
  const home = await mkdtemp(join(tmpdir(), 'firebreak-broker-'))
  const policies = join(home, 'policies')
  await mkdir(policies)
  for (const [name, policy] of Object.entries(text.policies)) await writeFile(join(policies, name), policy)
  await writeFile(join(home, 'broker.yaml'), `issuer: ${OWN}\n${text.config}`)
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }
  const network: FakeNetwork = {
    answers: {
      [`${ISSUER}/.well-known/openid-configuration`]: () =>
        Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/keys` }),
      [`${ISSUER}/keys`]: () => Response.json({ keys: [jwk] }),
    },
    asked: [],
  }
  const io: Io = {
    ...realIo(),
    fetch: async input => {
      const address = String(input)
      network.asked.push(address)
      const answer = network.answers[address]
      if (!answer) throw new TypeError('fetch failed')
      return await answer()
    },
    ...overrides,
  }
  const troubles: unknown[] = []
  const world = { db, io, keys: testKeys, connections, ...BUILT_IN_RULES, home, progress: () => {} }
  const broker = await openBroker(world as never, join(home, 'broker.yaml'))
  const keeper = new Keeper(db, broker, error => troubles.push(error))
  const server = await serveHttp(brokerEndpoints(db, broker), '0', {
    ...(await httpOptions(broker)),
    host: '127.0.0.1',
    port: 0,
    onFailure: error => troubles.push(error),
  })
  const call = async (method: string, path: string, bearer?: string, body?: string): Promise<Answer> => {
    const answer = await fetch(`${server.url}${path}`, {
      method,
      headers: {
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body }),
    })
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as never }
  }
  let tokens = 0
  return {
    url: server.url,
    broker,
    keeper,
    network,
    policies,
    troubles,
    token: async (claims = {}, header = {}) =>
      await new SignJWT({ sub: 'job:orders', jti: `token-${++tokens}`, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'one', ...header })
        .setIssuer((claims['iss'] as string) ?? ISSUER)
        .setAudience((claims['aud'] as string) ?? OWN)
        .setIssuedAt((claims['iat'] as number) ?? Math.floor(io.now().getTime() / 1000))
        .setExpirationTime((claims['exp'] as number) ?? Math.floor(io.now().getTime() / 1000) + 300)
        .sign(privateKey),
    post: (path, bearer, body) => call('POST', path, bearer, JSON.stringify(body)),
    call,
    async close() {
      await keeper.settled()
      await server.close()
      await rm(home, { recursive: true, force: true })
    },
  }
}
