import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { contain } from '../../src/act/incident/contain.ts'
import type { Mode } from '../../src/act/incident/incident.ts'
import { connectors } from '../../src/connectors/all.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { startSealer } from '../../src/core/evidence/sealer.ts'
import { deriveKeys } from '../../src/core/keys/keys.ts'
import { loadRootKey } from '../../src/core/keys/root-key.ts'
import { openStore } from '../../src/core/store/store.ts'
import { Connections } from '../../src/know/connections/registry.ts'

/**
 * `node contain-program.ts HOME SUBJECT MODE WINDOW_SECONDS [VERB:BOUNDARY]`: the real containment in a process of its own, which
 * kills itself (-9) at the boundary named, and tells every boundary that it passes on file descriptor 3. It is built, and
 * runs in the project's folder.
 */
const [home = '', subject = '', mode = 'graceful', windowSeconds = '0', killAt] = process.argv.slice(2)
const io = realIo()
const keys = deriveKeys(await loadRootKey(join(home, 'key'), io))
const db = await openStore(process.env['DATABASE_URL'] || join(home, 'firebreak.db'))
const sealer = startSealer(db, keys.signer, io, error => {
  throw error
})
const connections = new Connections(connectors, keys, io)
const report = await contain(
  db,
  {
    io,
    keys,
    connections,
    rulesDirectory: join(process.cwd(), 'rules'),
    cacheDirectory: home,
    onBoundary(step, boundary, error) {
      writeSync(3, `${step.verb}:${boundary}${error ? ` ${error}` : ''}\n`)
      if (`${step.verb}:${boundary}` === killAt) process.kill(process.pid, 'SIGKILL')
    },
  },
  { subject, mode: mode as Mode, windowSeconds: Number(windowSeconds) },
)
await connections.close()
await sealer.stop()
await db.destroy()
writeSync(1, JSON.stringify(report))
process.exit(report.contained ? 0 : 1)
