import { z } from 'zod'
import { Secret } from '../../core/contract/secret.ts'

/** How to reach a server, and as whom. The password has been resolved from its reference before it gets here. */
export const postgresConfig = z.strictObject({
  host: z.string().min(1).max(255).describe('host name or address'),
  port: z.number().int().min(1).max(65_535).default(5432),
  user: z.string().min(1).max(63).describe('the role that Firebreak logs in as'),
  password: z.instanceof(Secret).describe('its password'),
  database: z.string().min(1).max(63).default('postgres').describe('the database to connect to first'),
  endpoints: z
    .array(z.string().regex(/^[^\s/?#@]+:\d{1,5}$/, 'host:port'))
    .max(100)
    .default([])
    .describe('other names under which texts may call this server (db:5432)'),
  tls: z
    .enum(['disable', 'prefer', 'require', 'verify-full'])
    .default('prefer')
    .describe('prefer and require encrypt without checking whom they talk to; verify-full checks'),
  tlsCa: z.string().optional().describe('certificate authorities to trust, PEM (verify-full)'),
  connectTimeoutMs: z.number().int().min(100).max(120_000).default(10_000),
  statementTimeoutMs: z.number().int().min(100).max(600_000).default(30_000),
  pageSize: z.number().int().min(1).max(10_000).default(1000).describe('rows asked for at once by discover'),
})

export type PostgresConfig = z.infer<typeof postgresConfig>
