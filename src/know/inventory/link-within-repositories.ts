import type { Io } from '../../core/contract/io.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Tx } from '../../core/store/store.ts'
import { relink } from './link.ts'
import { fingerprintsOf, merge } from './merge.ts'
import { type Repository, sameRepositories } from './same-repository.ts'

type LinkIo = Pick<Io, 'now' | 'random'>
type Thing = Pick<Row<'entity'>, 'id' | 'system' | 'type' | 'kind' | 'native'>

/** What stays what each source has: the repository itself, and its files, which are written where they lie. */
const OWN_KINDS = ['repository', 'project', 'tree', 'file']
const REASON = 'one and the same of a repository'
const INHERITED = 'it has none of that name of its own'

/**
 * What a file in a repository tells of is one by its repository, its file and its name there, whoever tells of it: the host, a clone,
 * or a working tree. So are jobs, the secrets that they name, resources of Terraform, services, and what manifests say of the
 * cluster that they are for. And a secret that is not the environment's own is the repository's, or the organisation's.
 */
export async function linkWithinRepositories(tx: Tx, io: LinkIo): Promise<void> {
  const changed = await takeBack(tx)
  // Of a tree first, which may be one with a clone's that is then one with the host's.
  for (const { of, is } of await sameRepositories(tx))
    for (const identity of await joinRepositories(tx, io, of, is)) changed.push(identity)
  await inheritSecrets(tx, io)
  if (changed.length > 0) await relink(tx, io, await fingerprintsOf(tx, changed))
}

/** Gives the identities that are now one with another's. */
async function joinRepositories(tx: Tx, io: LinkIo, of: Repository, is: Repository): Promise<string[]> {
  const joined: string[] = []
  const things = await thingsIn(tx, of)
  if (things.length === 0) return joined
  const same = new Map((await thingsIn(tx, is)).map(thing => [nameOf(is, thing), thing]))
  for (const thing of things) {
    const found = same.get(nameOf(of, thing))
    if (!found || !(await merge(tx, io, thing.id, found.id, `${REASON}: ${thing.kind} ${thing.native}`)))
      continue
    if (thing.type === 'identity') joined.push(thing.id)
  }
  return joined
}

/** What is told of it, and of the cluster that its manifests are for. */
async function thingsIn(tx: Tx, repository: Repository): Promise<Thing[]> {
  const { system, instance, native } = repository
  const rows = await tx
    .selectFrom('entity')
    .select(['id', 'system', 'type', 'kind', 'native'])
    .where(({ or, and, eb }) => {
      const own = and([eb('system', '=', system), eb('instance', '=', instance)])
      const ofManifests = and([
        eb('system', '=', 'kubernetes'),
        eb('instance', '=', `?${system}:${instance}`),
      ])
      // Of a host with many repositories nothing tells which of them a manifest lies in.
      return native === instance ? or([own, ofManifests]) : own
    })
    .where('kind', 'not in', OWN_KINDS)
    .where('merged_into', 'is', null)
    .where('gone_at', 'is', null)
    .execute()
  return rows.filter(thing => withinRepository(repository, thing) !== undefined)
}

/** What both call it. */
function nameOf(repository: Repository, thing: Thing): string {
  const within = withinRepository(repository, thing)
  return thing.system === repository.system
    ? `${thing.kind} ${within}`
    : `${thing.system} ${thing.kind} ${within}`
}

/** Where an instance has many repositories, what lies in one has its id before its own. */
function withinRepository({ system, native, instance }: Repository, thing: Thing): string | undefined {
  if (native === instance || thing.system !== system) return thing.native
  return thing.native.startsWith(`${native}/`) ? thing.native.slice(native.length + 1) : undefined
}

