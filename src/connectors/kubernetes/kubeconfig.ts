import { parse } from 'yaml'
import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import { Secret } from '../../core/contract/secret.ts'
import type { Access, KubernetesConfig } from './config.ts'

const named = <T extends z.ZodType>(part: string, schema: T) =>
  z.array(z.looseObject({ name: z.string(), [part]: schema })).default([])

/** https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
const schema = z.looseObject({
  'current-context': z.string().optional(),
  clusters: named(
    'cluster',
    z.looseObject({
      server: z.string(),
      'certificate-authority-data': z.string().optional(),
      'insecure-skip-tls-verify': z.boolean().optional(),
    }),
  ),
  contexts: named('context', z.looseObject({ cluster: z.string(), user: z.string() })),
  users: named(
    'user',
    z.looseObject({
      token: z.string().optional(),
      'client-certificate-data': z.string().optional(),
      'client-key-data': z.string().optional(),
    }),
  ),
})
interface Cluster {
  readonly server: string
  readonly 'certificate-authority-data'?: string
  readonly 'insecure-skip-tls-verify'?: boolean
}
interface User {
  readonly token?: string
  readonly 'client-certificate-data'?: string
  readonly 'client-key-data'?: string
}

/** Where and as whom, of the settings themselves or of the kubeconfig that they hold. Raises INVALID_CONFIG. */
export function accessOf(config: KubernetesConfig): Access {
  if (config.kubeconfig) return accessIn(config.kubeconfig.revealText(), config.context)
  if (config.server === undefined) throw unusable('no server is given', 'Give server, or a kubeconfig.')
  const { token, clientCertificate, clientKey, ca } = config
  if (!token && !(clientCertificate && clientKey))
    throw unusable('it is not said as whom', 'Give token, or clientCertificate and clientKey.')
  return { server: new URL(config.server), ca, token, clientCertificate, clientKey }
}

function accessIn(text: string, context: string | undefined): Access {
  let parsed: unknown
  try {
    parsed = parse(text)
  } catch {
    throw unusable('the kubeconfig is no YAML', FLATTEN)
  }
  const read = schema.safeParse(parsed)
  if (!read.success) throw unusable('the kubeconfig has not the form of one', FLATTEN)
  const { contexts, clusters, users } = read.data
  const name = context ?? read.data['current-context']
  const chosen = contexts.find(each => each.name === name)?.['context'] as
    | { cluster: string; user: string }
    | undefined
  if (!chosen) throw unusable('the kubeconfig has no such context', 'Give context, as kubectl lists them.')
  const cluster = clusters.find(each => each.name === chosen.cluster)?.['cluster'] as Cluster | undefined
  const user = users.find(each => each.name === chosen.user)?.['user'] as User | undefined
  if (!cluster || !URL.canParse(cluster.server))
    throw unusable('the context of the kubeconfig names no cluster with a server', FLATTEN)
  if (cluster['insecure-skip-tls-verify'])
    throw unusable(
      'the kubeconfig does not check whom it talks to (insecure-skip-tls-verify)',
      'Give the cluster’s certificate authority: a token must not go to whoever answers.',
    )
  const token = user?.token
  const certificate = user?.['client-certificate-data']
  const key = user?.['client-key-data']
  if (token === undefined && (certificate === undefined || key === undefined))
    throw unusable(
      'the user of the kubeconfig has neither a token nor a certificate in it',
      `${FLATTEN} What a program gets (exec) is not asked for: make a service account, and give its token.`,
    )
  const decode = (data: string | undefined) =>
    data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8')
  return {
    server: new URL(cluster.server),
    ca: decode(cluster['certificate-authority-data']),
    token: token === undefined ? undefined : new Secret(token),
    clientCertificate: token === undefined ? decode(certificate) : undefined,
    clientKey: token === undefined && key !== undefined ? new Secret(Buffer.from(key, 'base64')) : undefined,
  }
}

const FLATTEN = 'Give what "kubectl config view --raw --flatten --minify" prints.'

function unusable(what: string, advice: string): FirebreakError {
  return new FirebreakError('INVALID_CONFIG', what, advice)
}
