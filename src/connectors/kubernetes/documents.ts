import { type Document, documentOf } from '../../core/contract/document.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { type ApiObject, type Cluster, refIn } from './cluster.ts'
import {
  CONFIG_MAPS,
  list,
  type Listed,
  OTHERS,
  ACCOUNTS,
  readByName,
  SECRETS,
  WORKLOADS,
} from './listing.ts'
import { storedTexts } from './stored-text.ts'

/** What could not be read, for discover to say. */
export type Gaps = Map<string, { why: string; failed: boolean; hides: readonly string[] }>

/**
 * What the cluster keeps in Secrets and ConfigMaps, and all else that is worth knowing of it as manifests: one document for
 * each namespace and one for the cluster, which the reader of manifests reads. What is denied or breaks off is a gap, and the rest is read.
 */
export async function* documents(cluster: Cluster, gaps: Gaps): AsyncGenerator<Document> {
  gaps.clear()
  const known = new Manifests()
  yield* part(cluster, SECRETS, gaps, async function* (object) {
    known.add(SECRETS, withoutValues(object))
    yield* stored(cluster, object, 'secret')
  })
  yield* part(cluster, CONFIG_MAPS, gaps, object => stored(cluster, object, 'config-map'))
  for (const listed of [ACCOUNTS, ...WORKLOADS, ...OTHERS])
    yield* part(cluster, listed, gaps, object => {
      // What another thing made is told by that one.
      if (!object.metadata.ownerReferences?.some(({ controller }) => controller)) known.add(listed, object)
      return []
    })
  await addAwsAuth(cluster, known, gaps)
  for (const [path, text] of known.texts())
    yield documentOf(refIn(cluster, 'instance', cluster.instance), path, Buffer.from(text))
}

async function* part(
  cluster: Cluster,
  listed: Listed,
  gaps: Gaps,
  take: (object: ApiObject) => Iterable<Document> | AsyncIterable<Document>,
): AsyncGenerator<Document> {
  try {
    for await (const object of list(cluster, listed)) yield* take(object)
  } catch (error) {
    if (!isFirebreakError(error)) throw error
    const failed = !['DENIED', 'UNSUPPORTED', 'NOT_FOUND'].includes(error.code)
    gaps.set(listed.resource, { why: error.message, failed, hides: listed.hides })
  }
}

/** Which AWS principals an EKS cluster lets in. */
async function addAwsAuth(cluster: Cluster, known: Manifests, gaps: Gaps): Promise<void> {
  try {
    const found = await readByName(cluster, CONFIG_MAPS, 'kube-system', 'aws-auth')
    if (found) known.add(CONFIG_MAPS, found)
  } catch (error) {
    if (!isFirebreakError(error)) throw error
    if (!gaps.has(CONFIG_MAPS.resource))
      gaps.set('aws-auth', { why: error.message, failed: error.code !== 'DENIED', hides: ['config-map'] })
  }
}

async function* stored(
  cluster: Cluster,
  object: ApiObject,
  kind: 'secret' | 'config-map',
): AsyncGenerator<Document> {
  const container = refIn(cluster, kind, object.metadata.uid)
  for (const { path, bytes } of storedTexts(object, kind)) yield documentOf(container, path, bytes)
}

function withoutValues(object: ApiObject): ApiObject {
  const data = object['data']
  const keys = typeof data === 'object' && data !== null ? Object.keys(data).sort() : []
  return { ...object, data: Object.fromEntries(keys.map(key => [key, ''])) }
}

/** Changed by the server itself all the time, or said elsewhere. */
const LEFT_OUT = new Set(['status', 'metadata', 'apiVersion', 'kind'])
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Objects as manifests, by namespace: the same objects give the same texts. */
class Manifests {
  readonly #byPath = new Map<string, Map<string, unknown>>()

  add({ api, kind }: Listed, object: ApiObject): void {
    const { name, namespace, uid, labels, annotations } = object.metadata
    const own = namespace ?? (kind === 'Namespace' ? name : undefined)
    const path = own === undefined ? 'cluster.json' : `namespaces/${own}.json`
    const kept = Object.entries(annotations ?? {}).filter(([each]) => each !== LAST_APPLIED)
    const manifest = {
      apiVersion: api.replace(/^\/apis?\//, ''),
      kind,
      metadata: {
        name,
        ...(namespace !== undefined && { namespace }),
        uid,
        ...(labels && { labels }),
        ...(kept.length > 0 && { annotations: Object.fromEntries(kept.sort()) }),
      },
      ...Object.fromEntries(Object.entries(object).filter(([member]) => !LEFT_OUT.has(member))),
    }
    const all = this.#byPath.get(path) ?? new Map<string, unknown>()
    this.#byPath.set(path, all.set(`${kind} ${name} ${uid}`, manifest))
  }

  *texts(): Generator<[string, string]> {
    for (const [path, all] of [...this.#byPath].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const items = [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, manifest]) => manifest)
      yield [path, `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, null, 1)}\n`]
    }
  }
}
