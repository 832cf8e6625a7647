import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import { type ApiObject, type Cluster, objectSchema } from './cluster.ts'
import { refused } from './failure.ts'

/** A kind of thing as the API lists it. `hides` are the kinds of the inventory that are not known where it cannot be listed. */
export interface Listed {
  readonly api: string
  readonly resource: string
  readonly kind: string
  readonly hides: readonly string[]
  /** It belongs to no namespace. */
  readonly cluster?: true
  /** A cluster without the operator does not know it, and has none. */
  readonly optional?: true
}

const CORE = '/api/v1'
const APPS = '/apis/apps/v1'
const BATCH = '/apis/batch/v1'
const EXTERNAL = '/apis/external-secrets.io/v1'
const RBAC = '/apis/rbac.authorization.k8s.io/v1'

export const ACCOUNTS: Listed = {
  api: CORE,
  resource: 'serviceaccounts',
  kind: 'ServiceAccount',
  hides: ['service-account'],
}
export const SECRETS: Listed = {
  api: CORE,
  resource: 'secrets',
  kind: 'Secret',
  hides: ['secret', 'token'],
}
export const CONFIG_MAPS: Listed = {
  api: CORE,
  resource: 'configmaps',
  kind: 'ConfigMap',
  hides: ['config-map'],
}
/** What makes pods, by the kind that the inventory calls it. */
export const WORKLOADS: readonly Listed[] = [
  { api: CORE, resource: 'pods', kind: 'Pod', hides: ['pod'] },
  {
    api: CORE,
    resource: 'replicationcontrollers',
    kind: 'ReplicationController',
    hides: ['replication-controller'],
  },
  { api: APPS, resource: 'deployments', kind: 'Deployment', hides: ['deployment'] },
  { api: APPS, resource: 'statefulsets', kind: 'StatefulSet', hides: ['stateful-set'] },
  { api: APPS, resource: 'daemonsets', kind: 'DaemonSet', hides: ['daemon-set'] },
  { api: APPS, resource: 'replicasets', kind: 'ReplicaSet', hides: ['replica-set'] },
  { api: BATCH, resource: 'jobs', kind: 'Job', hides: ['job'] },
  { api: BATCH, resource: 'cronjobs', kind: 'CronJob', hides: ['cron-job'] },
]
export const OTHERS: readonly Listed[] = [
  { api: CORE, resource: 'namespaces', kind: 'Namespace', hides: ['namespace'], cluster: true },
  { api: CORE, resource: 'nodes', kind: 'Node', hides: ['node'], cluster: true },
  {
    api: CORE,
    resource: 'persistentvolumes',
    kind: 'PersistentVolume',
    hides: ['persistent-volume'],
    cluster: true,
  },
  { api: RBAC, resource: 'clusterroles', kind: 'ClusterRole', hides: ['cluster-role'], cluster: true },
  {
    api: RBAC,
    resource: 'clusterrolebindings',
    kind: 'ClusterRoleBinding',
    hides: ['cluster-role-binding', 'user', 'group'],
    cluster: true,
  },
  { api: RBAC, resource: 'roles', kind: 'Role', hides: ['role'] },
  { api: RBAC, resource: 'rolebindings', kind: 'RoleBinding', hides: ['role-binding', 'user', 'group'] },
  {
    api: '/apis/admissionregistration.k8s.io/v1',
    resource: 'mutatingwebhookconfigurations',
    kind: 'MutatingWebhookConfiguration',
    hides: ['mutating-webhook'],
    cluster: true,
  },
  { api: EXTERNAL, resource: 'externalsecrets', kind: 'ExternalSecret', hides: [], optional: true },
  { api: EXTERNAL, resource: 'secretstores', kind: 'SecretStore', hides: [], optional: true },
  {
    api: EXTERNAL,
    resource: 'clustersecretstores',
    kind: 'ClusterSecretStore',
    hides: [],
    cluster: true,
    optional: true,
  },
  {
    api: '/apis/secrets-store.csi.x-k8s.io/v1',
    resource: 'secretproviderclasses',
    kind: 'SecretProviderClass',
    hides: [],
    optional: true,
  },
]

