import { z } from 'zod'
import { Secret } from '../../core/contract/secret.ts'

/** How to reach a server, and as whom. Secrets have been resolved from their references before they get here. */
export const mariadbConfig = z.strictObject({
  host: z.string().min(1).max(255).describe('host name or address'),
  port: z.number().int().min(1).max(65_535).default(3306),
  user: z.string().min(1).max(128).describe('the account that Firebreak logs in as'),
  password: z.instanceof(Secret).describe('its password'),
  endpoints: z
    .array(z.string().regex(/^[^\s/?#@]+:\d{1,5}$/, 'host:port'))
    .max(100)
    .default([])
    .describe('other names under which texts may call this server (db:3306)'),
  tls: z
    .enum(['disable', 'require', 'verify-full'])
    .default('disable')
    .describe('require encrypts without checking whom it talks to; verify-full checks'),
  tlsCa: z.string().optional().describe('certificate authorities to trust, PEM (verify-full)'),
  connectTimeoutMs: z.number().int().min(100).max(120_000).default(10_000),
  commandTimeoutMs: z.number().int().min(100).max(600_000).default(30_000),
})

export type MariadbConfig = z.infer<typeof mariadbConfig>
