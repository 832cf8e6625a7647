import { z } from 'zod'

/** Where the authority lies, and a host at which what it signs is tried. */
export const sshConfig = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('the authority’s folder: ca.pub, ca (or its key in an agent), and there krl and issued.db'),
  principals: z
    .array(z.string().regex(/^[^\s,]{1,255}$/, 'is no principal'))
    .max(1000)
    .default([])
    .describe('the principals that certificates are issued for'),
  host: z.string().min(1).max(255).describe('a host that trusts the authority: certificates are tried there'),
  port: z.number().int().min(1).max(65_535).default(22),
  hostKey: z
    .string()
    .regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}( .*)?$/, 'is no public key')
    .describe('its public key, as ssh-keyscan shows it'),
  login: z
    .string()
    .regex(/^[^\s@-][^\s@]*$/, 'is no account')
    .optional()
    .describe('the account that all principals log in as; without, the one that is called as the principal'),
  maxTtlSeconds: z.number().int().min(1).max(31_536_000).default(86_400),
  timeoutMs: z.number().int().min(100).max(120_000).default(10_000),
})

export type SshConfig = z.infer<typeof sshConfig>
