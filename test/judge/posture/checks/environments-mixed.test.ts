import { expect, test } from 'vitest'
import { environmentsMixed } from '../../../../src/judge/posture/checks/environments-mixed.ts'
import { copyOf, judged, toldBy, withPassword } from './judged.ts'

test('one value in production and elsewhere fails; what names one environment alone passes; what stands beside it without one is unknown', async () => {
  const estate = await toldBy(
    'postgres',
    ['1', '2', '3', '4'].flatMap(oid => withPassword(oid, {})),
  )
  const copies = [
    copyOf('1', 'config/prod/db.env'),
    copyOf('1', 'config/dev/db.env'),
    copyOf('2', 'config/production/db.env'),
    copyOf('2', 'products/developers.md'),
    copyOf('3', 'values-staging.yaml'),
    copyOf('4', 'app/.env'),
  ]
  const { fails, counts } = await judged(await toldBy('git', copies, estate), environmentsMixed)
  expect(Object.keys(fails)).toEqual(['role1'])
  expect(fails['role1']).toContain('config/prod/db.env')
  expect(fails['role1']).toContain('config/dev/db.env')
  expect(counts).toEqual({ fails: 1, unknown: 1, passes: 1 })
})
