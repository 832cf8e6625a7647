import { z } from 'zod'
import { type Attested, attestUnkept, recordingRefusal } from '../../../act/broker/attest/attest.ts'
import type { Broker } from '../../../act/broker/broker.ts'
import { attestCertificate } from '../../../act/broker/attest/certificate.ts'
import { OauthError } from '../../../act/broker/oauth-error.ts'
import { credentialParts } from '../../../act/broker/lease/credential-parts.ts'
import { endLease } from '../../../act/broker/lease/end-lease.ts'
import type { Webhook } from '../../../act/broker/broker-config.ts'
import { type Delivery, jobEnded } from '../../../act/broker/lease/job-end.ts'
import { issueLease } from '../../../act/broker/lease/lease.ts'
import { leaseByHandle, leaseView } from '../../../act/broker/lease/lease-view.ts'
import { renewLease } from '../../../act/broker/lease/renew-lease.ts'
import { possessionOf, type Presented } from '../../../act/broker/attest/possession.ts'
import { ownBundle } from '../../../act/broker/spiffe/bundle.ts'
import type { TrustDomain } from '../../../act/broker/spiffe/trust-domain.ts'
import type { Db } from '../../../core/store/store.ts'
import { defineEndpoint, type Endpoint } from './endpoint.ts'
import { oauthEndpoints } from './oauth-endpoints.ts'

const asked = z.strictObject({
  name: z.string().min(1).max(128).describe('which lease of the configuration'),
  ttlSeconds: z.int().positive().optional().describe('for how long; the lease’s own time without'),
  scopes: z.array(z.string().max(256)).max(64).optional().describe('of an access token'),
  audience: z
    .array(z.string().max(2048))
    .min(1)
    .max(16)
    .optional()
    .describe('whom a token is for, of those that the lease is for'),
  task: z.string().min(1).max(256).optional().describe('what it is for: policies see it, and it is recorded'),
})

const lease = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(['credential', 'token']),
  state: z.enum(['issuing', 'active', 'ending', 'ended', 'refused']),
  workload: z.object({ issuer: z.string(), subject: z.string() }),
  identity: z.string().nullable(),
  task: z.string().nullable(),
  scopes: z.array(z.string()),
  createdAt: z.iso.datetime(),
  notAfter: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  endedWhy: z.string().nullable(),
  permittedBy: z.string(),
  run: z.string().nullable(),
  standing: z.boolean().describe('the credential is a standing secret: it stays good after the lease'),
  proof: z.object({ state: z.string(), why: z.string() }).nullable(),
  trouble: z.string().nullable(),
})

const granted = z.object({
  lease,
  handle: z.string().describe('whoever has it may look at the lease, renew it and end it'),
  credential: z
    .object({
      system: z.string(),
      host: z.string().optional(),
      port: z.number().optional(),
      database: z.string().optional(),
      region: z.string().optional(),
      endpoint: z.string().optional().describe('the API where it is accepted, where it is not the usual one'),
      user: z.string(),
      password: z.string().optional(),
      sessionToken: z.string().optional().describe('of an AWS session, beside its secret key as `password`'),
      privateKey: z
        .string()
        .optional()
        .describe('where it is a certificate: its key, as PEM or as OpenSSH writes it'),
      certificate: z.string().optional(),
    })
    .optional(),
  accessToken: z.string().optional().describe('RFC 9068, or a JWT-SVID'),
})

const renewal = z.strictObject({
  accessToken: z.string().max(16_384).optional().describe('the one that stands, where the lease is for one'),
})

const renewed = z.object({ lease, accessToken: z.string().optional().describe('the next one') })

const jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string(), alg: z.string() })) })

const bundle = z.object({
  keys: z.array(z.looseObject({ kty: z.string(), use: z.enum(['x509-svid', 'jwt-svid']) })),
  spiffe_sequence: z.int(),
  spiffe_refresh_hint: z.int(),
})

