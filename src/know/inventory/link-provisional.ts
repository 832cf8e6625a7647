import { sql } from 'kysely'
import type { Io } from '../../core/contract/io.ts'
import type { Tx } from '../../core/store/store.ts'
import { ANY_TENANT } from '../readers/azure/names.ts'
import { ANY_INSTANCE } from './claim.ts'
import { fingerprintsOf, merge, rootOf } from './merge.ts'

type LinkIo = Pick<Io, 'now' | 'random'>

/**
 * Tells what texts spoke of: a thing at `?host:port` called `?name` is the one that bears the name at the only instance
 * that declares the endpoint. Gives the fingerprints whose credentials that may change.
 */
export async function linkProvisional(tx: Tx, io: LinkIo): Promise<Set<string>> {
  const rows = await candidates(tx)
  const byThing = Map.groupBy(rows, row => row.id)
  const linked = await linkByNativeId(tx, io)
  for (const id of await linkByName(tx, io)) linked.add(id)
  for (const id of await linkByUniqueName(tx, io)) linked.add(id)
  for (const id of await linkOfAnyTenant(tx, io)) linked.add(id)
  for (const [id, found] of byThing) {
    // Two servers that say they are at one address: which of them a text meant cannot be told, unless what it meant is one thing.
    const instances = new Set(found.map(row => row.instance))
    if (instances.size > 1 && !(await areOne(tx, found))) continue
    const alike = found.filter(row => row.match_kind === row.kind)
    const roots = new Set<string>()
    for (const row of alike.length > 0 ? alike : found) roots.add(await rootOf(tx, row.match_id))
    const [into] = roots
    const first = found[0]
    if (into === undefined || first === undefined || roots.size > 1) continue
    const reason =
      `a text names ${first.native.slice(1)} at ${first.endpoint}, and the instance ${first.instance} says that it is ` +
      'at that endpoint and has one of that name'
    if (await merge(tx, io, id, into, reason)) {
      linked.add(id)
      linked.add(into)
    }
  }
  return linked.size > 0 ? await fingerprintsOf(tx, [...linked]) : new Set()
}

/** A text gave a credential's own id, and one connection lists a credential that has it. */
async function linkByNativeId(tx: Tx, io: LinkIo): Promise<Set<string>> {
  const { rows } = await sql<{ id: string; kind: string; native: string; match_id: string }>`
    select p.id, p.kind, p.native, m.id as match_id
    from entity p
    cross join (select distinct system, instance from entity
      where type = 'credential' and substr(instance, 1, 1) <> '?') i
    cross join entity m
    where p.instance = ${ANY_INSTANCE} and p.type = 'resource' and p.merged_into is null
      and i.system = p.system
      and m.system = p.system and m.instance = i.instance and m.kind = p.kind and m.native = p.native
      and m.type = 'credential'`.execute(tx)
  const linked = new Set<string>()
  for (const [id, found] of Map.groupBy(rows, row => row.id)) {
    const [first, ...others] = found
    // An id that is unique in the system cannot be in two instances of it: then one of them is a copy.
    if (!first || others.length > 0) continue
    if (!(await merge(tx, io, id, first.match_id, `a text names the ${first.kind} ${first.native}`))) continue
    linked.add(id)
    linked.add(first.match_id)
  }
  return linked
}

/** A text knew which instance, an AWS account by its number, and gave the thing’s name there: an ARN. */
async function linkByName(tx: Tx, io: LinkIo): Promise<Set<string>> {
  const { rows } = await sql<Named>`
    select p.id, p.kind, p.native, m.id as match_id
    from entity p cross join name n cross join entity m
    where substr(p.native, 1, 1) = '?' and substr(p.instance, 1, 1) <> '?' and p.merged_into is null
      and n.name = substr(p.native, 2)
      and m.id = n.entity_id and m.id <> p.id and m.system = p.system and m.instance = p.instance
      and m.kind = p.kind`.execute(tx)
  return await mergeNamed(tx, io, rows)
}

async function areOne(tx: Tx, found: readonly Candidate[]): Promise<boolean> {
  const roots = new Set<string>()
  for (const { match_id } of found) roots.add(await rootOf(tx, match_id))
  return roots.size === 1
}

