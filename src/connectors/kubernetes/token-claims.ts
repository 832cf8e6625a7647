import { z } from 'zod'
import type { Ms } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'

/** What a service account's token says of itself. Nothing of it is proven: only the API can tell whether it is one. */
export interface TokenClaims {
  readonly accountId: string | undefined
  readonly secret: { readonly name: string; readonly id: string | undefined } | undefined
  readonly pod: { readonly name: string; readonly id: string } | undefined
  readonly expires: Ms | undefined
}

const bound = z.looseObject({ name: z.string(), uid: z.string() }).optional()
const schema = z.looseObject({
  exp: z.number().optional(),
  'kubernetes.io': z.looseObject({ serviceaccount: bound, secret: bound, pod: bound }).optional(),
  'kubernetes.io/serviceaccount/service-account.uid': z.string().optional(),
  'kubernetes.io/serviceaccount/secret.name': z.string().optional(),
})

/** Undefined where it is no JWT. */
export function claimsOf(secret: Secret): TokenClaims | undefined {
  const [, payload = '', signature] = secret.revealText().split('.')
  if (signature === undefined) return undefined
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
  const read = schema.safeParse(parsed)
  if (!read.success) return undefined
  const { exp, 'kubernetes.io': own } = read.data
  const legacy = read.data['kubernetes.io/serviceaccount/secret.name']
  return {
    accountId: own?.serviceaccount?.uid ?? read.data['kubernetes.io/serviceaccount/service-account.uid'],
    secret: own?.secret
      ? { name: own.secret.name, id: own.secret.uid }
      : legacy === undefined
        ? undefined
        : { name: legacy, id: undefined },
    pod: own?.pod && { name: own.pod.name, id: own.pod.uid },
    expires: exp === undefined ? undefined : exp * 1000,
  }
}
