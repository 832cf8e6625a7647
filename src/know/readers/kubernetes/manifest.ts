import type { Ref } from '../../../core/contract/ref.ts'
import { items, type Located, member, members, scalar } from '../located.ts'

/** One object of a manifest. */
export interface Manifest {
  /** As kubectl calls it: `serviceaccount`, `clusterrole`. */
  readonly kind: Kind
  readonly name: string
  /** Undefined for what belongs to no namespace. */
  readonly namespace: string | undefined
  /** Only the API knows it. */
  readonly uid: string | undefined
  readonly labels: ReadonlyMap<string, string>
  readonly annotations: ReadonlyMap<string, string>
  readonly line: number
  readonly root: Located
}

/** What is read, by the kind as kubectl writes it in a name, and how the inventory calls such a thing. */
export const KINDS = {
  namespace: { group: '', cluster: true, ref: 'namespace' },
  node: { group: '', cluster: true, ref: 'node' },
  persistentvolume: { group: '', cluster: true, ref: 'persistent-volume' },
  serviceaccount: { group: '', cluster: false, ref: 'service-account' },
  secret: { group: '', cluster: false, ref: 'secret' },
  configmap: { group: '', cluster: false, ref: 'config-map' },
  pod: { group: '', cluster: false, ref: 'pod' },
  podtemplate: { group: '', cluster: false, ref: 'pod-template' },
  replicationcontroller: { group: '', cluster: false, ref: 'replication-controller' },
  deployment: { group: 'apps', cluster: false, ref: 'deployment' },
  statefulset: { group: 'apps', cluster: false, ref: 'stateful-set' },
  daemonset: { group: 'apps', cluster: false, ref: 'daemon-set' },
  replicaset: { group: 'apps', cluster: false, ref: 'replica-set' },
  job: { group: 'batch', cluster: false, ref: 'job' },
  cronjob: { group: 'batch', cluster: false, ref: 'cron-job' },
  role: { group: 'rbac.authorization.k8s.io', cluster: false, ref: 'role' },
  clusterrole: { group: 'rbac.authorization.k8s.io', cluster: true, ref: 'cluster-role' },
  rolebinding: { group: 'rbac.authorization.k8s.io', cluster: false, ref: 'role-binding' },
  clusterrolebinding: { group: 'rbac.authorization.k8s.io', cluster: true, ref: 'cluster-role-binding' },
  externalsecret: { group: 'external-secrets.io', cluster: false, ref: 'external-secret' },
  secretstore: { group: 'external-secrets.io', cluster: false, ref: 'secret-store' },
  clustersecretstore: { group: 'external-secrets.io', cluster: true, ref: 'cluster-secret-store' },
  secretproviderclass: {
    group: 'secrets-store.csi.x-k8s.io',
    cluster: false,
    ref: 'secret-provider-class',
  },
  mutatingwebhookconfiguration: {
    group: 'admissionregistration.k8s.io',
    cluster: true,
    ref: 'mutating-webhook',
  },
} as const
export type Kind = keyof typeof KINDS

/** API groups under which the same things were, or are on OpenShift. */
const OTHER_GROUPS: ReadonlyMap<string, string> = new Map([
  ['extensions', 'apps'],
  ['authorization.openshift.io', 'rbac.authorization.k8s.io'],
])

/** The namespace of what says none: where it is applied decides, and this is where it goes if nobody says. */
const NO_NAMESPACE = 'default'

/** The objects of a parsed document, those of lists too. What is of no kind that is read is left out. */
export function* manifestsIn(root: Located, depth = 0): Generator<Manifest> {
  // A list that was cut, or a list in a list; no deeper.
  if (Array.isArray(root.value)) for (const item of items(root)) yield* manifestsIn(item, depth + 1)
  const kind = scalar(member(root, 'kind'))
  if (depth < 3 && (kind === undefined || kind.endsWith('List')))
    for (const item of items(member(root, 'items'))) yield* manifestsIn(item, depth + 1)
  const manifest = manifestOf(root, kind)
  if (manifest) yield manifest
}

