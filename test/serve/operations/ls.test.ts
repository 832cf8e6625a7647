import { hostname } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { holderName } from '../../../src/core/store/holder.ts'
import { ls } from '../../../src/serve/operations/ls.ts'
import { openWorld } from './open-world.ts'

test('a run whose process was killed is shown before anything else, and how it goes on', async () => {
  const opened = await openWorld([], [])
  onTestFinished(opened.close)
  const { world } = opened
  const listed = async (what: string) => {
    const listing = await ls.run(world, ls.input.parse({ what }))
    return { listing, text: ls.text(listing, 80) }
  }
  const row = { subject: '', input: '{}', result: null, run_key: null, sealed_secret: null, ended_at: null }
  const until = Date.now() + 60_000
  // No process has that number.
  const gone = `${hostname()}:${2 ** 22 + 1}:1`
  for (const [id, state, claimed_by] of [
    ['killed', 'running', gone],
    ['alive', 'running', holderName()],
    ['put-down', 'running', null],
    ['ended', 'done', gone],
  ] as const)
    await world.db
      .insertInto('run')
      .values({
        ...row,
        id,
        kind: 'contain',
        state,
        claimed_by,
        claim_epoch: 1,
        claim_until: until,
        created_at: 0,
      })
      .execute()
  for (const what of ['credentials', 'findings', 'runs']) {
    const { listing, text } = await listed(what)
    expect(listing.brokenOff.map(({ id }) => id)).toEqual(['killed'])
    expect(text).toMatch(/^Broken off: whoever worked on these is gone\.\n.*\nkilled /)
    expect(text).toContain('firebreak contain --resume RUN')
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  }
  await world.db.updateTable('run').set({ claimed_by: null }).where('id', '=', 'killed').execute()
  expect((await listed('credentials')).text).not.toContain('Broken off')
})
