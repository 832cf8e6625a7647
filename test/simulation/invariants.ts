import { sql } from 'kysely'
import { expect } from 'vitest'
import type { ContainReport } from '../../src/act/incident/report.ts'
import { scopesOf } from '../../src/connectors/postgres/role-state.ts'
import type { MemoryRole } from '../../src/connectors/postgres/memory.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { countUnsealed, readCheckpoints, sealedEntries } from '../../src/core/evidence/export.ts'
import { sealEvidence } from '../../src/core/evidence/sealer.ts'
import { verifyEvidence } from '../../src/core/evidence/verify.ts'
import type { Db } from '../../src/core/store/store.ts'
import { testKeys } from '../know/estate.ts'
import type { Estate } from './estate.ts'

/** What was contained: the role, its leaked password, and the files that had to get the new one. */
export interface Contained {
  readonly role: MemoryRole
  readonly leaked: string
  readonly places: readonly string[]
  /** The role's rights as they were. */
  readonly scopes: readonly string[]
}

export function rightsOf(role: MemoryRole): string[] {
  // That it may log in is what was taken from it for good.
  return scopesOf(role.state)
}

/** How a containment must end, whatever came between: asked of the systems, the journal, the evidence, the store. */
export async function mustBeContained(
  db: Db,
  estate: Estate,
  report: ContainReport,
  contained: readonly Contained[],
): Promise<void> {
  const all = JSON.stringify(report, null, 1)
  expect(report.state, all).toBe('done')
  expect(report.contained, all).toBe(true)
  const secrets: string[] = []
  for (const { role, leaked, places, scopes } of contained) {
    const name = role.name
    expect(estate.server.login(name, new Secret(leaked)), `the leaked password of ${name}`).toBeUndefined()
    expect(role.state.attributes.login, `${name} may log in`).toBe(false)
    const issued = estate.issuedFor(role)
    // What could be given to nobody must not stand: its value is erased, and a person is told.
    expect(issued, `what stands in place of ${name}`).toHaveLength(places.length > 0 ? 1 : 0)
    const isWithout = report.outstanding.some(told => !told.includes('the old one stands still in'))
    expect(isWithout, all).toBe(contained.some(each => each.places.length === 0))
    for (const path of places) {
      const written = loginIn(
        estate.text(path),
        issued.map(each => each.name),
      )
      expect(written?.name, `${path} names what was issued for ${name}`).toBe(issued[0]?.name)
      const session = estate.server.login(written?.name ?? '', new Secret(written?.password ?? ''))
      expect(session, `what stands in ${path} is accepted`).toBeDefined()
      if (session) session.alive = false
      secrets.push(written?.password ?? '')
    }
    secrets.push(leaked)
    expect(rightsOf(role), `the rights of ${name}`).toEqual(scopes)
  }
  await mustBeClosed(db, report)
  await mustHold(db)
  await mustNotStandIn(db, secrets, all)
}

/** The first login of one of these names in a text. */
export function loginIn(
  text: string,
  names: readonly string[],
): { name: string; password: string } | undefined {
  for (const [, name = '', password = ''] of text.matchAll(/postgres:\/\/([^:]+):([^@]+)@/g))
    if (names.includes(name)) return { name, password }
  return undefined
}

/** Every step over, every secret of the run erased, nothing held any more. */
export async function mustBeClosed(db: Db, report: ContainReport): Promise<void> {
  const run = await db.selectFrom('run').selectAll().where('id', '=', report.run).executeTakeFirstOrThrow()
  expect(run).toMatchObject({ state: 'done', run_key: null, sealed_secret: null, claimed_by: null })
  const steps = await db.selectFrom('step').selectAll().where('run_id', '=', report.run).execute()
  for (const step of steps) {
    expect(['verified', 'skipped'], `${step.key}: ${step.error}`).toContain(step.state)
    expect(step, step.key).toMatchObject({ sealed_secret: null, error: null })
  }
  const holds = await db.selectFrom('hold').selectAll().where('lifted_at', 'is', null).execute()
  expect(holds).toEqual([])
}

export async function mustHold(db: Db): Promise<void> {
  await sealEvidence(db, testKeys.signer, { now: () => new Date() })
  const verdict = await verifyEvidence(sealedEntries(db), await readCheckpoints(db), {
    publicKey: testKeys.signer.publicKey,
    unsealed: await countUnsealed(db),
  })
  expect(verdict).toMatchObject({ ok: true, unsealed: 0, problems: [] })
}

/** Not in any row, nor in what is told to people: neither as it is, nor encoded. */
export async function mustNotStandIn(db: Db, secrets: readonly string[], told: string): Promise<void> {
  const texts = [told]
  for (const name of await tableNames(db)) {
    const { rows } = await sql`select * from ${sql.id(name)}`.execute(db)
    texts.push(JSON.stringify(rows))
  }
  const text = texts.join('\n')
  for (const secret of secrets)
    for (const form of [
      secret,
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      Buffer.from(secret).toString('hex'),
    ])
      expect(text.includes(form), 'a secret stands in the store or in the report').toBe(false)
}

/** Every table of ours, by name. */
async function tableNames(db: Db): Promise<string[]> {
  const { rows } = await sql<{
    name: string
  }>`select name from sqlite_schema where type = 'table' and name not like 'kysely%' and name not like 'sqlite%'`.execute(
    db,
  )
  return rows.map(row => row.name)
}
