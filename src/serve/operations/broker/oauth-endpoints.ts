import { z } from 'zod'
import { attest } from '../../../act/broker/attest/attest.ts'
import type { Broker } from '../../../act/broker/broker.ts'
import { ALGORITHMS } from '../../../act/broker/broker-config.ts'
import { ASSERTION_TYPE, authenticateClient } from '../../../act/broker/attest/client.ts'
import { ACCESS_TOKEN_TYPE, exchange } from '../../../act/broker/token/exchange.ts'
import { type Granted, issueLease } from '../../../act/broker/lease/lease.ts'
import { OauthError } from '../../../act/broker/oauth-error.ts'
import { introspect, revokeToken } from '../../../act/broker/token/own-token.ts'
import { possessionOf, type Presented } from '../../../act/broker/attest/possession.ts'
import { tokenLease } from '../../../act/broker/token/target.ts'
import type { Db } from '../../../core/store/store.ts'
import { defineEndpoint, type Endpoint } from './endpoint.ts'

const CLIENT_CREDENTIALS = 'client_credentials'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const WELL_KNOWN = '/.well-known'

const several = z
  .union([z.string(), z.array(z.string()).max(16)])
  .transform(one => (typeof one === 'string' ? [one] : one))
  .default([])

const client = {
  client_id: z.string().max(256).optional(),
  client_assertion: z.string().optional().describe('a JWT (RFC 7523)'),
  client_assertion_type: z.string().optional().describe(ASSERTION_TYPE),
}

// What is not known is ignored (RFC 6749, section 3.2).
const tokenRequest = z.object({
  grant_type: z.string().describe(`${CLIENT_CREDENTIALS}, or ${TOKEN_EXCHANGE}`),
  scope: z.string().max(4096).optional(),
  resource: several.describe('whom the token is for (RFC 8707)'),
  audience: several.describe('whom the token is for, or the name of a lease'),
  subject_token: z.string().optional(),
  subject_token_type: z.string().optional(),
  actor_token: z.string().optional(),
  actor_token_type: z.string().optional(),
  requested_token_type: z.string().optional(),
  ...client,
})
type TokenRequest = z.infer<typeof tokenRequest>

const presentedToken = z.object({
  token: z.string().min(1),
  token_type_hint: z.string().optional(),
  ...client,
})

const tokenAnswer = z.object({
  access_token: z.string().describe('RFC 9068'),
  issued_token_type: z.string().optional(),
  token_type: z.enum(['Bearer', 'DPoP']),
  expires_in: z.int(),
  scope: z.string(),
})

/** What OAuth's own specifications say how to ask for. */
export function oauthEndpoints(db: Db, broker: Broker): readonly Endpoint[] {
  const { issuer } = broker.config
  const path = new URL(issuer).pathname.replace(/\/$/, '')
  return [
    defineEndpoint({
      name: 'token',
      method: 'POST',
      path: '/token',
      summary: 'Get an access token as a client, or in exchange for another token (RFC 6749, RFC 8693)',
      caller: 'client',
      status: 200,
      body: { type: 'form', schema: tokenRequest },
      answer: tokenAnswer,
      run: async ({ input, presented }) => await token(db, broker, input, presented),
    }),
    defineEndpoint({
      name: 'revoke',
      method: 'POST',
      path: '/revoke',
      summary: 'End the lease of an access token, and all that was exchanged from it (RFC 7009)',
      caller: 'client',
      status: 200,
      body: { type: 'form', schema: presentedToken },
      answer: z.object({}),
      async run({ input, presented }) {
        const known = await authenticateClient(db, broker, input, presented.certificate)
        if (known) await broker.ledger.keep({ once: known.once })
        await revokeToken(db, broker, known?.workload, input.token)
        return {}
      },
    }),
    defineEndpoint({
      name: 'introspect',
      method: 'POST',
      path: '/introspect',
      summary: 'Whether an access token is good, and for what (RFC 7662)',
      caller: 'client',
      status: 200,
      body: { type: 'form', schema: presentedToken },
      answer: z.looseObject({ active: z.boolean() }),
      async run({ bearer, input, presented }) {
        const known = await authenticateClient(db, broker, input, presented.certificate)
        if (known) await broker.ledger.keep({ once: known.once })
        else if (bearer === '') throw new OauthError('invalid_client', 'only who is known is told')
        const caller = known?.workload ?? (await attest(db, broker, bearer))
        return await introspect(db, broker, caller, input.token)
      },
    }),
    defineEndpoint({
      name: 'metadata',
      method: 'GET',
      path: `${WELL_KNOWN}/oauth-authorization-server${path}`,
      summary: 'What the broker can do as an authorization server (RFC 8414)',
      caller: 'anyone',
      status: 200,
      answer: z.looseObject({ issuer: z.string(), token_endpoint: z.string(), jwks_uri: z.string() }),
      run: async () => serverMetadata(broker),
    }),
    defineEndpoint({
      name: 'resourceMetadata',
      method: 'GET',
      path: `${WELL_KNOWN}/oauth-protected-resource${path}`,
      summary: 'Whose tokens are taken where leases are asked for (RFC 9728)',
      caller: 'anyone',
      status: 200,
      answer: z.looseObject({ resource: z.string() }),
      run: async () => ({
        resource: issuer,
        authorization_servers: broker.config.issuers.map(each => each.issuer),
        bearer_methods_supported: ['header'],
        resource_name: 'Firebreak broker',
        dpop_signing_alg_values_supported: ALGORITHMS,
      }),
    }),
  ]
}

