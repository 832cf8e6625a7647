import { expect, test } from 'vitest'
import { copyInChat } from '../../../../src/judge/posture/checks/copy-in-chat.ts'
import { copyOf, judged, toldBy, withPassword } from './judged.ts'

test('a credential fails that stands in slack; one elsewhere, one that is hardly any, and one that somebody allowed pass', async () => {
  const roles = ['1', '2', '3', '4'].flatMap(oid => withPassword(oid, {}))
  const estate = await toldBy('postgres', roles)
  await toldBy('slack', [copyOf('1', 'a'), copyOf('3', 'c', { confidence: 0.3 }), copyOf('4', 'd')], estate)
  await toldBy('git', [copyOf('2', 'b')], estate)
  await estate.db.updateTable('copy').set({ allowance: 'a test needs it' }).where('path', '=', 'd').execute()
  const { fails, counts } = await judged(estate, copyInChat)
  expect(fails).toEqual({ role1: expect.stringContaining('slack:slack/a') })
  expect(counts).toMatchObject({ unknown: 0, passes: 3 })
})

test('one that is dead is not looked at', async () => {
  const estate = await toldBy('postgres', withPassword('1', {}))
  await toldBy('slack', [copyOf('1', 'a')], estate)
  await estate.db.updateTable('credential').set({ state: 'dead', state_at: 1 }).execute()
  expect((await judged(estate, copyInChat)).counts).toEqual({ fails: 0, unknown: 0, passes: 0 })
})
