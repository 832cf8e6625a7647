import { posix } from 'node:path'
import { registryConfig } from '../../src/connectors/registry/config.ts'
import { registry } from '../../src/connectors/registry/connector.ts'
import { memoryRegistry } from '../../src/connectors/registry/memory.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { documentLaws } from './document-laws.ts'

documentLaws({
  name: 'a registry in memory that asks for a login',
  start() {
    const memory = memoryRegistry()
    memory.login = { username: 'ci', password: ['pull', 'only', '7Hq2'].join('-') }
    // Blobs are sent for elsewhere, where the token must not go.
    memory.redirects = true
    const config = registryConfig.parse({
      url: memory.url,
      username: memory.login.username,
      password: new Secret(memory.login.password),
    })
    const called = new Map<string, string>()
    let tag = 0
    return {
      open: () => registry.open(config, { ...realIo(), fetch: memory.fetch, sleep: async () => {} }),
      // Each folder is a repository, and what is put there at once an image of as many layers.
      put(files) {
        tag++
        for (const [folder, paths] of Map.groupBy(Object.keys(files), posix.dirname)) {
          const repository = folder === '.' ? 'root' : folder
          memory.image(
            repository,
            String(tag),
            paths.map(path => files[path]!),
          )
          for (const [index, path] of paths.entries())
            called.set(path, `${repository}:${tag}/layer ${index + 1} of ${paths.length}`)
        }
      },
      called: path => called.get(path) ?? path,
      vanish() {
        memory.reachable = false
      },
      stop: () => {},
    }
  },
})
