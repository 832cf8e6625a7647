import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { allConnectors, connectors } from '../../src/connectors/all.ts'

test('each connector stands under the name of its system, and each folder has one', async () => {
  const names = Object.keys(connectors)
  expect((await allConnectors()).map(({ system }) => system)).toEqual(names)
  const folders = readdirSync(new URL('../../src/connectors', import.meta.url), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(({ name }) => name)
  // What rules declare is connected by nobody.
  expect(folders.toSorted()).toEqual([...names, 'declared'].toSorted())
})

test('what each is for begins as all that is listed with it does', async () => {
  for (const { summary } of await allConnectors()) expect(summary).toMatch(/^[A-Z].*[^.]$/)
})
