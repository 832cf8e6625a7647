import { expect, test } from 'vitest'
import { subjectCredentials } from '../../../src/act/incident/subject.ts'
import { formatRef } from '../../../src/core/contract/ref.ts'
import { openEstate, password, sawInstance, sawPassword, sawRole } from '../../know/estate.ts'

test('who has only what has ended is told so, and by which name that is asked for', async () => {
  const estate = await openEstate()
  const found = (subject: string) => subjectCredentials(estate.db, estate, { subject })
  const ref = formatRef(password('16400'))
  await estate.fold(await estate.source(), [
    sawInstance(['db.acme.test:5432']),
    sawRole('16400', ['app_orders']),
    sawPassword('16400'),
  ])
  expect(await found('app_orders')).toHaveLength(1)
  await estate.db
    .updateTable('entity')
    .set({ gone_at: estate.clock.ms })
    .where('kind', '=', 'password')
    .execute()
  await expect(found('app_orders')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('every credential of app_orders has ended'),
    advice: expect.stringContaining(ref),
  })
  expect(await found(ref)).toHaveLength(1)
})
