import type { Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'

/**
 * Of exports, which do not say which tenant they are of. Ids of Entra and paths of Azure are unique everywhere: what a connected tenant
 * lists under the same id is the same.
 */
export const ANY_TENANT = 'entra'

/** The kinds of things that some rule speaks of, by their resource types; those that run something are workloads. */
const KINDS: Readonly<Record<string, readonly [kind: string, isWorkload?: true]>> = {
  'microsoft.app/containerapps': ['container-app', true],
  'microsoft.app/jobs': ['container-app', true],
  'microsoft.automation/automationaccounts': ['automation-account', true],
  'microsoft.compute/virtualmachines': ['vm', true],
  'microsoft.compute/virtualmachinescalesets': ['vm-scale-set', true],
  'microsoft.containerinstance/containergroups': ['container-group', true],
  'microsoft.containerservice/managedclusters': ['aks-cluster'],
  'microsoft.keyvault/vaults': ['key-vault'],
  'microsoft.keyvault/vaults/secrets': ['key-vault-secret'],
  'microsoft.logic/workflows': ['logic-app', true],
  'microsoft.managedidentity/userassignedidentities': ['managed-identity'],
  'microsoft.storage/storageaccounts': ['storage-account'],
  'microsoft.web/sites': ['web-app', true],
}

/** How things of one tenant are called. */
export class Names {
  readonly instance: string
  /** Whether a connection has read it; exports are of any. */
  readonly isConnected: boolean

  constructor(container: Ref | undefined) {
    this.isConnected = container?.system === 'azure'
    this.instance = this.isConnected ? container!.instance : ANY_TENANT
  }

  ref(kind: string, id: string): Ref {
    return { system: 'azure', instance: this.instance, kind, id }
  }

  tenant(): Ref {
    return this.ref('tenant', this.instance)
  }

  /** An application and its service principal have one client id, and are one: what is added to either opens both. */
  principal(clientId: string): Ref {
    return this.ref('service-principal', clientId.toLowerCase())
  }

  /** Whom an object id names; of applications that is one of the names. */
  object(id: string, type: string | null | undefined): Ref {
    const kind = /group$/i.test(type ?? '') ? 'group' : /user$/i.test(type ?? '') ? 'user' : undefined
    return kind === undefined
      ? this.ref('service-principal', `?${id.toLowerCase()}`)
      : this.ref(kind, id.toLowerCase())
  }

  /** What a path of Azure Resource Manager names: `/`, a group, a subscription, or what is in one. */
  scope(path: string): Ref {
    const id = path.toLowerCase().replace(/\/+$/, '') || '/'
    if (id === '/' || id.includes('/managementgroups/')) return this.ref('management-group', id)
    if (/^\/subscriptions\/[^/]+$/.test(id)) return this.ref('subscription', id)
    if (/^\/subscriptions\/[^/]+\/resourcegroups\/[^/]+$/.test(id)) return this.ref('resource-group', id)
    return this.ref(KINDS[resourceType(id) ?? '']?.[0] ?? 'resource', id)
  }

  isWorkload(path: string): boolean {
    return KINDS[resourceType(path.toLowerCase()) ?? '']?.[1] === true
  }

  /** A scope, and all that it is in: what is granted on one is granted on what is in it. */
  *chain(path: string): Generator<Observation> {
    const ends = endsOf(path.toLowerCase().replace(/\/+$/, ''))
    const scopes = ['/', ...ends].map(end => this.scope(end))
    for (const [index, scope] of scopes.entries()) {
      yield {
        see: this.isWorkload(scope.id) ? 'workload' : 'resource',
        ref: scope,
        names: [nameOf(scope)],
        facts: {},
      }
      yield this.inherits(scope, scopes[index - 1] ?? this.tenant())
    }
  }

  inherits(from: Ref, to: Ref): Observation {
    return {
      see: 'edge',
      from,
      to,
      crossing: 'inherits-from',
      certainty: 'proven',
      why: 'what is granted on it is granted on all that is in it',
    }
  }
}

/** Its last part; of a secret with its vault, since many vaults have one of the same name. */
function nameOf({ kind, id }: Ref): string {
  if (id === '/') return 'the root of Azure'
  const parts = id.split('/')
  return kind === 'key-vault-secret' ? `${parts.at(-3)}/${parts.at(-1)}` : parts.at(-1)!
}

/** Of `/subscriptions/S/resourceGroups/G/providers/P/T/N` the subscription, the group, the thing, and what that is a part of. */
function endsOf(path: string): string[] {
  const parts = path.split('/').slice(1)
  if (parts[0] !== 'subscriptions') return path === '' ? [] : [path]
  const ends = [2, 4]
  for (let end = 8; end < parts.length; end += 2) ends.push(end)
  return [...new Set([...ends.filter(end => end < parts.length), parts.length])].map(
    end => `/${parts.slice(0, end).join('/')}`,
  )
}

/** `microsoft.keyvault/vaults/secrets` of a path in lower case. */
function resourceType(path: string): string | undefined {
  const [, provider, rest] = /\/providers\/([^/]+)\/(.+)$/.exec(path) ?? []
  if (provider === undefined || rest === undefined) return undefined
  return [provider, ...rest.split('/').filter((_, index) => index % 2 === 0)].join('/')
}
