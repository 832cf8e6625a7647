import { z } from 'zod'
import { Secret } from '../../core/contract/secret.ts'

/** Where the keys lie, which account users are made in, and the server that has it. */
export const natsConfig = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe(
      'the folder of keys: operator.nk, system.creds, roles/*.nk, and there account.jwt and issued.db',
    ),
  account: z
    .string()
    .regex(/^A[A-Z2-7]{55}$/, 'is no account’s public key')
    .describe('the account that users are issued in: its public key, as nsc list keys shows it'),
  host: z.string().min(1).max(255).describe('a server of the operator: users are tried there'),
  port: z.number().int().min(1).max(65_535).default(4222),
  tls: z
    .boolean()
    .default(false)
    .describe('whether TLS is demanded; without, it is spoken where the server offers it'),
  tlsCa: z
    .string()
    .optional()
    .describe('certificate authorities to trust, PEM, which demands TLS; without, the machine’s'),
  tlsCert: z.string().optional().describe('our own certificate, PEM, where the server asks for one'),
  tlsKey: z.instanceof(Secret).optional().describe('the key of tlsCert, PEM'),
  maxTtlSeconds: z.number().int().min(1).max(31_536_000).default(86_400),
  timeoutMs: z.number().int().min(100).max(120_000).default(10_000),
})

export type NatsConfig = z.infer<typeof natsConfig>
