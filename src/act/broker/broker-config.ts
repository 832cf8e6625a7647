import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import { systemReason } from '../../core/contract/system-reason.ts'
import { isLoopback } from '../../core/contract/loopback.ts'
import { parseYamlFile } from '../../core/contract/yaml-file.ts'

/** What a token may be signed with: asymmetric only, so that a public key is never taken for a shared secret. */
export const ALGORITHMS = ['EdDSA', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256'] as const

const seconds = z
  .string()
  .regex(/^[1-9]\d{0,6}[smhd]$/, 'is no time: a whole number and a unit, as 90s, 10m, 1h or 1d')
  .transform(text => Number(text.slice(0, -1)) * { s: 1, m: 60, h: 3600, d: 86_400 }[text.at(-1)!]!)
/** Those that JWT-SVID (section 2.1) knows. */
export const SVID_ALGORITHMS = ALGORITHMS.filter(algorithm => algorithm !== 'EdDSA')

const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]{1,255}(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._-]+)+$/
const domainName = z.string().regex(/^[a-z0-9._-]{1,255}$/, 'is no trust domain')
const name = z.string().regex(/^[a-z0-9][a-z0-9:/._-]{0,127}$/, 'is no name of a lease')

const issuer = z.strictObject({
  issuer: z.string().refine(isAddress, 'is no https address; http is for loopback only'),
  /** Where its keys are, where its own metadata is not to say so. */
  jwks: z.string().refine(isAddress, 'is no https address; http is for loopback only').optional(),
  audience: z.string().min(1).optional(),
  /** Which subjects may come at all; `*` stands for anything. Policies decide what each gets. */
  subjects: z.array(z.string().min(1)).min(1),
  algorithms: z.array(z.enum(ALGORITHMS)).min(1).default(['EdDSA', 'ES256', 'PS256', 'RS256']),
  /** A token is good once. Some, as those mounted into pods, are the same for an hour and have to be good again. */
  once: z.boolean().default(true),
})

const lease = z
  .strictObject({
    name,
    /** The identity that it is like: a name or reference of the inventory. */
    like: z.string().min(1).optional(),
    /** Whom its access tokens are for; an exchange can only narrow it. */
    /** Whose JWT-SVIDs it is for, in place of access tokens. */
    spiffeId: z.string().regex(SPIFFE_ID, 'is no SPIFFE ID').optional(),
    audience: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .transform(one => (typeof one === 'string' ? [one] : [...new Set(one)]))
      .optional(),
    /** Of access tokens; of a credential, where its system gives less than all rights of what it is like. */
    scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'is no scope (RFC 6749)')).default([]),
    ttl: seconds.default(600),
    maxTtl: seconds.default(3600),
  })
  .refine(
    ({ like, audience }) => (like === undefined) !== (audience === undefined),
    'needs either `like`, an identity, or `audience`, whom its access tokens are for',
  )
  .refine(({ ttl, maxTtl }) => ttl <= maxTtl, 'has a `ttl` above its `maxTtl`')
  .refine(
    ({ spiffeId, audience, scopes }) =>
      spiffeId === undefined || (audience !== undefined && scopes.length === 0),
    'of a `spiffeId` needs an `audience`, and has no `scopes`',
  )

/** SPIFFE: whose JWT-SVIDs are taken. */
const trustDomain = z.strictObject({
  name: domainName,
  /** Where its bundle is (SPIFFE Federation, `https_web`). */
  bundle: z.string().refine(isAddress, 'is no https address; http is for loopback only'),
  /** Which SPIFFE IDs may come at all. */
  subjects: z.array(z.string().min(1)).min(1),
  once: z.boolean().default(true),
})

/** SPIFFE's Workload API: whoever may open the socket is the workload. */
const socketWorkload = z.strictObject({
  socket: z.string().min(1),
  /** What policies know it by. */
  workload: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'is no name of a workload'),
  /** Whose SVIDs it may ask for. */
  leases: z.array(name).min(1),
})

const tls = z
  .strictObject({
    certificate: z.string().min(1),
    key: z.string().min(1),
    /** The authorities of client certificates, and of X.509-SVIDs. */
    clients: z.string().min(1).optional(),
    /** Which of their subjects may come at all: SPIFFE IDs, else common names. */
    subjects: z.array(z.string().min(1)).default([]),
  })
  .refine(
    ({ clients, subjects }) => clients !== undefined || subjects.length === 0,
    'has `subjects`, but no `clients`, by which they are verified',
  )

const publicKey = z.looseObject({ kty: z.enum(['OKP', 'EC', 'RSA']), d: z.undefined().optional() })

/** A client of OAuth: who has its private key, and signs with it what RFC 7523 says. */
const client = z
  .strictObject({
    id: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'is no id of a client'),
    keys: z.array(publicKey).min(1).max(16).optional(),
    jwks: z.string().refine(isAddress, 'is no https address; http is for loopback only').optional(),
    /** Whose tokens it is told of (RFC 7662): it is the resource server of these audiences. */
    serves: z.array(z.string().min(1)).default([]),
  })
  .refine(
    ({ keys, jwks }) => (keys === undefined) !== (jwks === undefined),
    'needs either `keys`, public keys (JWK), or `jwks`, where they are',
  )

/** Where a CI platform says that a job is over. */
const webhook = z.strictObject({
  platform: z.enum(['github', 'gitlab']),
  /** Of the tokens by which its jobs got their leases. */
  issuer: z.string().min(1),
  /** What the platform signs with, or sends: `env:NAME` or `file:PATH`. */
  secret: z.string().regex(/^(env|file):./, 'is no env:NAME or file:PATH'),
})

