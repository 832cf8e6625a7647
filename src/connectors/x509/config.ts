import { z } from 'zod'

/** A common name has so many characters at most (RFC 5280, appendix A.1). */
const MOST_CHARACTERS = 64

/** Where the authority lies, and a server at which what it signs is tried. */
export const x509Config = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('the authority’s folder: ca.pem and ca.key (PKCS #8), and there crl.pem and issued.db'),
  subjects: z
    .array(
      z
        .string()
        .max(MOST_CHARACTERS)
        .regex(
          /^(spiffe:\/\/[a-z0-9._-]+(\/[A-Za-z0-9._-]+)+|[A-Za-z0-9][A-Za-z0-9._@ -]*)$/,
          'is neither a name nor a SPIFFE ID',
        ),
    )
    .max(1000)
    .default([])
    .describe('whom certificates are issued for: names, or SPIFFE IDs (spiffe://domain/path)'),
  host: z.string().min(1).max(255).describe('a server that asks for certificates: they are tried there'),
  port: z.number().int().min(1).max(65_535).default(443),
  probePath: z
    .string()
    .regex(/^\/\S*$/)
    .default('/')
    .describe('what is asked for there, with GET'),
  serverCa: z.string().optional().describe('whom its own certificate is of, PEM; the authority without it'),
  pidFile: z
    .string()
    .min(1)
    .optional()
    .describe('of a server here that is told of a new list by SIGHUP (nginx)'),
  maxTtlSeconds: z.number().int().min(1).max(31_536_000).default(86_400),
  listDays: z.number().int().min(1).max(3650).default(30).describe('how long a revocation list is good'),
  timeoutMs: z.number().int().min(100).max(120_000).default(10_000),
})

export type X509Config = z.infer<typeof x509Config>
