import { cp, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Connector, ConnectorLoaders } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { Connections } from '../../../src/know/connections/registry.ts'
import type { World } from '../../../src/serve/operations/operation.ts'
import { testKeys } from '../../know/estate.ts'
import { memoryStore } from '../../memory-store.ts'

const RULES = fileURLToPath(new URL('../../../rules', import.meta.url))

/**
 * What operations run in, with a store in memory and a folder of its own; whoever is asked for a secret gives none. Of the
 * rules for secrets it has those named, which are read faster than all.
 */
export async function openWorld(
  connectors: ConnectorLoaders | readonly unknown[],
  secretRules: readonly string[],
  overrides: Partial<World> = {},
): Promise<{ readonly world: World; close(): Promise<void> }> {
  const home = await mkdtemp(join(tmpdir(), 'firebreak-world-'))
  const rulesDirectory = join(home, 'rules')
  await cp(join(RULES, 'crossings'), join(rulesDirectory, 'crossings'), { recursive: true })
  await copyFile(join(RULES, 'frameworks.yaml'), join(rulesDirectory, 'frameworks.yaml'))
  await mkdir(join(rulesDirectory, 'secrets'))
  for (const name of secretRules)
    await copyFile(join(RULES, 'secrets', `${name}.yaml`), join(rulesDirectory, 'secrets', `${name}.yaml`))
  const db = await memoryStore()
  const io = realIo()
  const connections = new Connections(connectors as ConnectorLoaders | readonly Connector[], testKeys, io)
  return {
    world: {
      home,
      db,
      keys: testKeys,
      io,
      connections,
      rulesDirectory,
      version: '0',
      existingKeys: async () => testKeys,
      openChange: () => Promise.reject(new Error('nothing is looked at')),
      serveHttp: () => Promise.reject(new Error('nothing is served')),
      serveWorkloadApi: () => Promise.reject(new Error('nothing is served')),
      takeSignals: () => () => {},
      progress: () => {},
      say: () => {},
      readInput: () => {
        throw new Error('nothing is piped in')
      },
      readSecret: () => Promise.reject(new Error('nobody is there')),
      ...overrides,
    },
    async close() {
      await connections.close()
      await db.destroy()
      await rm(home, { recursive: true, force: true })
    },
  }
}
