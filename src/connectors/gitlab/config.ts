import { z } from 'zod'
import { Secret } from '../../core/contract/secret.ts'

const LOCAL = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?:[:/]|$)/

/** What to look at, and as whom. The token has been resolved from its reference before it gets here. */
export const gitlabConfig = z.strictObject({
  group: z
    .string()
    .regex(/^[\w.-]+(?:\/[\w.-]+)*$/)
    .describe('the full path of the group whose projects are meant, those of its subgroups too'),
  endpoint: z
    .url()
    .refine(url => url.startsWith('https:') || LOCAL.test(url), {
      error: 'takes https, or http on this machine',
    })
    .default('https://gitlab.com')
    .describe('a GitLab of your own'),
  token: z.instanceof(Secret).describe('a group access token, or a personal one'),
  approved: z
    .array(z.string().min(1))
    .max(1000)
    .default([])
    .describe('CI/CD variables that Firebreak may write: PROJECT/KEY, or KEY of the group; * is any text'),
  settleSeconds: z
    .number()
    .int()
    .min(0)
    .max(3600)
    .default(2)
    .describe('how long what was revoked may go on being accepted'),
  pageSize: z.number().int().min(1).max(100).default(100).describe('how much is asked for at once'),
  requestTimeoutMs: z.number().int().min(100).max(120_000).default(30_000),
})

export type GitlabConfig = z.infer<typeof gitlabConfig>
