import { z } from 'zod'
import { Secret } from '../../core/contract/secret.ts'

export const slackConfig = z.strictObject({
  token: z
    .instanceof(Secret)
    .describe('a bot token with channels:read, channels:history, groups:read, groups:history and users:read'),
  channels: z
    .array(z.string().min(1).max(100))
    .max(1000)
    .default([])
    .describe('only these, by name; all that the bot may read where none is given'),
  endpoint: z.url().default('https://slack.com/api').describe('where the Web API is'),
})

export type SlackConfig = z.infer<typeof slackConfig>