/** GitHub gives a job the secret of its environment, else of its repository, else of the organisation. */
async function inheritSecrets(tx: Tx, io: LinkIo): Promise<void> {
  const secrets = await tx
    .selectFrom('entity')
    .select(['id', 'instance', 'native'])
    .where('system', '=', 'github')
    .where('kind', '=', 'actions-secret')
    .where('merged_into', 'is', null)
    .where('gone_at', 'is', null)
    .execute()
  if (secrets.length === 0) return
  const listed = await listedOf(
    tx,
    secrets.map(({ id }) => id),
  )
  const byName = new Map(secrets.map(secret => [`${secret.instance} ${secret.native}`, secret]))
  for (const { id, instance, native } of secrets) {
    if (listed.has(id)) continue
    for (const outer of outerOf(native)) {
      const found = byName.get(`${instance} ${outer}`)
      if (!found || !listed.has(found.id)) continue
      const gets = outer.startsWith('secrets/') ? await isGiven(tx, instance, native, found.id) : true
      if (!gets) continue
      await merge(tx, io, id, found.id, `${INHERITED}: ${native} is ${outer}`)
      break
    }
  }
}

/** `123/environments/production/secrets/NAME` → `123/secrets/NAME`, `secrets/NAME`. */
function outerOf(native: string): string[] {
  const [, repository, environment, name] =
    /^(\d+)\/(environments\/.+\/)?secrets\/([^/]+)$/s.exec(native) ?? []
  if (name === undefined) return []
  return [...(environment === undefined ? [] : [`${repository}/secrets/${name}`]), `secrets/${name}`]
}

/** Those that the host itself lists: of the others, only a pipeline speaks. */
async function listedOf(tx: Tx, ids: readonly string[]): Promise<Set<string>> {
  const rows = await tx
    .selectFrom('sighting')
    .select('entity_id')
    .where('document', '=', '')
    .where('gone_at', 'is', null)
    .where('entity_id', 'in', tx.selectFrom('entity').select('id').where('kind', '=', 'actions-secret'))
    .execute()
  const known = new Set(ids)
  return new Set(rows.map(row => row.entity_id).filter(id => known.has(id)))
}

/** Whether the organisation gives its secret to this repository. */
async function isGiven(tx: Tx, instance: string, native: string, secretId: string): Promise<boolean> {
  const given = await tx
    .selectFrom('edge')
    .innerJoin('entity', 'entity.id', 'edge.from_id')
    .select('edge.id')
    .where('edge.to_id', '=', secretId)
    .where('edge.crossing', '=', 'has-secret')
    .where('edge.gone_at', 'is', null)
    .where('entity.instance', '=', instance)
    .where('entity.native', '=', native.slice(0, native.indexOf('/')))
    .executeTakeFirst()
  return given !== undefined
}

/**
 * What was concluded before and holds no more: a secret that was set meanwhile where there was none, and what was one with
 * something that is gone. Gives the identities that were one.
 */
async function takeBack(tx: Tx): Promise<string[]> {
  const apart: string[] = []
  const merged = await tx
    .selectFrom('merge')
    .innerJoin('entity as source', 'source.id', 'merge.from_id')
    .innerJoin('entity as target', 'target.id', 'merge.into_id')
    .select(['merge.id', 'source.id as from_id', 'source.type', 'merge.into_id', 'merge.reason'])
    .select(['source.gone_at as source_gone', 'target.gone_at as target_gone'])
    .where('merge.undone_at', 'is', null)
    .where(({ or, eb }) =>
      or([eb('merge.reason', 'like', `${REASON}:%`), eb('merge.reason', 'like', `${INHERITED}:%`)]),
    )
    .execute()
  if (merged.length === 0) return apart
  const listed = await listedOf(
    tx,
    merged.map(({ from_id }) => from_id),
  )
  for (const { id, from_id, type, into_id, reason, source_gone, target_gone } of merged) {
    const hasOwn = reason.startsWith(INHERITED) && listed.has(from_id)
    const isLeft = target_gone !== null && source_gone === null
    if (!hasOwn && !isLeft) continue
    await tx.updateTable('entity').set({ merged_into: null }).where('id', '=', from_id).execute()
    // Not undone, which would be a person's word that the two are not one.
    await tx.deleteFrom('merge').where('id', '=', id).execute()
    if (type === 'identity') apart.push(from_id, into_id)
  }
  return apart
}
