import { z } from 'zod'
import { Secret } from '../../core/contract/secret.ts'

/** How to reach an account, and as whom. Secrets have been resolved from their references before they get here. */
export const awsConfig = z.strictObject({
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z0-9]+)+$/)
    .default('us-east-1')
    .describe('where secrets, parameters and functions are looked for; IAM has no region'),
  endpoint: z
    .url()
    .refine(
      url => url.startsWith('https:') || /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])[:/]?/.test(url),
      {
        error: 'takes https, or http on this machine',
      },
    )
    .optional()
    .describe(
      'another AWS-compatible server; {service} in it stands for iam, sts, secretsmanager, ssm and so on',
    ),
  accessKeyId: z.string().min(4).max(128).describe('the access key that Firebreak uses'),
  secretAccessKey: z.instanceof(Secret).describe('its secret half'),
  sessionToken: z
    .instanceof(Secret)
    .optional()
    .describe('the session token, where the key is a temporary one'),
  approved: z
    .array(z.string().min(1))
    .max(1000)
    .default([])
    .describe('names of secrets, parameters and functions that Firebreak may write; * is any text'),
  tagSessions: z
    .boolean()
    .default(true)
    .describe('leave the lease and its task out of sessions: roles need not trust us to set them'),
  settleSeconds: z
    .number()
    .int()
    .min(0)
    .max(3600)
    .default(15)
    .describe('how long a changed key may go on working: IAM tells its servers one by one'),
  pageSize: z.number().int().min(1).max(1000).default(100).describe('how much is asked for at once'),
  requestTimeoutMs: z.number().int().min(100).max(120_000).default(20_000),
})

export type AwsConfig = z.infer<typeof awsConfig>
