import { join } from 'node:path'
import { endLease } from '../../src/act/broker/lease/end-lease.ts'
import { issueLease } from '../../src/act/broker/lease/lease.ts'
import { postgres } from '../../src/connectors/postgres/connector.ts'
import type { Connector } from '../../src/core/contract/connector.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { deriveKeys } from '../../src/core/keys/keys.ts'
import { loadRootKey } from '../../src/core/keys/root-key.ts'
import { openStore } from '../../src/core/store/store.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { openBroker } from '../../src/serve/operations/broker/open-broker.ts'
import type { World } from '../../src/serve/operations/operation.ts'

/**
 * `node broker-program.ts HOME VERB:BOUNDARY`: issues a lease and ends it, in a process of its own that kills
 * itself (-9) at the boundary named. It runs in the project's folder.
 */
const [home = '', killAt = ''] = process.argv.slice(2)
const io = realIo()
const keys = deriveKeys(await loadRootKey(join(home, 'key'), io))
const db = await openStore(process.env['DATABASE_URL'] || join(home, 'firebreak.db'))
const connections = new Connections([postgres as Connector], keys, io)
const rulesDirectory = join(process.cwd(), 'rules')
const world = { db, io, keys, connections, home, rulesDirectory, progress: () => {} } as Partial<World>
const broker = {
  ...(await openBroker(world as World, join(home, 'broker.yaml'))),
  onBoundary(step: { verb: string }, boundary: string) {
    if (`${step.verb}:${boundary}` === killAt) process.kill(process.pid, 'SIGKILL')
  },
}
const workload = { issuer: 'local', subject: killAt, claims: {} }
const { lease } = await issueLease(db, broker, workload, { name: 'postgres:orders' })
await endLease(db, broker, lease.id, 'its task is over')
process.exit(0)
