import type { Db } from '../../../core/store/store.ts'
import type { Roots } from '../../inventory/roots.ts'
import { azurePermissions } from '../azure/azure-permissions.ts'
import { gcpPermissions } from '../gcp/gcp-permissions.ts'
import type { Hop } from '../graph.ts'
import { kubernetesPermissions } from '../kubernetes/permissions.ts'

/** Answers what the policies of one system allow: the premises `may` of the rules in rules/crossings/<system>/. */
export interface PermissionSource {
  /** As the folder of its rules is named. */
  readonly system: string
  /** Who may do which of the actions that are asked for, and to what: each by the entities' ids, merges followed. */
  allowed(db: Db, roots: Roots, asked: ReadonlySet<string>): Promise<Permitted[]>
}

export interface Permitted extends Omit<Hop, 'crossing'> {
  readonly action: string
}

export const permissionSources: readonly PermissionSource[] = [
  azurePermissions,
  gcpPermissions,
  kubernetesPermissions,
]
