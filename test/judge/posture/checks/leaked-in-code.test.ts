import { expect, test } from 'vitest'
import { leakedInCode } from '../../../../src/judge/posture/checks/leaked-in-code.ts'
import { copyOf, judged, toldBy, withPassword } from './judged.ts'

test('a credential fails that stands in git; one elsewhere, one that is hardly any, and one that somebody allowed pass', async () => {
  const roles = ['1', '2', '3', '4'].flatMap(oid => withPassword(oid, {}))
  const estate = await toldBy('postgres', roles)
  await toldBy('git', [copyOf('1', 'a'), copyOf('3', 'c', { confidence: 0.3 }), copyOf('4', 'd')], estate)
  await toldBy('directory', [copyOf('2', 'b')], estate)
  await estate.db.updateTable('copy').set({ allowance: 'a test needs it' }).where('path', '=', 'd').execute()
  const { fails, counts } = await judged(estate, leakedInCode)
  expect(fails).toEqual({ role1: expect.stringContaining('git:git/a') })
  expect(counts).toMatchObject({ unknown: 0, passes: 3 })
})

test('one that is dead is not looked at', async () => {
  const estate = await toldBy('postgres', withPassword('1', {}))
  await toldBy('git', [copyOf('1', 'a')], estate)
  await estate.db.updateTable('credential').set({ state: 'dead', state_at: 1 }).execute()
  expect((await judged(estate, leakedInCode)).counts).toEqual({ fails: 0, unknown: 0, passes: 0 })
})
