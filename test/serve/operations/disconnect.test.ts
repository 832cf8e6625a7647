import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { claimSource, enrol } from '../../../src/know/observe/schedule.ts'
import { disconnect } from '../../../src/serve/operations/disconnect.ts'
import { observe } from '../../../src/serve/operations/observe.ts'
import { watch } from '../../../src/serve/operations/watch.ts'
import { FirebreakError } from '../../../src/core/contract/errors.ts'
import { openWorld } from './open-world.ts'

/** A system of which one is away for good. */
const place = {
  system: 'place',
  summary: 'a place',
  config: z.strictObject({ path: z.string() }),
  open: async ({ path }: { path: string }) => ({
    instance: path,
    settleSeconds: 0,
    close: async () => {},
    async *discover(): AsyncGenerator<Observation> {
      if (path.includes('old')) throw new FirebreakError('NOT_FOUND', 'it is gone')
      yield { see: 'covered', scope: path, complete: true }
    },
  }),
}

async function opened() {
  const said: string[] = []
  const { world, close } = await openWorld([place], ['github-token'], {
    say: ({ text }) => void said.push(text),
  })
  onTestFinished(close)
  for (const path of ['/srv/app', '/srv/old-app', '/srv/older'])
    await world.connections.add(world.db, 'place', { path }, path)
  const run = async (...sources: string[]) => {
    const output = await disconnect.run(world, disconnect.input.parse({ sources, by: 'ann' }))
    return { ...output, text: disconnect.text(output, 80) }
  }
  const watched = async () => {
    const output = await watch.run(world, watch.input.parse({ once: true, workers: 1 }))
    return watch.failures!(output).map(String)
  }
  return { world, run, watched, said }
}

test('a watch fails at what is gone for good until it is disconnected', async () => {
  const { run, watched } = await opened()
  expect(await watched()).toHaveLength(2)
  const { text, sources, failures } = await run('place:/srv/old-app', '/srv/older')
  expect(failures).toEqual([])
  expect(sources.map(({ source, already }) => [source, already])).toEqual([
    ['place:/srv/old-app', false],
    ['place:/srv/older', false],
  ])
  expect(text).toMatch(/^place:\/srv\/old-app is read no more; 0 copies in it count as gone\.$/m)
  expect(await watched()).toEqual([])
})

test('again it says since when, by every name', async () => {
  const { run } = await opened()
  const [first] = (await run('/srv/older')).sources
  for (const name of ['/srv/older', 'place:/srv/older', first!.id]) {
    const { sources, text } = await run(name)
    expect(sources).toEqual([{ ...first, already: true }])
    expect(text).toMatch(/^place:\/srv\/older is no source since \d{4}-\d\d-\d\d \d\d:\d\d\.$/)
  }
})

test.each([
  ['app', 'did you mean /srv/app, or /srv/old-app? firebreak ls sources shows them'],
  ['/srv/odler', 'did you mean /srv/older? firebreak ls sources shows them'],
  ['/srv/nowhere', 'firebreak ls sources shows them'],
])('no source is called %s, and those that are like it are named', async (name, advice) => {
  const { world, run } = await opened()
  await expect(run(name)).rejects.toMatchObject({ code: 'NOT_FOUND', advice })
  await expect(observe.run(world, observe.input.parse({ sources: [name] }))).rejects.toMatchObject({ advice })
  expect(await world.connections.list(world.db)).toHaveLength(3)
})

test('one that is being read keeps no other from being disconnected', async () => {
  const { world, run } = await opened()
  const { db, io } = world
  await enrol(db, io)
  const [app] = await world.connections.list(db)
  const claim = await claimSource(db, io, [app!.id], 'now')
  const { sources, failures } = await run('/srv/app', '/srv/older')
  expect(sources.map(({ source }) => source)).toEqual(['place:/srv/older'])
  expect(failures.map(String)).toEqual([expect.stringContaining('place:/srv/app is being read by the watch')])
  await claim!.release()
  expect((await run('/srv/app')).failures).toEqual([])
})
