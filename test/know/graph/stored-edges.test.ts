import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { drawEstate, writeEstate } from '../../../bench/graph-estate.ts'
import { openStore } from '../../../src/core/store/store.ts'
import { Ids } from '../../../src/know/graph/ids.ts'
import { readAllEdges, type StoredEdges } from '../../../src/know/graph/stored-edges.ts'

test('threads read what one would, each edge once', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'firebreak-edges-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'store')
  await writeEstate(file, drawEstate(300))
  const db = await openStore(file)
  onTestFinished(() => db.destroy())
  const ids = new Ids()
  const rows = await db.selectFrom('entity').select('id').orderBy('id').execute()
  for (const { id } of rows) ids.add(id)
  const closed = new Map([[0, new Set([1, 2, 3])]])

  const alone = await readAllEdges(db, ids, closed)
  const threads = await readAllEdges(db, ids, closed, 1)
  expect(alone).toHaveLength(1)
  expect(threads.length).toBeGreaterThan(1)
  expect(shown(threads)).toEqual(shown(alone))
  expect(shown(alone).length).toBeGreaterThan(2000)
  expect(shown(alone).filter(edge => /^0 [123] /.test(edge))).toEqual([])
  expect(new Set(threads.flatMap(({ names }) => names))).toEqual(new Set(alone[0]!.names))
})

test('a thread that cannot read is an error', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'firebreak-edges-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }))
  const file = join(directory, 'store')
  await writeEstate(file, drawEstate(20))
  const db = await openStore(file)
  const whole = await readFile(file)
  await writeFile(file, whole.fill('no page of a database', 0, 4096))
  await expect(readAllEdges(db, new Ids(), new Map(), 1)).rejects.toThrow()
  await db.destroy()
})

function shown(all: readonly StoredEdges[]): string[] {
  return all
    .flatMap(({ edges: { count, from, to, kind }, kinds }) =>
      Array.from({ length: count }, (_, at) => {
        const { crossing, certainty } = kinds[kind[at]!]!
        return `${from[at]} ${to[at]} ${certainty} ${crossing}`
      }),
    )
    .sort()
}
