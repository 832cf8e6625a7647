import { expect, test } from 'vitest'
import { credentialInPersonalFile } from '../../../../src/judge/posture/checks/credential-in-personal-file.ts'
import { copyOf, judged, toldBy, withPassword } from './judged.ts'

test('what stands where a person’s shell and tools keep it fails; what a program reads passes', async () => {
  const estate = await toldBy(
    'postgres',
    ['1', '2', '3'].flatMap(oid => withPassword(oid, {})),
  )
  const copies = [copyOf('1', 'jane/.psql_history'), copyOf('2', '.pgpass'), copyOf('3', 'deploy/.env')]
  const { fails, counts } = await judged(await toldBy('directory', copies, estate), credentialInPersonalFile)
  expect(Object.keys(fails).sort()).toEqual(['role1', 'role2'])
  expect(counts).toEqual({ fails: 2, unknown: 0, passes: 1 })
})
