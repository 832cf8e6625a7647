import { z } from 'zod'
import { Secret } from '../../core/contract/secret.ts'

/** How to reach a broker and its management plugin, and as whom. */
export const rabbitmqConfig = z.strictObject({
  host: z.string().min(1).max(255).describe('host name or address: passwords are tried there, over AMQP'),
  port: z.number().int().min(1).max(65_535).default(5672),
  tls: z.boolean().default(false).describe('whether AMQP is spoken over TLS there'),
  management: z
    .string()
    .regex(/^https?:\/\/[^/?#@]+(\/[^?#]*)?$/, 'is no address')
    .describe('where its management plugin is: http://mq:15672'),
  user: z.string().min(1).max(255).describe('the user that Firebreak logs in as, an administrator'),
  password: z.instanceof(Secret).describe('its password'),
  timeoutMs: z.number().int().min(100).max(120_000).default(10_000),
})

export type RabbitmqConfig = z.infer<typeof rabbitmqConfig>