/** What the broker offers over HTTP. */
export function brokerEndpoints(db: Db, broker: Broker): readonly Endpoint[] {
  return [
    defineEndpoint({
      name: 'issueLease',
      method: 'POST',
      path: '/leases',
      summary: 'Get a short-lived credential or access token for one task',
      caller: 'workload',
      status: 201,
      body: { type: 'json', schema: asked },
      answer: granted,
      async run({ bearer, input, presented }) {
        const attested = await whoAsks(db, broker, bearer, presented)
        const possession = await possessionOf(broker, presented)
        const { ttlSeconds, scopes, task, audience } = input
        const issued = await issueLease(db, broker, attested.workload, {
          name: input.name,
          once: [...attested.once, ...possession.once],
          confirmation: possession.confirmation,
          ...(ttlSeconds !== undefined && { ttlSeconds }),
          ...(scopes !== undefined && { scopes }),
          ...(task !== undefined && { task }),
          ...(audience !== undefined && { audience }),
        })
        const secret = issued.secret.revealText()
        return {
          lease: await leaseView(db, issued.lease),
          handle: issued.handle.revealText(),
          ...(issued.at
            ? { credential: { ...issued.at, ...credentialParts(issued.secret) } }
            : { accessToken: secret }),
        }
      },
    }),
    defineEndpoint({
      name: 'showLease',
      method: 'GET',
      path: '/leases/{id}',
      summary: 'Show one lease',
      caller: 'handle',
      status: 200,
      answer: lease,
      run: async ({ bearer, parameters }) =>
        await leaseView(db, await leaseByHandle(db, parameters['id'] ?? '', bearer)),
    }),
    defineEndpoint({
      name: 'renewLease',
      method: 'POST',
      path: '/leases/{id}/renew',
      summary: 'Renew a lease, up to its longest time; of an access token, get the next one',
      caller: 'handle',
      status: 200,
      body: { type: 'json', schema: renewal },
      answer: renewed,
      async run({ bearer, parameters, input, presented }) {
        const row = await leaseByHandle(db, parameters['id'] ?? '', bearer)
        const { accessToken } = input
        const possession = await possessionOf(broker, presented, accessToken)
        const { lease, secret } = await renewLease(db, broker, row, { accessToken, possession })
        return { lease: await leaseView(db, lease), ...(secret && { accessToken: secret.revealText() }) }
      },
    }),
    defineEndpoint({
      name: 'endLease',
      method: 'DELETE',
      path: '/leases/{id}',
      summary: 'End a lease: what was issued is revoked, its sessions ended, its death proven',
      caller: 'handle',
      status: 200,
      answer: lease,
      async run({ bearer, parameters }) {
        const { id } = await leaseByHandle(db, parameters['id'] ?? '', bearer)
        return await leaseView(db, await endLease(db, broker, id, 'its holder ended it'))
      },
    }),
    defineEndpoint({
      name: 'keys',
      method: 'GET',
      path: '/jwks.json',
      summary: 'The public keys that access tokens are signed with (RFC 7517)',
      caller: 'anyone',
      status: 200,
      answer: jwks,
      run: async () => await broker.signing.published(),
    }),
    defineEndpoint({
      name: 'health',
      method: 'GET',
      path: '/health',
      summary: 'Whether the broker answers, and its database',
      caller: 'anyone',
      status: 200,
      answer: z.object({ policies: z.string().describe('the version in force') }),
      async run() {
        await db.selectFrom('lease').select('id').limit(1).execute()
        return { policies: broker.policies.current.version }
      },
    }),
    ...(broker.spiffe ? [bundleEndpoint(db, broker, broker.spiffe)] : []),
    webhook(db, broker, 'github', 'GitHub’s workflow_job and workflow_run, signed (X-Hub-Signature-256)'),
    webhook(db, broker, 'gitlab', 'GitLab’s job events, with its X-Gitlab-Token'),
    ...oauthEndpoints(db, broker),
  ]
}

function bundleEndpoint(db: Db, broker: Broker, domain: TrustDomain): Endpoint {
  return defineEndpoint({
    name: 'bundle',
    method: 'GET',
    path: '/spiffe/bundle',
    summary: 'By what SVIDs of the broker’s own trust domain are verified (SPIFFE Federation, https_web)',
    caller: 'anyone',
    status: 200,
    answer: bundle,
    run: async () => await ownBundle(db, broker, domain),
  })
}

function webhook(db: Db, broker: Broker, platform: Webhook['platform'], event: string): Endpoint {
  return defineEndpoint({
    name: `${platform}JobEnded`,
    method: 'POST',
    path: `/webhooks/${platform}`,
    summary: `End the leases of a job that is over: ${event}`,
    caller: 'anyone',
    status: 200,
    body: { type: 'signed', schema: z.looseObject({}) as z.ZodType<unknown> as z.ZodType<Delivery> },
    answer: z.object({ ending: z.int().describe('how many leases end') }),
    run: async ({ input }) => ({ ending: (await jobEnded(db, broker, platform, input)).length }),
  })
}

/** By the token that was presented, else by the certificate that the connection was made with. */
async function whoAsks(db: Db, broker: Broker, bearer: string, presented: Presented): Promise<Attested> {
  return await recordingRefusal(broker, bearer, async () => {
    if (bearer !== '') return await attestUnkept(db, broker, bearer)
    const workload = presented.certificate && attestCertificate(broker.config, presented.certificate)
    if (!workload)
      throw new OauthError('invalid_token', 'no bearer token was presented, nor a certificate that may come')
    return { workload, once: [] }
  })
}