const schema = z.strictObject({
  /** The broker's own address: who signs its access tokens, and whom tokens of others must be for. */
  issuer: z.string().refine(isAddress, 'is no https address; http is for loopback only'),
  issuers: z.array(issuer).default([]),
  clients: z.array(client).default([]),
  trustDomains: z.array(trustDomain).default([]),
  /** The trust domain that the broker's own SVIDs are of. */
  spiffe: z
    .strictObject({ trustDomain: domainName, workloads: z.array(socketWorkload).default([]) })
    .optional(),
  webhooks: z.array(webhook).default([]),
  /** With this it listens on other than loopback addresses. The files are beside this one. */
  tls: tls.optional(),
  leases: z.array(lease).min(1),
  /** The folder of *.cedar, beside this file. */
  policies: z.string().min(1).default('policies'),
  signing: z.enum(['EdDSA', 'ES256']).default('EdDSA'),
  rotateKeys: seconds.default(30 * 86_400),
  /** Whether a DPoP proof needs a nonce of ours (RFC 9449, section 8). */
  dpopNonce: z.boolean().default(false),
})

export type BrokerConfig = z.infer<typeof schema>
export type TrustedIssuer = BrokerConfig['issuers'][number]
export type Client = BrokerConfig['clients'][number]
export type SocketWorkload = NonNullable<BrokerConfig['spiffe']>['workloads'][number]
export type Webhook = BrokerConfig['webhooks'][number]
export type LeaseDefinition = BrokerConfig['leases'][number]

/** Raises INVALID_CONFIG, naming the file and the field. */
export async function readBrokerConfig(file: string): Promise<BrokerConfig> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new FirebreakError(
      'INVALID_CONFIG',
      `${file} could not be read: ${systemReason(error)}`,
      'docs/broker.md shows what stands in it; --config names another',
    )
  }
  return parseBrokerConfig(text, file)
}

/** The same of a text that is to stand in that file. */
export function parseBrokerConfig(text: string, file: string): BrokerConfig {
  const { data: config } = parseYamlFile(text, {
    file,
    schema,
    advice: 'docs/broker.md shows what stands in it',
    code: 'INVALID_CONFIG',
  })
  mustBeUnique(
    file,
    'issuer',
    config.issuers.map(({ issuer }) => issuer),
  )
  mustBeUnique(
    file,
    'trust domain',
    config.trustDomains.map(({ name }) => name),
  )
  mustBeUnique(
    file,
    'client',
    config.clients.map(({ id }) => id),
  )
  mustBeUnique(
    file,
    'lease',
    config.leases.map(({ name }) => name),
  )
  mustBeOfDomain(file, config)
  const beside = (path: string) => resolve(dirname(file), path)
  for (const { issuer } of config.webhooks)
    if (!config.issuers.some(known => known.issuer === issuer))
      throw new FirebreakError('INVALID_CONFIG', `${file}: webhooks: ${issuer} is none of the issuers`)
  const webhooks = config.webhooks.map(each =>
    each.secret.startsWith('file:') ? { ...each, secret: `file:${beside(each.secret.slice(5))}` } : each,
  )
  const tls = config.tls && {
    ...config.tls,
    certificate: beside(config.tls.certificate),
    key: beside(config.tls.key),
    clients: config.tls.clients && beside(config.tls.clients),
  }
  const spiffe = config.spiffe && {
    ...config.spiffe,
    workloads: config.spiffe.workloads.map(each => ({ ...each, socket: beside(each.socket) })),
  }
  return {
    ...config,
    ...(tls && { tls }),
    ...(spiffe && { spiffe }),
    webhooks,
    policies: beside(config.policies),
  }
}

export function leaseNamed(config: BrokerConfig, name: string): LeaseDefinition | undefined {
  return config.leases.find(lease => lease.name === name)
}

function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || url.hash !== '' || url.search !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
}

export function isSpiffeId(text: string): boolean {
  return SPIFFE_ID.test(text)
}

/** The SPIFFE ID that what a lease gives is an SVID of, where it is one. */
export function spiffeIdOf({
  spiffeId,
  like,
}: Pick<LeaseDefinition, 'spiffeId' | 'like'>): string | undefined {
  return spiffeId ?? (like !== undefined && SPIFFE_ID.test(like) ? like : undefined)
}

/** With no trust domain of its own there would be nobody to verify what was signed. */
function mustBeOfDomain(file: string, { spiffe, leases }: BrokerConfig): void {
  const own = `spiffe://${spiffe?.trustDomain ?? ''}/`
  const { workloads = [] } = spiffe ?? {}
  mustBeUnique(
    file,
    'socket',
    workloads.map(({ socket }) => socket),
  )
  for (const { workload, leases: names } of workloads)
    for (const name of names) {
      const definition = leases.find(each => each.name === name)
      if (!definition || !spiffeIdOf(definition)?.startsWith(own))
        throw new FirebreakError(
          'INVALID_CONFIG',
          `${file}: ${name}, of the workload ${workload}, is no lease of an SVID of ${own}`,
        )
    }
  for (const { name, spiffeId } of leases)
    if (spiffeId !== undefined && !spiffeId.startsWith(own))
      throw new FirebreakError(
        'INVALID_CONFIG',
        `${file}: the \`spiffeId\` of the lease ${name} is not of the trust domain that \`spiffe\` names`,
      )
}

function mustBeUnique(file: string, what: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined)
    throw new FirebreakError('INVALID_CONFIG', `${file}: there are two of the ${what} ${twice}`)
}
