import { type Document, documentOf } from '../../core/contract/document.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { type Held, holderSchema, HOLDERS } from './applications.ts'
import { gatherDirectory, gatherMembers, holdersListed } from './directory-items.ts'
import { gapOf, type Gaps, gathering } from './gather.ts'
import { gatherResources, listVaults, type Vault } from './resource-items.ts'
import { refIn, type Tenant } from './tenant.ts'
import { isApproved, latestOf, listSecrets } from './vault.ts'

/**
 * Who is in the tenant and may do what, as Graph and Azure Resource Manager answer, and the values of its vaults' secrets. What is
 * denied or breaks off is a gap, and the rest is read.
 */
export async function* documents(tenant: Tenant, gaps: Gaps): AsyncGenerator<Document> {
  gaps.clear()
  const gather = gathering(gaps)
  const inDirectory = await gatherDirectory(tenant, gather)
  const inSubscriptions = await gatherResources(tenant, gather)
  await gatherMembers(tenant, new Set([...inDirectory, ...inSubscriptions]), gather)
  const stored: { vault: Vault; name: string }[] = []
  await gather.part('vaults', [], async () => {
    for await (const vault of listVaults(tenant))
      await gather.part(`vault/${vault.name}`, [], async () => {
        for await (const name of listSecrets(tenant, vault.name)) {
          stored.push({ vault, name })
          gather.items.push({ id: `${vault.id}/secrets/${name}` })
        }
      })
  })
  const text = gather.items.map(item => JSON.stringify(item)).join('\n')
  const whole = documentOf(refIn(tenant, 'tenant', tenant.instance), 'tenant.json', Buffer.from(text), {
    format: 'azure',
  })
  // It is read each time, also where it says the same: what it tells of is there as of now.
  yield { ...whole, id: `${whole.id}@${tenant.io.now().toISOString()}` }
  for (const { vault, name } of stored)
    try {
      const { version, bytes } = await latestOf(tenant, vault.name, name)
      // Its version is what a write is made on, so that it stands for the content.
      yield { ...documentOf(secretRef(tenant, vault, name), `${vault.name}/${name}`, bytes), id: version }
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      gaps.set(`vault/${vault.name}/${name}`, gapOf(error, []))
    }
}

/** Applications with their credentials, and secrets of vaults with whether Firebreak may write them. */
export async function* discover(tenant: Tenant, gaps: Gaps): AsyncGenerator<Observation> {
  const { instance, config } = tenant
  yield {
    see: 'resource',
    ref: refIn(tenant, 'instance', instance),
    names: [...new Set([instance, config.tenant.toLowerCase()])],
    facts: {},
  }
  const parts: [string, string[], () => AsyncIterable<Observation>][] = [
    ['applications', ['service-principal', 'app-credential'], () => applications(tenant)],
    ['secrets', ['key-vault', 'key-vault-secret'], () => secrets(tenant, gaps)],
  ]
  for (const [scope, hides, read] of parts)
    try {
      yield* read()
      yield { see: 'covered', scope: `azure:${instance}/${scope}`, complete: true }
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      yield uncovered(tenant, scope, gapOf(error, hides))
    }
  for (const [scope, gap] of gaps) yield uncovered(tenant, scope, gap)
}

async function* applications(tenant: Tenant): AsyncGenerator<Observation> {
  for (const at of HOLDERS)
    for await (const read of holdersListed(tenant, at, false)) {
      const holder = holderSchema.parse(read)
      const identity = refIn(tenant, 'service-principal', holder.appId)
      yield {
        see: 'identity',
        ref: identity,
        names: [holder.displayName, holder.appId, holder.id].filter(name => name != null),
        facts: factsOf({ enabled: holder.accountEnabled ?? undefined }),
      }
      const credential = ({ keyId, ...one }: Held, type: string): Observation => ({
        see: 'credential',
        ref: { ...refIn(tenant, 'app-credential', keyId), identity },
        facts: factsOf({
          type,
          title: one.displayName ?? undefined,
          created: one.startDateTime ?? undefined,
          expires: one.endDateTime ?? undefined,
        }),
      })
      for (const one of holder.passwordCredentials) yield credential(one, 'client secret')
      for (const one of holder.keyCredentials) yield credential(one, 'certificate')
    }
}

async function* secrets(tenant: Tenant, gaps: Gaps): AsyncGenerator<Observation> {
  for await (const vault of listVaults(tenant))
    try {
      for await (const name of listSecrets(tenant, vault.name))
        yield {
          see: 'resource',
          ref: secretRef(tenant, vault, name),
          // Case tells nothing: those who speak of it write it as they like.
          names: [...new Set([`${vault.name}/${name}`, `${vault.name}/${name}`.toLowerCase()])],
          facts: { approved: { value: isApproved(tenant, `${vault.name}/${name}`) } },
        }
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      gaps.set(`vault/${vault.name}`, gapOf(error, ['key-vault-secret']))
    }
}

/** A secret is a thing in its vault: roles may be given on it alone. */
function secretRef(tenant: Tenant, { id }: Vault, name: string): Ref {
  return refIn(tenant, 'key-vault-secret', `${id}/secrets/${name.toLowerCase()}`)
}

function uncovered(
  { instance }: Tenant,
  scope: string,
  { why, failed, hides }: { why: string; failed: boolean; hides: readonly string[] },
): Observation {
  return {
    see: 'covered',
    scope: `azure:${instance}/${scope}`,
    complete: false,
    why,
    ...(failed && { failed }),
    ...(hides.length > 0 && { hides }),
  }
}