/** Undefined where it is none, or of a kind that is not read. */
function manifestOf(root: Located, said: string | undefined): Manifest | undefined {
  const kind = said?.toLowerCase() as Kind | undefined
  const known = kind !== undefined && Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
  if (!known || !isOfGroup(scalar(member(root, 'apiVersion')) ?? '', known.group)) return undefined
  const metadata = member(root, 'metadata')
  const generated = scalar(member(metadata, 'generateName'))
  const name = scalar(member(metadata, 'name')) ?? (generated === undefined ? undefined : `${generated}*`)
  if (!name) return undefined
  return {
    kind: kind!,
    name,
    namespace: known.cluster ? undefined : (scalar(member(metadata, 'namespace')) ?? NO_NAMESPACE),
    uid: scalar(member(metadata, 'uid')),
    labels: texts(member(metadata, 'labels')),
    annotations: texts(member(metadata, 'annotations')),
    line: member(root, 'kind')?.line ?? root.line,
    root,
  }
}

function isOfGroup(apiVersion: string, group: string): boolean {
  const slash = apiVersion.indexOf('/')
  const said = slash < 0 ? '' : apiVersion.slice(0, slash)
  return (
    said === group || OTHER_GROUPS.get(said) === group || (slash < 0 && group === 'rbac.authorization.k8s.io')
  )
}

/** A mapping of text to text, as labels and annotations are. */
export function texts(located: Located | undefined): ReadonlyMap<string, string> {
  return new Map(
    [...members(located)].flatMap(([name, value]) => {
      const text = scalar(value)
      return text === undefined ? [] : [[name, text] as const]
    }),
  )
}

/** What kubectl would call it, with its namespace before: `shop/deployment/api`, `clusterrole/admin`. */
export function nameOf(kind: Kind, namespace: string | undefined, name: string): string {
  return namespace === undefined ? `${kind}/${name}` : `${namespace}/${kind}/${name}`
}

/**
 * How things of one document are referred to. The API tells which cluster it is, and things by their uid. A text knows
 * neither: its cluster is the one that the manifests of where it lies are applied to, until a connection says that it is that
 * one, and a thing is known by its name.
 */
export class Naming {
  readonly instance: string
  readonly isProvisional: boolean
  readonly #uids: ReadonlyMap<string, string>

  constructor(container: Ref, manifests: readonly Manifest[]) {
    this.isProvisional = container.system !== 'kubernetes'
    this.instance = this.isProvisional ? `?${container.system}:${container.instance}` : container.instance
    this.#uids = new Map(
      this.isProvisional
        ? []
        : manifests.flatMap(({ kind, namespace, name, uid }) =>
            uid === undefined ? [] : [[nameOf(kind, namespace, name), uid] as const],
          ),
    )
  }

  ref(kind: Kind, namespace: string | undefined, name: string): Ref {
    const called = nameOf(kind, namespace, name)
    return {
      system: 'kubernetes',
      instance: this.instance,
      kind: KINDS[kind].ref,
      id: this.#uids.get(called) ?? `?${called}`,
    }
  }

  refOf({ kind, namespace, name }: Manifest): Ref {
    return this.ref(kind, namespace, name)
  }

  /** Users and groups are no objects: whoever authenticates them says their names. */
  subject(kind: 'user' | 'group', name: string): Ref {
    const id = this.isProvisional ? `?${name}` : name
    return { system: 'kubernetes', instance: this.instance, kind, id }
  }

  /** All of it. */
  get cluster(): Ref {
    const id = this.isProvisional ? '?cluster' : this.instance
    return { system: 'kubernetes', instance: this.instance, kind: 'cluster', id }
  }

  /** Any of its nodes: manifests do not say on which one something runs. */
  get nodes(): Ref {
    const id = this.isProvisional ? '?nodes' : 'nodes'
    return { system: 'kubernetes', instance: this.instance, kind: 'nodes', id }
  }
}
