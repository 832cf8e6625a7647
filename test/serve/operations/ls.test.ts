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

test('credentials fit the line, named by the beginning of their fingerprint or by all of their reference', () => {
  const one = { kind: 'password', preview: null, state: 'unknown', confidence: null, copies: 0 }
  const ref = `redis:mark-${'80b5382798d9d543'.repeat(2)}/password/app_cart`
  const listing = {
    what: 'credentials' as const,
    credentials: [
      { ...one, ref, fingerprint: null, identity: 'app_cart' },
      { ...one, ref: 'x:1/2/3', fingerprint: 'fp_WFfKmRclL0BsKbfv8W8S5z', identity: 'app_cart' },
    ],
    coverage: { searched: [], skipped: [] },
    stuck: [],
    brokenOff: [],
  }
  const lines = ls.text(listing, 80).split('\n')
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
  expect(lines).toContain(ref)
  expect(lines[lines.indexOf('fp_WFfKmRcl') + 1]).toMatch(/^ +password +app_cart/)
})
