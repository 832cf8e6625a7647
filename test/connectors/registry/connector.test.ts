import { describe, expect, test } from 'vitest'
import { registryConfig } from '../../../src/connectors/registry/config.ts'
import { registry } from '../../../src/connectors/registry/connector.ts'
import { memoryRegistry } from '../../../src/connectors/registry/memory.ts'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { isFirebreakError } from '../../../src/core/contract/errors.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { Secret } from '../../../src/core/contract/secret.ts'

function world() {
  const memory = memoryRegistry()
  const slept: number[] = []
  const io = { ...realIo(), fetch: memory.fetch, sleep: async (ms: number) => void slept.push(ms) }
  const open = (more = {}) => registry.open(registryConfig.parse({ url: memory.url, ...more }), io)
  return { memory, open, slept }
}

async function look(connection: Connection) {
  const documents = new Map<string, string>()
  const failures: string[] = []
  for await (const { path, bytes } of connection.documents!())
    try {
      const chunks: Uint8Array[] = []
      for await (const chunk of bytes()) chunks.push(chunk)
      documents.set(path, Buffer.concat(chunks).toString('latin1'))
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      failures.push(error.message)
    }
  const seen: Observation[] = []
  for await (const one of connection.discover!()) seen.push(one)
  const places = seen.flatMap(one => (one.see === 'occurrence' ? [one.path] : []))
  const gaps = seen.flatMap(one =>
    one.see === 'covered' && !one.complete && one.failed ? [`${one.scope}: ${one.why}`] : [],
  )
  return { documents, failures, seen, places, gaps }
}

describe('a container registry', () => {
  test('each layer is read once, and stands in every image that has it; of an index each platform is read', async () => {
    const { memory, open } = world()
    memory.image('acme/app', '1', ['base', 'app'])
    memory.image('acme/app', '2', ['base', 'newer'])
    memory.image('acme/app', 'latest', ['base', 'newer'])
    const arm = memory.image('acme/tool', undefined, ['base', 'arm'])
    const amd = memory.image('acme/tool', undefined, ['base', 'amd'])
    memory.index('acme/tool', '1', [
      { digest: arm, architecture: 'arm64' },
      { digest: amd, architecture: 'amd64' },
    ])
    memory.image('zeta', '1', ['base'])
    const { documents, places, seen, gaps } = await look(await open())
    expect([...documents].filter(([path]) => path.includes('layer'))).toEqual([
      ['acme/app:1/layer 1 of 2', 'base'],
      ['acme/app:1/layer 2 of 2', 'app'],
      ['acme/app:2/layer 2 of 2', 'newer'],
      ['acme/tool:1@linux-arm64/layer 2 of 2', 'arm'],
      ['acme/tool:1@linux-amd64/layer 2 of 2', 'amd'],
    ])
    expect(places).toContain('zeta:1/layer 1 of 1')
    expect(places.filter(path => path.endsWith('layer 1 of 2'))).toHaveLength(4)
    expect(seen).toContainEqual(
      expect.objectContaining({
        ref: { system: 'registry', instance: 'registry.example.org', kind: 'repository', id: 'acme/app' },
        names: ['registry.example.org/acme/app'],
        facts: { tags: { value: ['1', '2', 'latest'] }, tagCount: { value: 3 } },
      }),
    )
    expect(gaps).toEqual([])
  })

  test('a token is fetched where the registry sends for one, and goes to nobody else', async () => {
    const { memory, open } = world()
    const password = `pa55-${'q'.repeat(12)}`
    memory.login = { username: 'ci', password }
    memory.redirects = true
    memory.image('app', '1', ['layer'])
    const { documents } = await look(await open({ username: 'ci', password: new Secret(password) }))
    expect([...documents.values()]).toContain('layer')
    const elsewhere = memory.log.filter(line => line.startsWith('blobs.'))
    expect(elsewhere.length).toBeGreaterThan(0)
    expect(elsewhere.every(line => line.endsWith(' -'))).toBe(true)
    const refused = await open({ username: 'ci', password: new Secret('wrong') }).catch(
      (error: unknown) => error,
    )
    expect(isFirebreakError(refused, 'DENIED')).toBe(true)
    expect(String(refused)).not.toContain(password)
  })

  test('what is not what its digest says, or is gone, is told, and the rest is read', async () => {
    const { memory, open } = world()
    memory.image('app', '1', ['first', 'second', 'third'])
    memory.wrong.set(memory.blob('first'), Buffer.from('fir5t'))
    memory.wrong.set(memory.blob('second'), undefined)
    memory.index('broken', '1', [{ digest: `sha256:${'0'.repeat(64)}`, architecture: 'amd64' }])
    const { documents, failures, gaps } = await look(await open())
    expect([...documents.values()]).toContain('third')
    expect(failures).toEqual([
      expect.stringContaining('app:1/layer 1 of 3 is not what its digest says'),
      expect.stringContaining('has no app/blobs/sha256:'),
    ])
    expect(gaps).toEqual([expect.stringContaining('registry:registry.example.org/broken:1@linux-amd64: ')])
  })

  test('a layer that is larger than its manifest says, or than what is read, is not taken', async () => {
    const { memory, open } = world()
    memory.image('app', '1', ['layer'])
    memory.wrong.set(memory.blob('layer'), Buffer.from('layer and more'))
    expect((await look(await open())).failures).toEqual([
      expect.stringContaining('app:1/layer 1 of 1 is larger than its manifest says'),
    ])
    const { gaps } = await look(await open({ mostLayerGib: 1e-9 }))
    expect(gaps).toContain('registry:registry.example.org/app:1/layer 1 of 1: it has more than 1e-9 GiB')
  })

  test('one that lists nothing is told so, and is read by names; one that is busy is waited for', async () => {
    const { memory, open, slept } = world()
    memory.hasCatalog = false
    memory.image('app', '1', ['layer'])
    expect((await look(await open())).gaps).toEqual([
      'registry registry.example.org: catalog: it does not list its repositories: name them with --repositories',
    ])
    memory.limited = { calls: 2, seconds: 3 }
    const { documents, gaps } = await look(await open({ repositories: ['app', 'nothing'] }))
    expect([...documents.values()]).toContain('layer')
    expect(slept).toEqual([3000, 3000])
    expect(gaps).toEqual([expect.stringContaining('registry:registry.example.org/nothing: ')])
  })

  test('more tags than are read are told', async () => {
    const { memory, open } = world()
    for (const tag of ['1', '2', '3']) memory.image('app', tag, [tag])
    const { places, gaps } = await look(await open({ mostTags: 2 }))
    expect(places.filter(path => path.includes('layer'))).toEqual([
      'app:1/layer 1 of 1',
      'app:2/layer 1 of 1',
    ])
    expect(gaps).toEqual(['registry:registry.example.org/app: it has more than 2 tags'])
  })

  test('one that cannot be reached is no empty one', async () => {
    const { memory, open } = world()
    memory.reachable = false
    const error = await open().catch((reason: unknown) => reason)
    expect(isFirebreakError(error, 'UNREACHABLE')).toBe(true)
  })
})
