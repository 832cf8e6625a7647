import { z } from 'zod'
import { Secret } from '../../core/contract/secret.ts'

const guid = z
  .string()
  .regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'an id, as 72f988bf-86f1-41af-91ab-2d7cd011db47')

/** Over TLS, or to this machine: the token that is sent there opens the tenant. */
function endpoint(fallback: string) {
  return z
    .string()
    .max(300)
    .refine(
      text => {
        const url = URL.parse(text.replace('{vault}', 'vault'))
        if (!url || url.username !== '' || url.search !== '' || url.hash !== '') return false
        const isHere = url.protocol === 'http:' && /^(?:127\.0\.0\.1|localhost|\[::1\])$/.test(url.hostname)
        return url.protocol === 'https:' || isHere
      },
      { error: 'takes https, or http on this machine' },
    )
    .transform(text => text.replace(/\/+$/, ''))
    .default(fallback)
}

/** Which tenant, and as whom. Secrets have been resolved from their references before they get here. */
export const azureConfig = z
  .strictObject({
    tenant: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9.-]{3,252}$/, 'a tenant’s id or one of its domains')
      .describe('the tenant’s id, or one of its domains'),
    clientId: guid.describe('the application that Firebreak uses'),
    clientSecret: z.instanceof(Secret).optional().describe('its secret'),
    certificate: z
      .instanceof(Secret)
      .optional()
      .describe('in place of a secret: its certificate and private key, one PEM file'),
    approved: z
      .array(z.string().min(1))
      .max(1000)
      .default([])
      .describe('secrets of Key Vault that Firebreak may write, as VAULT/NAME; * is any text'),
    settleSeconds: z
      .number()
      .int()
      .min(0)
      .max(3600)
      .default(120)
      .describe('how long a removed credential may go on being taken: Entra tells its servers one by one'),
    login: endpoint('https://login.microsoftonline.com').describe('where tokens are given'),
    graph: endpoint('https://graph.microsoft.com').describe('Microsoft Graph, of another cloud its own'),
    arm: endpoint('https://management.azure.com').describe('Azure Resource Manager'),
    vaults: endpoint('https://{vault}.vault.azure.net').describe(
      'Key Vault; {vault} in it stands for a vault’s name',
    ),
    pageSize: z.number().int().min(1).max(999).default(100).describe('how much is asked for at once'),
    requestTimeoutMs: z.number().int().min(100).max(120_000).default(20_000),
  })
  .refine(({ clientSecret, certificate }) => (clientSecret === undefined) !== (certificate === undefined), {
    path: ['clientSecret'],
    error: 'takes either a client secret or a certificate',
  })

export type AzureConfig = z.infer<typeof azureConfig>