function serverMetadata({ config }: Broker): object {
  const at = (path: string) => `${config.issuer.replace(/\/$/, '')}${path}`
  const known = ['private_key_jwt', ...(config.tls?.clients === undefined ? [] : ['tls_client_auth'])]
  const scopes = new Set(config.leases.flatMap(({ scopes }) => scopes))
  return {
    issuer: config.issuer,
    token_endpoint: at('/token'),
    jwks_uri: at('/jwks.json'),
    revocation_endpoint: at('/revoke'),
    introspection_endpoint: at('/introspect'),
    // There is no authorization endpoint: nobody is sent anywhere.
    response_types_supported: [],
    grant_types_supported: [CLIENT_CREDENTIALS, TOKEN_EXCHANGE],
    scopes_supported: [...scopes].sort(),
    token_endpoint_auth_methods_supported: [...known, 'none'],
    token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
    revocation_endpoint_auth_methods_supported: [...known, 'none'],
    revocation_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
    introspection_endpoint_auth_methods_supported: known,
    introspection_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
    dpop_signing_alg_values_supported: ALGORITHMS,
    tls_client_certificate_bound_access_tokens: config.tls?.clients !== undefined,
  }
}

async function token(
  db: Db,
  broker: Broker,
  asked: TokenRequest,
  presented: Presented,
): Promise<z.infer<typeof tokenAnswer>> {
  const targets = [...asked.resource, ...asked.audience]
  const scopes = asked.scope?.split(' ').filter(Boolean)
  const known = await authenticateClient(db, broker, asked, presented.certificate)
  const possession = await possessionOf(broker, presented)
  if (asked.grant_type === TOKEN_EXCHANGE) {
    const { subject_token: subjectToken, subject_token_type: subjectTokenType } = asked
    if (subjectToken === undefined || subjectTokenType === undefined)
      throw new OauthError('invalid_request', 'an exchange needs a subject_token and its type')
    const granted = await exchange(db, broker, known, possession, {
      subjectToken,
      subjectTokenType,
      actorToken: asked.actor_token,
      actorTokenType: asked.actor_token_type,
      requestedTokenType: asked.requested_token_type,
      targets,
      scopes,
    }).catch(unwilling)
    return { ...answered(granted, possession), issued_token_type: ACCESS_TOKEN_TYPE }
  }
  if (asked.grant_type !== CLIENT_CREDENTIALS)
    throw new OauthError('unsupported_grant_type', 'tokens are given to clients, or in exchange')
  if (!known) throw new OauthError('invalid_client', 'a client says by an assertion who it is')
  const { definition, audience } = tokenLease(broker.config, targets)
  const granted = await issueLease(db, broker, known.workload, {
    name: definition.name,
    audience,
    ...(scopes && { scopes }),
    once: [...known.once, ...possession.once],
    confirmation: possession.confirmation,
  })
  return answered(granted, possession)
}

/** What the policies do not permit is a target that no token is issued for (RFC 8693, section 2.2.2). */
function unwilling(error: unknown): never {
  if (!(error instanceof OauthError) || error.code !== 'access_denied') throw error
  throw new OauthError('invalid_target', error.message, { recorded: error.recorded })
}

function answered(
  { lease, secret }: Granted,
  { confirmation }: { confirmation: { readonly jkt?: string } | undefined },
): z.infer<typeof tokenAnswer> {
  return {
    access_token: secret.revealText(),
    token_type: confirmation?.jkt === undefined ? 'Bearer' : 'DPoP',
    expires_in: Math.floor((lease.not_after - lease.created_at) / 1000),
    scope: (JSON.parse(lease.scopes) as string[]).join(' '),
  }
}
