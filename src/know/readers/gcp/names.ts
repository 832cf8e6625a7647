import type { Ref } from '../../../core/contract/ref.ts'

/** Where organizations, folders and Google's own accounts are: in no project. */
export const EVERYWHERE = 'google'

/** Projects are named by their id or by their number; a document may tell both. */
export class Projects {
  readonly #idOf = new Map<string, string>()

  learn(number: string, id: string): void {
    this.#idOf.set(number, id)
  }

  get known(): ReadonlyMap<string, string> {
    return this.#idOf
  }

  /** An instance: a project's id is its own for ever, and so is its number, which some other document must explain. */
  instance(idOrNumber: string): string {
    const id = /^\d+$/.test(idOrNumber) ? this.#idOf.get(idOrNumber) : idOrNumber
    return id ?? `?${idOrNumber}`
  }

  ref(idOrNumber: string): Ref {
    const instance = this.instance(idOrNumber)
    // Its number is a name that it has, as `projects/498712345678`.
    const id = instance.startsWith('?') ? `?projects/${idOrNumber}` : instance
    return { system: 'gcp', instance, kind: 'project', id }
  }

  /** A thing in a project, by how the project's own names call it. */
  thing(idOrNumber: string, kind: string, id: string): Ref {
    const instance = this.instance(idOrNumber)
    return { system: 'gcp', instance, kind, id: instance.startsWith('?') ? `?${id}` : id }
  }

  /** A service account is known by its unique id, or by its address until that is told. */
  account(email: string, uniqueId?: string): Ref | undefined {
    const project = projectOf(email)
    if (project === undefined) return undefined
    const ref = this.thing(project, 'service-account', uniqueId ?? email)
    return uniqueId === undefined && !ref.id.startsWith('?') ? { ...ref, id: `?${email}` } : ref
  }
}

/** https://cloud.google.com/iam/docs/service-account-types */
function projectOf(email: string): string | undefined {
  const [name = '', domain = ''] = email.split('@')
  const own = /^([a-z][a-z0-9-]+)\.iam\.gserviceaccount\.com$/.exec(domain)?.[1]
  const ofService = own !== undefined && own.startsWith('gcp-sa-') ? /(\d+)$/.exec(name)?.[1] : undefined
  if (ofService !== undefined || own !== undefined) return ofService ?? own
  if (domain === 'developer.gserviceaccount.com') return /^(\d+)-/.exec(name)?.[1]
  if (domain === 'cloudservices.gserviceaccount.com') return /^(\d+)$/.exec(name)?.[1]
  if (domain === 'cloudbuild.gserviceaccount.com') return /^(\d+)$/.exec(name)?.[1]
  return domain === 'appspot.gserviceaccount.com' ? name : undefined
}

/** What a full resource name names: https://cloud.google.com/asset-inventory/docs/asset-names */
export function resourceRef(name: string, projects: Projects): Ref | undefined {
  const path = name.replace(/^\/\/[^/]+\//, '')
  const service = /^\/\/([a-z0-9-]+)\.googleapis\.com\//.exec(name)?.[1]
  const [, top, id] = /^(organizations|folders|projects)\/([^/]+)$/.exec(path) ?? []
  if (top === 'projects') return projects.ref(id!)
  if (top !== undefined)
    return { system: 'gcp', instance: EVERYWHERE, kind: top.slice(0, -1), id: `${top}/${id}` }
  const role = /^(?:(organizations)|projects\/([^/]+))(?:\/[^/]+)?\/roles\/[^/]+$/.exec(path)
  if (role)
    return role[2] === undefined
      ? { system: 'gcp', instance: EVERYWHERE, kind: 'role', id: path }
      : { ...projects.thing(role[2], 'role', path) }
  if (service === 'storage' && !path.includes('/'))
    return { system: 'gcp', instance: EVERYWHERE, kind: 'bucket', id: path }
  const [, project, rest = ''] = /^projects\/([^/]+)\/(.+)$/s.exec(path) ?? []
  if (project === undefined) return undefined
  const account = /^serviceAccounts\/([^/]+)$/.exec(rest)?.[1]
  if (account !== undefined)
    return account.includes('@')
      ? projects.account(account)
      : projects.thing(project, 'service-account', account)
  const found = KINDS.find(({ pattern }) => pattern.test(rest))
  return found && projects.thing(project, found.kind, rest)
}

const KINDS: readonly { readonly kind: string; readonly pattern: RegExp }[] = [
  { kind: 'secret', pattern: /^secrets\/[^/]+$/ },
  { kind: 'vm', pattern: /^zones\/[^/]+\/instances\/[^/]+$/ },
  { kind: 'function', pattern: /^locations\/[^/]+\/functions\/[^/]+$/ },
  { kind: 'run-service', pattern: /^locations\/[^/]+\/services\/[^/]+$/ },
  { kind: 'run-job', pattern: /^locations\/[^/]+\/jobs\/[^/]+$/ },
  { kind: 'workload-identity-pool', pattern: /^locations\/[^/]+\/workloadIdentityPools\/[^/]+$/ },
]

/** Whom a binding names: https://cloud.google.com/iam/docs/principal-identifiers */
export function memberRef(member: string, projects: Projects): Ref | undefined {
  const everywhere = (kind: string, id: string): Ref => ({ system: 'gcp', instance: EVERYWHERE, kind, id })
  if (member === 'allUsers') return everywhere('anyone', 'anyone')
  if (member === 'allAuthenticatedUsers') return everywhere('anyone', 'anyone-signed-in')
  const federated = federatedIn(member)
  if (federated) return projects.thing(federated.project, 'federated-principal', federated.path)
  const [, kind = '', id = ''] = /^([A-Za-z]+):(.+)$/s.exec(member) ?? []
  if (kind === 'user' || kind === 'group' || kind === 'domain') return everywhere(kind, id.toLowerCase())
  if (kind !== 'serviceAccount') return undefined
  // Of a cluster that has workload identity: `project.svc.id.goog[namespace/account]`.
  const [, cluster, within] = /^(.+)\.svc\.id\.goog\[(.+)\]$/.exec(id) ?? []
  if (cluster !== undefined) return projects.thing(cluster, 'kubernetes-service-account', within!)
  return projects.account(id)
}

/** `pool` is its path within the project, `path` that of the principal. */
export interface Federated {
  readonly project: string
  readonly pool: string
  readonly path: string
  /** `subject/…`, `attribute.repository/…`, or `*`. */
  readonly of: string
}

export function federatedIn(member: string): Federated | undefined {
  const [, project, pool, of] =
    /^principal(?:Set)?:\/\/iam\.googleapis\.com\/projects\/([^/]+)\/(locations\/[^/]+\/workloadIdentityPools\/[^/]+)\/(.+)$/s.exec(
      member,
    ) ?? []
  return project === undefined ? undefined : { project, pool: pool!, of: of!, path: `${pool}/${of}` }
}
