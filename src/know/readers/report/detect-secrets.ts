import { z } from 'zod'
import { lineOf, pathOf, plainText, type Reported } from './reported.ts'

/** A potential secret in a baseline of detect-secrets 1.x: `results` has a list of them for each file. */
const potential = z.object({
  type: z.string(),
  filename: z.string().optional().catch(undefined),
  line_number: z.number().optional().catch(undefined),
  is_verified: z.boolean().optional().catch(undefined),
  /** What a person said in an audit. */
  is_secret: z.boolean().optional().catch(undefined),
})

/** `not secret` where an audit says that it is none. */
export function detectSecretsFinding(
  file: string,
  value: unknown,
): readonly [Reported] | 'not secret' | undefined {
  const parsed = potential.safeParse(value)
  if (!parsed.success) return undefined
  const { type, filename, line_number, is_verified, is_secret } = parsed.data
  if (is_secret === false) return 'not secret'
  const rule = plainText(type)
  const path = pathOf(filename?.replaceAll('\\', '/')) ?? pathOf(file)
  if (rule === undefined || path === undefined) return undefined
  const found: Reported = {
    tool: 'detect-secrets',
    rule,
    path,
    line: lineOf(line_number),
    exact: false,
    without: 'a baseline holds a digest of the value only',
    ...(is_verified && { verified: true }),
  }
  return [found]
}
