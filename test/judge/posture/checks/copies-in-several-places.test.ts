import { expect, test } from 'vitest'
import { copiesInSeveralPlaces } from '../../../../src/judge/posture/checks/copies-in-several-places.ts'
import { copyOf, judged, toldBy, withPassword } from './judged.ts'

test('three places fail and two pass; one file that two directories see is one place, and a report is none', async () => {
  const estate = await toldBy(
    'postgres',
    ['1', '2', '3'].flatMap(oid => withPassword(oid, {})),
  )
  await toldBy(
    'git',
    ['a', 'b', 'c'].map(path => copyOf('1', path)),
    estate,
  )
  await toldBy(
    'git',
    ['a', 'b'].map(path => copyOf('2', path)),
    estate,
  )
  await toldBy('report', [copyOf('2', 'd')], estate)
  for (const [at, [root, paths]] of [
    ['/srv', ['app/.env', 'app/.b']],
    ['/srv/app', ['.env', '.b']],
  ].entries() as Iterable<[number, [string, string[]]]>) {
    await toldBy(
      'directory',
      paths.map(path => copyOf('3', path)),
      estate,
    )
    const last = (await estate.db.selectFrom('source').select('id').orderBy('id').execute()).at(-1)!
    await estate.db
      .updateTable('source')
      .set({ config: JSON.stringify({ path: root }), label: root })
      .where('id', '=', last.id)
      .execute()
    expect(at).toBeLessThan(2)
  }
  const { fails, counts } = await judged(estate, copiesInSeveralPlaces)
  expect(fails).toEqual({ role1: expect.stringContaining('it stands in 3 places, as in git:git/a and') })
  expect(counts).toMatchObject({ fails: 1, passes: 2 })
})