/**
 * A text gave a name that nothing else in all of the system bears: the address of a service account of Google's, the client id of an
 * application of Entra's.
 */
async function linkByUniqueName(tx: Tx, io: LinkIo): Promise<Set<string>> {
  const { rows } = await sql<Named>`
    select p.id, p.kind, p.native, m.id as match_id
    from entity p cross join name n cross join entity m
    where p.instance = ${ANY_INSTANCE} and p.system in ('gcp', 'azure') and p.type = 'resource' and p.merged_into is null
      and n.name = p.native
      and m.id = n.entity_id and m.id <> p.id and m.system = p.system and m.kind = p.kind
      and m.type = 'identity' and m.gone_at is null`.execute(tx)
  return await mergeNamed(tx, io, rows)
}

/**
 * An export of Azure's does not say of which tenant it is, and need not: its ids and paths are unique everywhere. What a connected tenant
 * lists by the same one is the same thing.
 */
async function linkOfAnyTenant(tx: Tx, io: LinkIo): Promise<Set<string>> {
  const { rows: byId } = await sql<Named>`
    select p.id, p.kind, p.native, m.id as match_id
    from entity p
    cross join (select distinct instance from entity
      where system = 'azure' and kind = 'instance' and instance <> ${ANY_TENANT}) i
    cross join entity m
    where p.system = 'azure' and p.instance = ${ANY_TENANT} and p.merged_into is null
      and m.system = 'azure' and m.instance = i.instance and m.kind = p.kind and m.native = p.native`.execute(
    tx,
  )
  const { rows: byName } = await sql<Named>`
    select p.id, p.kind, p.native, m.id as match_id
    from entity p cross join name n cross join entity m
    where p.system = 'azure' and p.instance = ${ANY_TENANT} and p.merged_into is null
      and substr(p.native, 1, 1) = '?' and n.name = substr(p.native, 2)
      and m.id = n.entity_id and m.system = 'azure' and m.instance <> p.instance
      and substr(m.instance, 1, 1) <> '?' and m.kind = p.kind`.execute(tx)
  return await mergeNamed(tx, io, [...byId, ...byName])
}

/** What a text named, and one thing that bears the name. */
interface Named {
  id: string
  kind: string
  native: string
  match_id: string
}

/** Where all that bear the name are one thing, it is what was meant. Gives what was joined. */
async function mergeNamed(tx: Tx, io: LinkIo, rows: readonly Named[]): Promise<Set<string>> {
  const linked = new Set<string>()
  for (const [id, found] of Map.groupBy(rows, row => row.id)) {
    const roots = new Set<string>()
    for (const { match_id } of found) roots.add(await rootOf(tx, match_id))
    const [into] = roots
    const [first] = found
    if (into === undefined || !first || roots.size > 1) continue
    const name = first.native.replace(/^\?/, '')
    if (!(await merge(tx, io, id, into, `a text names the ${first.kind} ${name}`))) continue
    linked.add(id)
    linked.add(into)
  }
  return linked
}

interface Candidate {
  id: string
  kind: string
  native: string
  endpoint: string
  instance: string
  match_id: string
  match_kind: string
}

/** SQLite keeps the order of cross joins: from the few provisional things by name. Its own choice is quadratic here. */
async function candidates(tx: Tx): Promise<Candidate[]> {
  const { rows } = await sql<Candidate>`
    select p.id, p.kind, p.native, e.name as endpoint, i.instance, m.id as match_id, m.kind as match_kind
    from entity p cross join name e cross join entity i cross join name n cross join entity m
    where substr(p.instance, 1, 1) = '?' and substr(p.native, 1, 1) = '?'
      and (p.merged_into is null or p.merged_into in (select id from entity where substr(instance, 1, 1) = '?'))
      and e.name = substr(p.instance, 2)
      and i.id = e.entity_id and i.kind = 'instance' and i.system = p.system
      and n.name = substr(p.native, 2)
      and m.id = n.entity_id and m.system = p.system and m.instance = i.instance and m.id <> i.id
      and (m.type = p.type or m.kind = p.kind)`.execute(tx)
  return rows
}
