import { expect } from 'vitest'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { transaction } from '../../src/core/store/store.ts'
import { sayOwner } from '../../src/know/inventory/owner-word.ts'
import { PASSWORD } from './shop.ts'
import type { Scene, Stage } from './stage.ts'

export const DAY_MS = 86_400_000
/** Suspends what nobody answers for, and what else is said. */
export const rules = (more = '') => `require:
  - automatic: { suspend: [orphan, departed, conflict], grace: 14d, notice: 7d${more} }
`

/** Of two that nobody owns, one is somebody's: the other is what the tests are about. */
export async function beginUnowned(stage: Stage, text: string, owned = ['billing']): Promise<Scene> {
  const scene = await stage.begin()
  await scene.db
    .insertInto('requirement')
    .values({ id: 'r', text, file: 'r.yaml', said_by: 'ann', at: 0 })
    .execute()
  for (const name of owned) await own(scene, name)
  return scene
}

export async function idOf(scene: Scene, name: string): Promise<string> {
  const { entity_id } = await scene.db
    .selectFrom('name')
    .innerJoin('entity', 'entity.id', 'name.entity_id')
    .select('name.entity_id')
    .where('name', '=', name)
    .where('entity.type', '=', 'identity')
    .executeTakeFirstOrThrow()
  return entity_id
}

export async function own(scene: Scene, name: string): Promise<void> {
  const entityId = await idOf(scene, name)
  await transaction(scene.db, tx => sayOwner(tx, realIo(), { entityId, owner: 'payments', by: 'ann' }))
}

/** What was told of one of them. */
export const told = (events: Awaited<ReturnType<Scene['automatic']>>, name = 'orders') =>
  events.filter(one => one.name === name).map(({ event, action, why }) => [`${action} ${event}`, why])
/** Whether the password lets anybody in now. */
export const opens = ({ estate }: Scene, name = 'orders', password = PASSWORD) => {
  const session = estate.server.login(name, new Secret(password))
  if (session) session.alive = false
  return session !== undefined
}
/** Why anything is held. */
export const held = async (scene: Scene) =>
  (await scene.db.selectFrom('hold').select('why').where('lifted_at', 'is', null).execute()).map(
    ({ why }) => why,
  )

/** It is announced, and its time has come. */
export async function untilSuspended(scene: Scene): Promise<void> {
  expect(told(await scene.automatic())).toEqual([['suspend announced', expect.any(String)]])
  await scene.estate.time.sleep(15 * DAY_MS)
}
