import { setImmediate as turn } from 'node:timers/promises'
import { sql } from 'kysely'
import { STRONG_BITS } from '../../core/keys/strength.ts'
import { columnPages } from '../../core/store/column-pages.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import { claimedIdentities } from '../inventory/claim.ts'
import type { Roots } from '../inventory/roots.ts'
import type { GraphBuilder, Hop } from './graph.ts'

const ROWS = 20_000

/**
 * The crossings that credentials make: who has one is who it authenticates as, and who reads a place gets the
 * credentials that stand in it. They follow from the inventory, so they are computed and not stored.
 */
export async function addCredentialEdges(db: Db, roots: Roots, builder: GraphBuilder): Promise<void> {
  const { ids } = builder
  const accepted = builder.kind('authenticates-as', 'proven', 'credential')
  const said = builder.kind('authenticates-as', 'conditional', 'credential')
  const bearers: Bearers = new Map()
  for await (const group of credentialsByRoot(db, roots)) {
    const id = roots.of(group[0]!.entity_id)
    const own = group.find(member => member.entity_id === id)
    if (!own) continue
    addBearer(bearers, own, roots)
    const latest = group.reduce((a, b) => ((b.state_at ?? -1) > (a.state_at ?? -1) ? b : a))
    if (own.identity_id === null || latest.state === 'dead') continue
    const [from, to] = [ids.numberOf(id), ids.numberOf(own.identity_id)]
    if (from !== undefined && to !== undefined)
      builder.edge(from, to, latest.state === 'live' ? accepted : said)
  }
  await addCopyEdges(db, roots, builder, bearers)
}

/** Why a credential is who it authenticates as. */
export function authenticationHop(from: string, to: string, certainty: Hop['certainty']): Hop {
  const crossing = 'authenticates-as'
  return certainty === 'proven'
    ? { from, to, crossing, certainty, why: 'the credential was accepted for this identity' }
    : {
        from,
        to,
        crossing,
        certainty,
        condition: 'if the credential is still accepted',
        why: 'the credential is said to be this identity’s',
      }
}

type CredentialRow = Pick<
  Row<'credential'>,
  'entity_id' | 'identity_id' | 'fingerprint' | 'strength_bits' | 'state' | 'state_at'
>

function credentialRows(db: Db) {
  return db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select(['entity_id', 'identity_id', 'fingerprint', 'strength_bits', 'state', 'state_at'])
    .where('entity.gone_at', 'is', null)
    .orderBy('entity_id')
}

/** Those that are one, together; only what was merged is kept until all are read. */
async function* credentialsByRoot(db: Db, roots: Roots): AsyncGenerator<CredentialRow[]> {
  const merged = new Map<string, CredentialRow[]>()
  for (let after = ''; ; ) {
    const rows = await credentialRows(db).where('entity_id', '>', after).limit(ROWS).execute()
    for (const row of rows) {
      const id = roots.of(row.entity_id)
      if (id === row.entity_id && roots.membersOf(id).length === 0) yield [row]
      else merged.set(id, [...(merged.get(id) ?? []), row])
    }
    if (rows.length < ROWS) break
    after = rows.at(-1)!.entity_id
    await turn()
  }
  yield* merged.values()
}

/** By fingerprint, the credentials that have the value. */
export type Bearers = Map<string, Bearer[]>

interface Bearer {
  readonly id: string
  readonly identity: string | undefined
  readonly strong: boolean
}

export function addBearer(bearers: Bearers, row: CredentialRow, roots: Pick<Roots, 'of'>): void {
  if (row.fingerprint === null) return
  const bearer = {
    id: row.entity_id,
    identity: row.identity_id === null ? undefined : roots.of(row.identity_id),
    strong: (row.strength_bits ?? 0) >= STRONG_BITS,
  }
  const group = bearers.get(row.fingerprint)
  if (group) group.push(bearer)
  else bearers.set(row.fingerprint, [bearer])
}

async function addCopyEdges(db: Db, roots: Roots, builder: GraphBuilder, bearers: Bearers): Promise<void> {
  const { ids } = builder
  const holds = builder.kind('holds-copy', 'proven', 'copy')
  const files = await fileEntities(db)
  const claimed = new Map<string, string | undefined>()
  // Few things hold very many copies: each is looked up once.
  const holders = new Map<string, number | undefined>()
  const numberOf = (holder: string) => {
    const number = holders.get(holder) ?? ids.numberOf(holder)
    if (!holders.has(holder)) holders.set(Buffer.from(holder).toString(), number)
    return number
  }
  /** By holder, the credentials that it is known to have. */
  const held = new Map<number, Set<number>>()
  const numbered = new Map(
    [...bearers].map(([value, own]) => [value, own.map(one => ({ ...one, to: ids.numberOf(one.id) }))]),
  )
  const columns = {
    container: sql`container_id`,
    // Of what is no file of its own, the path says nothing here.
    path: files.size === 0 ? sql`''` : sql`path`,
    fingerprint: sql`fingerprint`,
    claim: sql`claim_id`,
  }
  for await (const page of columnPages(db, 'copy', columns, sql`gone_at is null`)) {
    const unknown = page.claim.filter(claim => claim !== '' && !claimed.has(claim))
    // Texts of their own: a part of a page would keep all of it.
    const own = [...new Set(unknown)].map(claim => Buffer.from(claim).toString())
    for (const [claim, identity] of await claimedIdentities(db, roots, own)) claimed.set(claim, identity)
    for (let at = 0; at < page.count; at++) {
      const bearing = numbered.get(page.fingerprint[at]!)
      if (bearing === undefined) continue
      const claim = page.claim[at] === '' ? undefined : claimed.get(page.claim[at]!)
      for (const bearer of bearing) {
        if (bearer.to === undefined || !isCopyOf(bearer, claim)) continue
        for (const id of holdersOf(files, roots.of(page.container[at]!), page.path[at]!)) {
          const from = numberOf(id)
          if (from === undefined) continue
          const known = held.get(from) ?? new Set()
          if (known.has(bearer.to)) continue
          held.set(from, known.add(bearer.to))
          builder.edge(from, bearer.to, holds)
        }
      }
    }
  }
}

