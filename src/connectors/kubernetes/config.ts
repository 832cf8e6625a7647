import { z } from 'zod'
import { Secret } from '../../core/contract/secret.ts'

/** How to reach a cluster, and as whom. Secrets have been resolved from their references before they get here. */
export const kubernetesConfig = z.strictObject({
  server: z
    .url()
    .refine(
      url => url.startsWith('https:') || /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])[:/]?/.test(url),
      { error: 'takes https, or http on this machine' },
    )
    .optional()
    .describe('the API server (https://10.0.0.1:6443); a kubeconfig says it too'),
  token: z.instanceof(Secret).optional().describe('the token of the service account that Firebreak uses'),
  clientCertificate: z.string().optional().describe('our own certificate, PEM, in place of a token'),
  clientKey: z.instanceof(Secret).optional().describe('the key of clientCertificate, PEM'),
  ca: z.string().optional().describe('the certificate authority of the API server, PEM'),
  kubeconfig: z
    .instanceof(Secret)
    .optional()
    .describe('a kubeconfig in place of all these, as "kubectl config view --raw --flatten" prints it'),
  context: z.string().optional().describe('which context of the kubeconfig; its current one unless said'),
  namespaces: z
    .array(z.string().min(1))
    .max(1000)
    .default([])
    .describe('only these, where our own account may not look at all of them'),
  approved: z
    .array(z.string().min(1))
    .max(1000)
    .default([])
    .describe('Secrets that Firebreak may write, as namespace/name; * is any text'),
  manifests: z
    .array(z.string().regex(/^[a-z]+:\S+$/, 'system:instance, as "firebreak ls sources" has them'))
    .max(100)
    .default([])
    .describe(
      'sources whose manifests are applied to this cluster: system:instance, as "ls sources" has them',
    ),
  endpoints: z
    .array(z.string().regex(/^[^\s/?#@]+:\d{1,5}$/, 'host:port'))
    .max(100)
    .default([])
    .describe('other names under which texts may call its API server (kubernetes.default.svc:443)'),
  settleSeconds: z
    .number()
    .int()
    .min(0)
    .max(3600)
    .default(12)
    .describe(
      'how long a revoked token may go on working: an API server remembers ten seconds what it accepted',
    ),
  rolloutSeconds: z
    .number()
    .int()
    .min(1)
    .max(7200)
    .default(600)
    .describe('how long a restart of a workload may take'),
  pageSize: z.number().int().min(1).max(5000).default(500).describe('how much is asked for at once'),
  requestTimeoutMs: z.number().int().min(100).max(120_000).default(30_000),
})

export type KubernetesConfig = z.infer<typeof kubernetesConfig>

/** What a connection is made with, wherever it was said. */
export interface Access {
  readonly server: URL
  readonly ca: string | undefined
  readonly token: Secret | undefined
  readonly clientCertificate: string | undefined
  readonly clientKey: Secret | undefined
}
