import type { Db } from '../../core/store/store.ts'
import { namesById } from '../../know/inventory/queries.ts'
import type { Roots } from '../../know/inventory/roots.ts'
import { foldersOf } from '../../judge/ownership/relations.ts'
import { wordsOf } from '../../judge/ownership/words.ts'

interface Folder {
  readonly componentId: string
  readonly containerId: string
  /** Without a slash at its end; empty for all that lies in the container. */
  readonly path: string
}

/** Which service each workload, and each file of code, is of. */
export interface ServiceMap {
  /** Services of the catalog, and those that only tags name, by what they are called. */
  readonly names: ReadonlyMap<string, string>
  /** The services of a system, or of a domain. */
  partsOf(id: string): readonly string[]
  servicesOf(workloadId: string): readonly string[]
  workloadsOf(serviceId: string): readonly string[]
  /** The service in whose folder a file lies; the deepest one counts. */
  serviceAt(containerId: string, path: string): string | undefined
  foldersOf(serviceId: string): readonly Folder[]
}

const SERVICE = 'component'

export async function loadServices(db: Db, roots: Roots): Promise<ServiceMap> {
  const rows = await db
    .selectFrom('entity')
    .select(['id', 'kind', 'native', 'type', 'system'])
    .where(({ or, eb }) => or([eb('system', '=', 'backstage'), eb('type', '=', 'workload')]))
    .where('merged_into', 'is', null)
    .where('gone_at', 'is', null)
    .execute()
  const services = rows.filter(({ system, kind }) => system === 'backstage' && kind === SERVICE)
  const names = new Map(services.map(({ id, native }) => [id, native.slice(native.indexOf('/') + 1)]))
  const workloads = rows.filter(({ type }) => type === 'workload')
  const edges = await db
    .selectFrom('edge')
    .select(['from_id', 'to_id', 'crossing'])
    .where('crossing', 'in', ['part-of', 'kept-in', 'defined-in'])
    .where('gone_at', 'is', null)
    .execute()
  const pairs = (crossing: string) =>
    edges
      .filter(edge => edge.crossing === crossing)
      .map(({ from_id, to_id }) => ({ from: roots.of(from_id), to: roots.of(to_id) }))
  const parents = pairs('part-of')
  const paths = await foldersOf(db)
  const folders = pairs('kept-in')
    .filter(({ from }) => names.has(from))
    .map(({ from, to }): Folder => ({ componentId: from, containerId: to, path: paths.get(from) ?? '' }))
  const byWorkload = await servicesByWorkload(
    db,
    roots,
    workloads,
    names,
    parents,
    folders,
    pairs('defined-in'),
  )

  return {
    names,
    partsOf(id) {
      const found = new Set<string>()
      for (let next = [id]; next.length > 0; ) {
        next = parents.filter(({ to }) => next.includes(to)).map(({ from }) => from)
        next = next.filter(part => !found.has(part))
        for (const part of next) found.add(part)
      }
      return [...found].filter(part => names.has(part))
    },
    servicesOf: workloadId => byWorkload.get(workloadId) ?? [],
    workloadsOf: serviceId =>
      [...byWorkload].filter(([, ids]) => ids.includes(serviceId)).map(([workloadId]) => workloadId),
    serviceAt(containerId, path) {
      const around = folders.filter(
        folder =>
          folder.containerId === containerId && (folder.path === '' || path.startsWith(`${folder.path}/`)),
      )
      const [deepest, next] = around.sort((a, b) => b.path.length - a.path.length)
      // Where several services lie in one folder, whose each file is cannot be told.
      return deepest?.path.length === next?.path.length ? undefined : deepest?.componentId
    },
    foldersOf: serviceId => folders.filter(({ componentId }) => componentId === serviceId),
  }
}

/**
 * By what is written on it, else by its name, else by the repository that defines it where only one service lies there: in all of it, or in
 * the folder that the workload's file lies in as well.
 */
async function servicesByWorkload(
  db: Db,
  roots: Roots,
  workloads: readonly { id: string; native: string }[],
  names: ReadonlyMap<string, string>,
  parents: readonly { from: string; to: string }[],
  folders: readonly Folder[],
  defined: readonly { from: string; to: string }[],
): Promise<Map<string, string[]>> {
  const called = await namesById(
    db,
    roots,
    workloads.map(({ id }) => id),
  )
  const byName = new Map([...names].map(([id, name]) => [wordsOf(name).join('-'), id]))
  const written = Map.groupBy(
    parents.filter(({ to }) => names.has(to)),
    ({ from }) => from,
  )
  const repositories = Map.groupBy(defined, ({ from }) => from)
  const found = new Map<string, string[]>()
  for (const { id, native } of workloads) {
    const said = (written.get(id) ?? []).map(({ to }) => to)
    const named = (called.get(id) ?? []).flatMap(name => byName.get(wordsOf(name).join('-')) ?? [])
    const kept = (repositories.get(id) ?? []).flatMap(({ to }) => {
      const there = folders.filter(({ containerId }) => containerId === to)
      const [only, ...others] = new Set(there.map(one => one.componentId))
      const lies = there.some(({ path }) => path === '' || native.startsWith(`${path}/`))
      return only !== undefined && others.length === 0 && lies ? [only] : []
    })
    const [own] = [said, named, kept].filter(ids => ids.length > 0)
    if (own) found.set(id, [...new Set(own)])
  }
  return found
}
