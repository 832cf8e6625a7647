import { expect, test } from 'vitest'
import { identitiesInBrief } from '../../../src/know/inventory/identity-list.ts'
import { listIdentities } from '../../../src/know/inventory/queries.ts'
import { openEstate, sawCopy, sawPassword, sawRole, role } from '../estate.ts'

test('a list in brief has the same identities, names and credentials as the whole one', async () => {
  const estate = await openEstate()
  const [server, files] = [await estate.source('server'), await estate.source('files')]
  await estate.fold(server, [
    sawRole('1', ['app']),
    sawPassword('1'),
    sawRole('2', ['reader', 'read-only']),
    sawRole('3', ['idle']),
  ])
  await estate.fold(files, [sawCopy({ value: 'some-value', path: 'a.env', claims: role('2') })])
  const whole = (await listIdentities(estate.db)).map(({ id, ref, names, credentials }) => ({
    id,
    ref,
    names,
    credentials: credentials.length,
  }))
  expect(whole.map(({ credentials }) => credentials).sort()).toEqual([0, 1, 1])
  expect(await identitiesInBrief(estate.db)).toEqual(whole)
})
