import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, Ref, State } from '../../core/contract/ref.ts'
import { unlessAbsent } from '../../core/contract/refused.ts'
import { mustBeHere, type Tenant } from './tenant.ts'

const text = z.string().nullish().catch(undefined)
const heldSchema = z.looseObject({
  keyId: z.string().transform(id => id.toLowerCase()),
  displayName: text,
  startDateTime: text,
  endDateTime: text,
})
const passwordSchema = heldSchema.extend({ hint: text })
/** Of a certificate the thumbprint is kept where a name could be. */
const certificateSchema = heldSchema.extend({ customKeyIdentifier: text })

export const holderSchema = z.looseObject({
  id: z.string(),
  appId: z.string().transform(id => id.toLowerCase()),
  displayName: text,
  accountEnabled: z.boolean().nullish().catch(undefined),
  passwordCredentials: z.array(passwordSchema).default([]),
  keyCredentials: z.array(certificateSchema).default([]),
})
export type Held = z.infer<typeof heldSchema>

/**
 * What bears credentials: the application, and its service principal in this tenant. What is added to either opens both, so that
 * they are one identity, known by the client id.
 */
export interface Holder extends z.infer<typeof holderSchema> {
  /** As it stands in the path of Graph. */
  readonly at: 'applications' | 'servicePrincipals'
}

export const HOLDERS = ['applications', 'servicePrincipals'] as const

/** Those that are there, the application first. */
export async function holdersOf(tenant: Tenant, clientId: string): Promise<Holder[]> {
  const id = clientId.replace(/^\?/, '')
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return []
  const found: Holder[] = []
  for (const at of HOLDERS) {
    const select =
      'id,appId,displayName,passwordCredentials,keyCredentials' +
      (at === 'servicePrincipals' ? ',accountEnabled' : '')
    const answer = await unlessAbsent(() =>
      tenant.get('looking for the application', 'graph', `/v1.0/${at}(appId='${id}')?$select=${select}`),
    )
    if (answer !== undefined) found.push({ ...holderSchema.parse(answer), at })
  }
  return found
}

/** Whose client id a reference says: of the application itself, or of one of its credentials. */
export function clientIdOf(tenant: Tenant, ref: CredentialRef): string {
  mustBeHere(tenant, ref, 'service-principal', 'app-credential')
  if (ref.kind === 'service-principal') return ref.id
  if (!ref.identity)
    throw new FirebreakError('UNSUPPORTED', 'it is not known which application the credential is of')
  return ref.identity.id
}

/** The credential of that id, and what bears it. */
export function credentialIn(holders: readonly Holder[], keyId: string) {
  for (const holder of holders) {
    const password = holder.passwordCredentials.find(one => one.keyId === keyId.toLowerCase())
    if (password) return { holder, password, certificate: undefined }
    const certificate = holder.keyCredentials.find(one => one.keyId === keyId.toLowerCase())
    if (certificate) return { holder, password: undefined, certificate }
  }
  return undefined
}

/** What stands for an application or a credential now. Null for what is not there. */
export async function inspect(tenant: Tenant, ref: Ref): Promise<State> {
  if (!['service-principal', 'app-credential'].includes(ref.kind)) return { tenant: tenant.instance }
  const holders = await holdersOf(tenant, clientIdOf(tenant, ref))
  if (holders.length === 0) return null
  if (ref.kind === 'app-credential' && !credentialIn(holders, ref.id)) return null
  const told = ({ keyId, displayName, endDateTime }: Held, type: string) => ({
    id: keyId,
    type,
    title: displayName ?? null,
    expires: endDateTime ?? null,
  })
  return {
    present: true,
    clientId: holders[0]!.appId,
    enabled: holders.find(({ at }) => at === 'servicePrincipals')?.accountEnabled ?? null,
    credentials: holders.flatMap(({ passwordCredentials, keyCredentials }) => [
      ...passwordCredentials.map(one => told(one, 'client secret')),
      ...keyCredentials.map(one => told(one, 'certificate')),
    ]),
  }
}