/** The credentials of which a copy with the value is that names somebody, or nobody. */
function ownersOf(bearers: Bearers, fingerprint: string, claim: string | undefined): string[] {
  return (bearers.get(fingerprint) ?? []).filter(one => isCopyOf(one, claim)).map(({ id }) => id)
}

/** Whether a copy of its value that names somebody, or nobody, is the credential's. */
function isCopyOf({ identity, strong }: Bearer, claim: string | undefined): boolean {
  return identity === claim || (claim === undefined && strong)
}

/** What contains a copy, and the file itself where that is a thing of its own. */
function holdersOf(files: ReadonlyMap<string, string>, container: string, path: string): string[] {
  const file = files.size === 0 ? undefined : files.get(JSON.stringify([container, path]))
  return file === undefined ? [container] : [container, file]
}

type CopyRow = Pick<Row<'copy'>, 'id' | 'container_id' | 'path' | 'fingerprint' | 'claim_id'>

/** Who has which credential by which copy. */
export async function holdings<Copy extends CopyRow>(
  db: Db,
  roots: Pick<Roots, 'of'>,
  bearers: Bearers,
  files: ReadonlyMap<string, string>,
  copies: readonly Copy[],
): Promise<{ holder: string; credential: string; copy: Copy }[]> {
  const claimIds = copies.flatMap(copy => copy.claim_id ?? [])
  const claimed = await claimedIdentities(db, roots as Roots, claimIds)
  return copies.flatMap(copy => {
    const claim = copy.claim_id === null ? undefined : claimed.get(copy.claim_id)
    const holders = holdersOf(files, roots.of(copy.container_id), copy.path)
    return ownersOf(bearers, copy.fingerprint, claim).flatMap(credential =>
      holders.map(holder => ({ holder, credential, copy })),
    )
  })
}

/** Why the holder has the credential: the first copy by which it does. */
export async function copyHop(
  db: Db,
  roots: Pick<Roots, 'of'>,
  from: string,
  to: string,
): Promise<Hop | undefined> {
  const own = await credentialRows(db).where('entity_id', '=', to).executeTakeFirst()
  if (!own || own.fingerprint === null) return undefined
  const bearers: Bearers = new Map()
  addBearer(bearers, own, roots)
  const copies = await db
    .selectFrom('copy')
    .select(['id', 'container_id', 'path', 'fingerprint', 'claim_id', 'slots'])
    .where('fingerprint', '=', own.fingerprint)
    .where('gone_at', 'is', null)
    .orderBy('id')
    .execute()
  const all = await holdings(db, roots, bearers, await fileEntities(db, from), copies)
  const copy = all.find(({ holder }) => roots.of(holder) === from)?.copy
  if (!copy) return undefined
  return holdingHop(from, to, copy)
}

export function holdingHop(from: string, to: string, copy: { path: string; slots: string }): Hop {
  const line = (JSON.parse(copy.slots) as { line?: number }[])[0]?.line
  const where = line === undefined ? copy.path : `${copy.path}:${line}`
  const why = `the credential stands in ${where}`
  return { from, to, crossing: 'holds-copy', certainty: 'proven', why }
}

/** Files that are entities of their own, or one of them, by the container whose instance they share. */
async function fileEntities(db: Db, only?: string): Promise<Map<string, string>> {
  let query = fileRows(db).where('file.gone_at', 'is', null)
  if (only !== undefined) query = query.where('file.id', '=', only)
  return filesByPlace(await query.execute())
}

/** Those that are gone are among them. */
export function fileRows(db: Db) {
  return db
    .selectFrom('entity as file')
    .innerJoin('entity as container', join =>
      join
        .onRef('container.system', '=', 'file.system')
        .onRef('container.instance', '=', 'file.instance')
        .on('container.type', '=', 'resource')
        .on('container.kind', '<>', 'file'),
    )
    .select(['file.id', 'file.native', 'container.id as container'])
    .where('file.kind', '=', 'file')
}

export function filesByPlace(
  rows: readonly { id: string; native: string; container: string }[],
): Map<string, string> {
  return new Map(rows.map(row => [JSON.stringify([row.container, row.native]), row.id]))
}
