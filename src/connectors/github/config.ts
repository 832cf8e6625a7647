import { z } from 'zod'
import { Secret } from '../../core/contract/secret.ts'

const LOCAL = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?:[:/]|$)/

/** What to look at, and as whom. Secrets have been resolved from their references before they get here. */
export const githubConfig = z
  .strictObject({
    owner: z
      .string()
      .regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$/)
      .describe('the organisation, or the user, whose repositories are meant'),
    repositories: z
      .array(z.string().regex(/^[\w.-]{1,100}$/))
      .max(1000)
      .default([])
      .describe('only these repositories of the owner; all without it'),
    endpoint: z
      .url()
      .refine(url => url.startsWith('https:') || LOCAL.test(url), {
        error: 'takes https, or http on this machine',
      })
      .default('https://api.github.com')
      .describe('the API of GitHub Enterprise Server: https://HOST/api/v3'),
    token: z.instanceof(Secret).optional().describe('a token; or give an app'),
    appId: z
      .string()
      .regex(/^[A-Za-z0-9.]{1,64}$/)
      .optional()
      .describe('the id, or the client id, of a GitHub App that is installed at the owner'),
    privateKey: z.instanceof(Secret).optional().describe('the private key of that app, in PEM'),
    approved: z
      .array(z.string().min(1))
      .max(1000)
      .default([])
      .describe(
        'Actions secrets and variables that Firebreak may write: REPOSITORY/NAME, REPOSITORY/ENVIRONMENT/NAME, or NAME of the organisation; * is any text',
      ),
    values: z
      .instanceof(Secret)
      .optional()
      .describe(
        'what Actions secrets hold, which GitHub shows to nobody: lines such as REPOSITORY/NAME=VALUE',
      ),
    valuesAsOf: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('when that was so: a secret that was changed later is not taken to hold it'),
    comments: z.boolean().default(true).describe('leave out issues, pull requests and their comments'),
    logs: z
      .number()
      .int()
      .min(0)
      .max(100)
      .default(20)
      .describe('of how many runs of Actions, the last ones of each repository, the logs are read'),
    artifacts: z
      .number()
      .int()
      .min(0)
      .max(100)
      .default(5)
      .describe('how many artifacts, the last ones of each repository, are read'),
    settleSeconds: z
      .number()
      .int()
      .min(0)
      .max(3600)
      .default(5)
      .describe('how long what was revoked may go on being accepted'),
    pageSize: z.number().int().min(1).max(100).default(100).describe('how much is asked for at once'),
    requestTimeoutMs: z.number().int().min(100).max(120_000).default(30_000),
  })
  .refine(({ token, appId }) => (token === undefined) !== (appId === undefined), {
    path: ['token'],
    error: 'is needed, or an appId with its privateKey',
  })
  .refine(({ appId, privateKey }) => (appId === undefined) === (privateKey === undefined), {
    path: ['privateKey'],
    error: 'is given together with appId',
  })
  .refine(({ values, valuesAsOf }) => (values === undefined) === (valuesAsOf === undefined), {
    path: ['valuesAsOf'],
    error: 'is given together with values',
  })

export type GithubConfig = z.infer<typeof githubConfig>
