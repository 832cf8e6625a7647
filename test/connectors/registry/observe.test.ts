import { expect, test } from 'vitest'
import { registryConfig } from '../../../src/connectors/registry/config.ts'
import { registry } from '../../../src/connectors/registry/connector.ts'
import { memoryRegistry } from '../../../src/connectors/registry/memory.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { coverageOf, listCredentials } from '../../../src/know/inventory/queries.ts'
import { observe } from '../../../src/know/observe/observe.ts'
import { fewRules } from '../../built-in-rules.ts'
import { testKeys } from '../../know/estate.ts'
import { made } from '../../know/readers/archive/looking.ts'
import { rules } from '../../know/readers/secrets/rules/rule-directory.ts'
import { openOwnStore } from '../../own-store.ts'

const token = rules.find(rule => rule.id === 'github-token')!.examples.positive[0]!.value

test('a secret in a layer is one credential with a copy for each image; a second look fetches new layers only', async () => {
  const { db } = await openOwnStore()
  const memory = memoryRegistry()
  const shared = await made({ 'app/.env': `TOKEN=${token}\n` }, 'l.tar', 'tar cf l.tar app')
  memory.image('acme/app', '1', [shared, 'first'])
  memory.image(
    'acme/app',
    '2',
    [shared, 'wrong'],
    `{"config":{"Env":["TOKEN=${token}"]},"rootfs":{"type":"layers","diff_ids":[]}}`,
  )
  memory.wrong.set(memory.blob('wrong'), Buffer.from('wr0ng'))
  const io = { ...realIo(), fetch: memory.fetch }
  const connection = await registry.open(registryConfig.parse({ url: memory.url }), io)
  const source = {
    id: 's',
    system: 'registry',
    instance: connection.instance,
    label: 'registry',
    config: '{}',
    cursor: null,
    created_at: 0,
    observed_at: null,
    disconnected_at: null,
    connected_at: null,
    epoch: 0,
  }
  await db.insertInto('source').values(source).execute()
  const rulesDirectory = await fewRules('github-token')
  const run = async () => {
    const before = memory.log.length
    await observe(db, source, await registry.open(registryConfig.parse({ url: memory.url }), io), {
      keys: testKeys,
      io,
      rulesDirectory,
      workers: 1,
    })
    return memory.log.slice(before).filter(line => line.includes('/blobs/')).length
  }
  expect(await run()).toBe(5)
  const [credential, ...others] = await listCredentials(db, testKeys)
  expect(others).toEqual([])
  expect(credential!.copies.map(({ place }) => `${place.path}!/${place.member ?? ''}`).sort()).toEqual([
    'acme/app:1/layer 1 of 2!/app/.env',
    'acme/app:2/config.json!/',
  ])
  const gaps = (await coverageOf(db)).skipped.map(({ what, why }) => `${what}: ${why}`)
  expect(gaps.join('\n')).toContain('acme/app:2/layer 2 of 2 is not what its digest says')
  memory.wrong.clear()
  memory.image('acme/app', '3', [shared, 'third'])
  // The one that was wrong, and the one that is new.
  expect(await run()).toBe(2)
  expect((await coverageOf(db)).skipped).toEqual([])
})
