import type { Ref } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import type { Connections } from '../../know/connections/registry.ts'
import { assumableRoles } from '../../know/graph/aws/assumable.ts'
import { loadAccounts } from '../../know/graph/aws/load-accounts.ts'
import { entityByRef } from '../../know/inventory/queries.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Derived, Target } from './incident.ts'

interface World {
  readonly io: Io
  readonly connections: Connections
}

/** AWS changes these itself, and lets nobody else write a policy on them. */
const KEPT_BY_AWS = /:role\/(?:aws-service-role|aws-reserved)\//

/** The roles that the targets may have sessions of: these outlive the key that they were begun with. */
export async function derivedOf(
  db: Db,
  { io, connections }: World,
  targets: readonly Target[],
): Promise<Derived[]> {
  if (!targets.some(isLivingAws)) return []
  const accounts = await loadAccounts(db, await loadRoots(db))
  const derived: Derived[] = []
  for (const target of targets.filter(isLivingAws)) {
    const entity = await entityByRef(db, 'identity', target.identity)
    if (!entity) continue
    for (const { role, why } of assumableRoles(accounts, entity.id, io.now().getTime())) {
      const identity: Ref = { system: 'aws', instance: role.account, kind: 'role', id: role.uniqueId }
      const sourceId = KEPT_BY_AWS.test(role.arn) ? undefined : await sourceFor(db, connections, identity)
      derived.push({
        of: target.label,
        identity,
        label: `${target.label} as ${role.arn.split(':').slice(4).join(':')}`,
        ...(sourceId !== undefined && { sourceId }),
        why,
      })
    }
  }
  return derived
}

function isLivingAws({ identity, verdict }: Target): boolean {
  return identity.system === 'aws' && verdict.state !== 'dead'
}

async function sourceFor(
  db: Db,
  connections: Connections,
  { system, instance }: Ref,
): Promise<string | undefined> {
  for (const source of await connections.forInstance(db, system, instance)) {
    const connection = await connections.open(db, source.id)
    if (connection.endSessions) return source.id
  }
  return undefined
}
