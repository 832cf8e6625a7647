import { expect, test } from 'vitest'
import { noLogCoversUse } from '../../../../src/judge/posture/checks/no-log-covers-use.ts'
import { judged, toldBy, withPassword } from './judged.ts'

test('a kind of which no use is told fails; where it is told of others of the kind it is unknown of one', async () => {
  const none = await judged(await toldBy('postgres', withPassword('1', {})), noLogCoversUse)
  expect(none.fails).toEqual({ role1: expect.stringContaining('password of postgres') })
  const used = withPassword('1', { lastUsed: '2026-01-01T00:00:00Z' })
  const some = await judged(await toldBy('postgres', [...used, ...withPassword('2', {})]), noLogCoversUse)
  expect(some.counts).toEqual({ fails: 0, unknown: 1, passes: 1 })
})
