import { z } from 'zod'
import { Secret } from './secret.ts'

/**
 * Keys that are good for one session, in the form in which programs hand them to AWS's tools (`credential_process`):
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
 */
const form = z.object({
  Version: z.literal(1),
  AccessKeyId: z.string().min(1),
  SecretAccessKey: z.string().min(1),
  SessionToken: z.string().min(1),
  Expiration: z.string().optional(),
})

export interface SessionKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiration?: string | undefined
}

export function sessionSecret(keys: SessionKeys): Secret {
  const text: z.infer<typeof form> = {
    Version: 1,
    AccessKeyId: keys.accessKeyId,
    SecretAccessKey: keys.secretAccessKey,
    SessionToken: keys.sessionToken,
    ...(keys.expiration !== undefined && { Expiration: keys.expiration }),
  }
  return new Secret(JSON.stringify(text), keys.accessKeyId)
}

/** Undefined for any other secret. */
export function sessionKeysIn(secret: Secret): SessionKeys | undefined {
  const text = secret.revealText()
  if (!text.startsWith('{"Version":1,')) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { data } = form.safeParse(value)
  return (
    data && {
      accessKeyId: data.AccessKeyId,
      secretAccessKey: data.SecretAccessKey,
      sessionToken: data.SessionToken,
      expiration: data.Expiration,
    }
  )
}
