import { z } from 'zod'
import type { CodeOwnersRule } from './rules.ts'

/** What is kept of one file. */
export interface CodeOwnersPolicy {
  readonly path: string
  readonly rules: readonly CodeOwnersRule[]
}

const policySchema = z.object({
  path: z.string(),
  rules: z.array(
    z.object({
      line: z.number(),
      pattern: z.string(),
      owners: z.array(z.string()),
      section: z.string().optional(),
    }),
  ),
})

/** Reads what is kept again. */
export function codeOwnersPolicy(text: string): CodeOwnersPolicy {
  return policySchema.parse(JSON.parse(text)) as CodeOwnersPolicy
}
