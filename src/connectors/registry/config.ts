import { z } from 'zod'
import { Secret } from '../../core/contract/secret.ts'

export const registryConfig = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .describe('where the registry is: https://registry.example.org, https://ghcr.io'),
  repositories: z
    .array(z.string().regex(/^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/, 'the name of a repository, without a tag'))
    .max(10_000)
    .default([])
    .describe('only these; all that the registry’s catalog lists where none is given'),
  username: z.string().min(1).optional().describe('a user who may pull'),
  password: z.instanceof(Secret).optional().describe('the user’s password or token'),
  mostTags: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe('of a repository with more tags, so many are read, and the rest is told as not looked at'),
  mostLayerGib: z.coerce
    .number()
    .positive()
    .max(1024)
    .default(8)
    .describe('a larger layer is not read, and told'),
})

export type RegistryConfig = z.infer<typeof registryConfig>