export interface Selection {
  readonly fieldSelector?: string
  readonly labelSelector?: string
  /** Their names only. */
  readonly metadataOnly?: true
}

const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json'

const pageSchema = z.looseObject({
  metadata: z.looseObject({ continue: z.string().nullish() }).nullish(),
  items: z.array(objectSchema).nullish(),
})

/** The path of one thing, or of all of its kind. */
export function pathOf({ api, resource }: Listed, namespace?: string, name?: string): string {
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${api}${within}/${resource}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`
}

/** All of a kind, to the last page; where our own account sees only some namespaces, all that are in those. */
export async function* list(
  cluster: Cluster,
  listed: Listed,
  selection: Selection = {},
): AsyncGenerator<ApiObject> {
  const { namespaces } = cluster.config
  if (listed.cluster || namespaces.length === 0)
    return yield* pages(cluster, listed, pathOf(listed), selection)
  for (const namespace of namespaces) yield* pages(cluster, listed, pathOf(listed, namespace), selection)
}

/**
 * The server remembers a list for some minutes only; then it answers 410 Gone to the next page. Read anew from its beginning, what
 * was given already is passed over. https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
 */
async function* pages(
  cluster: Cluster,
  { kind, optional }: Listed,
  path: string,
  { metadataOnly, ...selectors }: Selection,
): AsyncGenerator<ApiObject> {
  const doing = `listing ${kind}`
  const given = new Set<string>()
  let from: string | undefined
  let restarts = 0
  for (;;) {
    const query = {
      limit: String(cluster.config.pageSize),
      ...selectors,
      ...(from !== undefined && { continue: from }),
    }
    const { status, json } = await cluster.send(
      { method: 'GET', path, query, ...(metadataOnly && { accept: METADATA_ONLY }) },
      doing,
    )
    if (status === 410 && from !== undefined && restarts++ < 2) {
      from = undefined
      continue
    }
    if (status === 404 && optional) return
    if (status < 200 || status >= 300) throw refused(status, doing)
    const page = pageSchema.safeParse(json)
    if (!page.success)
      throw new FirebreakError('UNSUPPORTED', `${doing}: the answer is no list of Kubernetes`)
    for (const item of page.data.items ?? []) {
      if (given.has(item.metadata.uid)) continue
      given.add(item.metadata.uid)
      yield item
    }
    from = page.data.metadata?.continue || undefined
    if (from === undefined) return
  }
}

/** The one that has the uid. The API finds things by name only, and a name may have been given again. */
export async function findByUid(
  cluster: Cluster,
  listed: Listed,
  uid: string,
  selection: Selection = {},
): Promise<ApiObject | undefined> {
  for await (const found of list(cluster, listed, { ...selection, metadataOnly: true }))
    if (found.metadata.uid === uid) return found
  return undefined
}

/** What bears the name; undefined where nothing does. */
export async function readByName(
  cluster: Cluster,
  listed: Listed,
  namespace: string,
  name: string,
): Promise<ApiObject | undefined> {
  const doing = `reading ${listed.kind} ${namespace}/${name}`
  const { status, json } = await cluster.send({ method: 'GET', path: pathOf(listed, namespace, name) }, doing)
  if (status === 404) return undefined
  if (status !== 200) throw refused(status, doing)
  const read = objectSchema.safeParse(json)
  if (!read.success)
    throw new FirebreakError('UNSUPPORTED', `${doing}: the answer is no object of Kubernetes`)
  return read.data
}

/** Deletes that very one; one that is gone, or whose name another bears now, is success. */
export async function deleteExactly(
  cluster: Cluster,
  listed: Listed,
  { metadata: { namespace, name, uid } }: ApiObject,
): Promise<void> {
  const doing = `deleting ${listed.kind} ${namespace}/${name}`
  const { status } = await cluster.send(
    { method: 'DELETE', path: pathOf(listed, namespace, name), body: { preconditions: { uid } } },
    doing,
  )
  if (status === 404 || status === 409) return
  if (status < 200 || status >= 300) throw refused(status, doing)
}
