import { existsSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { markMoved, refuseMoved } from '../../../src/core/store/moved.ts'
import { transaction } from '../../../src/core/store/store.ts'
import { migrate } from '../../../src/serve/operations/migrate.ts'
import { openWorld } from './open-world.ts'
import { memoryStore } from '../../memory-store.ts'

test.each(['nonsense', '/srv/copy.db', 'mysql://a/b', 'postgre://a@b/c', 'postgres:a'])(
  'a move to %s is refused before anything is made there, as no command would open it',
  async to => {
    const { world, close } = await openWorld([], [])
    onTestFinished(close)
    await expect(migrate.run(world, migrate.input.parse({ to }))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    })
    expect(existsSync(to)).toBe(false)
  },
)

test.each([
  ['postgres://fb@db/fb', 'set DATABASE_URL to postgres://fb@db/fb;'],
  ['/srv/back/firebreak.db', 'unset DATABASE_URL, set FIREBREAK_HOME to /srv/back, and put the key there;'],
])('a move to %s leaves word of what opens it', async (place, told) => {
  const db = await memoryStore()
  onTestFinished(() => db.destroy())
  await transaction(db, tx => markMoved(tx, place))
  await expect(refuseMoved(db)).rejects.toMatchObject({ advice: expect.stringContaining(told) })
})
