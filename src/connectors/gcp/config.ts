import { z } from 'zod'
import { Secret } from '../../core/contract/secret.ts'

/** Which project, and as whom. Secrets have been resolved from their references before they get here. */
export const gcpConfig = z.strictObject({
  project: z
    .string()
    .regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, 'the id of a project, as acme-prod')
    .describe('the project’s id'),
  key: z.instanceof(Secret).describe('the JSON file with the key of the service account that Firebreak uses'),
  approved: z
    .array(z.string().min(1))
    .max(1000)
    .default([])
    .describe('names of secrets that Firebreak may write; * is any text'),
  settleSeconds: z
    .number()
    .int()
    .min(0)
    .max(3600)
    .default(60)
    .describe('how long a changed key may go on being taken: Google tells its servers one by one'),
  pageSize: z.number().int().min(1).max(100).default(100).describe('how much is asked for at once'),
  requestTimeoutMs: z.number().int().min(100).max(120_000).default(20_000),
})

export type GcpConfig = z.infer<typeof gcpConfig>
