import { createHmac } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Io, realIo } from '../../src/core/contract/io.ts'
import { formatRef, type PlaceRef, type Ref } from '../../src/core/contract/ref.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { deriveKeys, type Keys } from '../../src/core/keys/keys.ts'
import { RootKey } from '../../src/core/keys/root-key.ts'
import type { Row } from '../../src/core/store/schema.ts'
import { type Db, transaction } from '../../src/core/store/store.ts'
import { type Finding, fold } from '../../src/know/inventory/fold.ts'
import { listCredentials, listIdentities } from '../../src/know/inventory/queries.ts'
import { loadRoots } from '../../src/know/inventory/roots.ts'
import { openOwnStore } from '../own-store.ts'

/** A store with keys and a clock that a test moves; gone when the test ends. */
export interface Estate {
  readonly db: Db
  readonly keys: Keys
  readonly io: Io
  readonly clock: { ms: number }
  source(label?: string): Promise<Row<'source'>>
  /** Each fold is a run of its own. */
  fold(source: Row<'source'>, findings: readonly Finding[]): Promise<void>
  /** The test's end does it too; who opens many does it before. */
  close(): Promise<void>
}

export const testKeys: Keys = deriveKeys(new RootKey(new Secret(new Uint8Array(32).fill(7))))

export async function openEstate(): Promise<Estate> {
  const clock = { ms: Date.UTC(2026, 0, 1) }
  const io: Io = { ...realIo(), now: () => new Date(clock.ms) }
  const { db, close } = await openOwnStore()
  let sources = 0
  return {
    db,
    keys: testKeys,
    io,
    clock,
    close,
    async source(label = 'source') {
      const row: Row<'source'> = {
        id: `source-${++sources}`,
        system: 'test',
        instance: String(sources),
        label,
        config: '{}',
        cursor: null,
        created_at: clock.ms,
        observed_at: null,
        disconnected_at: null,
        connected_at: null,
        epoch: 0,
      }
      await db.insertInto('source').values(row).execute()
      return row
    },
    async fold(source, findings) {
      clock.ms += 1000
      await transaction(db, tx => fold(tx, source, findings, { io, at: clock.ms }))
    },
  }
}

/** A directory of the test's own, removed when the test ends. */
export async function ownDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'firebreak-test-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

export const STRONG = 120
export const WEAK = 20

const SERVER = 'srv-7412'
const instance = (id = SERVER): Ref => ({ system: 'postgres', instance: id, kind: 'instance', id })
export const role = (oid: string, id = SERVER): Ref => ({
  system: 'postgres',
  instance: id,
  kind: 'role',
  id: oid,
})
export const password = (oid: string): Ref => ({ ...role(oid), kind: 'password' })
/** What a text says: a role's name at an endpoint. */
export const claim = (endpoint: string, name: string): Ref => ({
  system: 'postgres',
  instance: `?${endpoint}`,
  kind: 'role',
  id: `?${name}`,
})
export const tree: Ref = { system: 'directory', instance: 'tree-1', kind: 'tree', id: 'tree-1' }

export function sawInstance(endpoints: string[], id = SERVER): Finding {
  return { see: 'resource', ref: instance(id), names: endpoints, facts: {} }
}

export function sawRole(oid: string, names: string[], id = SERVER): Finding {
  return { see: 'identity', ref: role(oid, id), names, facts: {} }
}

export function sawPassword(oid: string): Finding {
  return { see: 'credential', ref: { ...password(oid), identity: role(oid) }, facts: {} }
}

export interface CopySpec {
  value: string
  path: string
  claims?: Ref
  strengthBits?: number
  kind?: string
  confidence?: number
  preview?: string
  facts?: Record<string, string>
  at?: string
  version?: string
}

export function sawCopy(spec: CopySpec): Finding {
  const place: PlaceRef = {
    in: tree,
    path: spec.path,
    version: spec.version ?? `sha256:${spec.path}`,
    slots: [{ part: 'value', at: spec.at ?? '0-8', encodings: [], line: 1 }],
  }
  return {
    see: 'copy',
    place,
    kind: spec.kind ?? 'postgres-url',
    secret: { fingerprint: fingerprintOf(spec.value), strengthBits: spec.strengthBits ?? STRONG },
    confidence: spec.confidence ?? 0.9,
    ...(spec.claims && { claims: spec.claims }),
    ...(spec.facts && {
      facts: Object.fromEntries(Object.entries(spec.facts).map(([name, value]) => [name, { value }])),
    }),
    ...(spec.preview !== undefined && { preview: spec.preview }),
  }
}

export function fingerprintOf(value: string): string {
  return createHmac('sha256', 'test').update(value).digest('base64url')
}

/** All that the inventory says, without ids and times, in an order of its own: two equal ones say the same. */
export async function told({ db, keys }: Pick<Estate, 'db' | 'keys'>): Promise<unknown> {
  const roots = await loadRoots(db)
  const entities = await db.selectFrom('entity').selectAll().execute()
  const credentials = await db.selectFrom('credential').selectAll().execute()
  const refs = new Map(entities.map(row => [row.id, row]))
  const values = new Map(credentials.map(row => [row.entity_id, row]))
  const called = (id: string): string => {
    const row = refs.get(id)!
    const value = values.get(id)
    if (value && row.native.startsWith('fp:'))
      return `value ${value.fingerprint} of ${value.identity_id ? called(roots.of(value.identity_id)) : 'nobody'}`
    return `${row.type} ${formatRef({ ...row, id: row.native })}`
  }
  const edges = await db.selectFrom('edge').selectAll().where('gone_at', 'is', null).execute()
  const findings = await db.selectFrom('finding').selectAll().execute()
  const coverage = await db.selectFrom('coverage').selectAll().execute()
  const policies = await db.selectFrom('policy').selectAll().execute()
  const views = await listCredentials(db, keys)
  return {
    entities: sorted(
      entities
        .filter(row => !row.native.startsWith('fp:'))
        .map(row => [called(row.id), called(roots.of(row.id)), row.gone_at]),
    ),
    credentials: sorted(
      views.map(({ id, ref: _, copies, identity, ...view }) => ({
        ...view,
        called: called(id),
        identity: identity && { ref: identity.ref, names: identity.names },
        copies: sorted(copies.map(({ id: _, ...copy }) => copy)),
      })),
    ),
    identities: sorted(
      (await listIdentities(db)).map(({ id: _, credentials, owners, ...view }) => ({
        ...view,
        owners: sorted(owners),
        credentials: sorted(credentials.map(({ id }) => called(id))),
      })),
    ),
    edges: sorted([
      ...new Set(
        edges
          .map(row => [called(roots.of(row.from_id)), called(roots.of(row.to_id)), row])
          .filter(([from, to]) => from !== to)
          .map(([from, to, row]) => {
            const { crossing, certainty, condition, why, gone_at } = row as Row<'edge'>
            return JSON.stringify([from, to, crossing, certainty, condition, why, gone_at])
          }),
      ),
    ]),
    findings: sorted(findings.map(row => [called(row.entity_id), row.check, row.why, row.ended_at])),
    coverage: sorted(coverage.map(row => [row.source_id, row.scope, row.complete, row.why])),
    policies: sorted(policies.map(row => [called(row.entity_id), row.language, row.text])),
  }
}

function sorted<T>(items: readonly T[]): T[] {
  return items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}
