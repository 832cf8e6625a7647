import { expect, test } from 'vitest'
import { authorsOf } from '../../../src/judge/ownership/code.ts'
import { openOwnStore } from '../../own-store.ts'

/** One has what separates the values of a page, and one begins as another one ends. */
const PATHS = ['src/a.ts', 'b/src/a.ts', 'a\x1fb', 'schlüssel/日本.env', 'never/written']

test('who wrote a file is the same, whether each is looked up or all that was written is read', async () => {
  const { db, close } = await openOwnStore()
  for (const id of ['s1', 's2'])
    await db
      .insertInto('source')
      .values({
        id,
        system: 'git',
        instance: id,
        label: id,
        config: '{}',
        cursor: null,
        created_at: 0,
        observed_at: null,
      })
      .execute()
  const rows = ['s1', 's2'].flatMap(source_id =>
    PATHS.slice(0, 4).flatMap((path, file) =>
      [0, 1, 2].map(version => ({
        source_id,
        document: `d${file}.${version}`,
        path,
        commit: `c${version}`,
        author: version === 2 ? null : `${source_id} Jörg${version}@acme.example`,
        at: file === 1 && version === 1 ? null : -5 + file * 1000 + version,
        at_head: 1,
        last_seen: 0,
      })),
    ),
  )
  await db.insertInto('occurrence').values(rows).execute()
  const places = [...PATHS, PATHS[0]!].map(path => ({ sourceId: 's1', containerId: 'r', path }))
  for (const many of [0, 100]) {
    const authors = await authorsOf(db, places, many)
    expect(authors.files).toBe(PATHS.length)
    for (const place of places)
      expect(authors.of(place).toSorted((a, b) => a.at - b.at)).toEqual(
        rows.flatMap(({ source_id, path, author, at }) =>
          source_id === 's1' && path === place.path && author !== null && at !== null ? [{ author, at }] : [],
        ),
      )
    expect(authors.of({ sourceId: 's2', containerId: 'r', path: PATHS[0]! })).toEqual([])
  }
  await close()
})
