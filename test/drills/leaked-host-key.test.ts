import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { contain } from '../../src/act/incident/contain.ts'
import { directory } from '../../src/connectors/directory/connector.ts'
import type { Connector } from '../../src/core/contract/connector.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { loadCrossingRules } from '../../src/know/graph/crossing-rules.ts'
import { loadGraph } from '../../src/know/graph/load-graph.ts'
import { certaintyAt, nodeAt, reach } from '../../src/know/graph/reach.ts'
import { nodeViews } from '../../src/know/graph/views.ts'
import { listCredentials } from '../../src/know/inventory/queries.ts'
import { observe } from '../../src/know/observe/observe.ts'
import { availableSshd, INSTALL_SSHD, startSshd } from '../connectors/ssh/sshd.ts'
import { ownDirectory, testKeys } from '../know/estate.ts'
import { memoryStore } from '../memory-store.ts'

const RULES = fileURLToPath(new URL('../../rules', import.meta.url))

/** What OpenSSH's client says of a machine that it is led to: it wants no other host key than what known_hosts has. */
function led(port: number, knownHosts: string): Promise<string> {
  const options = [
    `UserKnownHostsFile=${knownHosts}`,
    'GlobalKnownHostsFile=none',
    'StrictHostKeyChecking=yes',
    'HostKeyAlias=web1.example.com',
    'BatchMode=yes',
    'IdentityFile=none',
    'IdentityAgent=none',
  ]
  const args = ['-F', 'none', '-p', String(port), ...options.flatMap(one => ['-o', one]), 'nobody@127.0.0.1']
  return new Promise((resolve, reject) =>
    execFile('ssh', args, (_, __, stderr) => {
      if (stderr.includes('Host key verification failed')) resolve('refused')
      else if (stderr.includes('Permission denied')) resolve('taken for the host')
      else reject(new Error(`ssh: ${stderr}`))
    }),
  )
}

test.skipIf(!availableSshd())(
  `a host key that leaked: who bears it poses as the host until clients have another (${INSTALL_SSHD})`,
  async () => {
    const host = await startSshd()
    onTestFinished(host.stop)
    const impostor = await startSshd(host.hostKeyFile)
    onTestFinished(impostor.stop)
    const leaked = await readFile(host.hostKeyFile, 'utf8')
    const path = await ownDirectory()
    const [keys, knownHosts] = [join(path, 'etc/ssh'), join(path, 'home/ci/.ssh/known_hosts')]
    await mkdir(keys, { recursive: true })
    await mkdir(join(path, 'home/ci/.ssh'), { recursive: true })
    await mkdir(join(path, 'backup'))
    await writeFile(join(path, 'etc/hostname'), 'web1\n')
    await copyFile(host.hostKeyFile, join(keys, 'ssh_host_ed25519_key'))
    await writeFile(join(keys, 'ssh_host_ed25519_key.pub'), `${host.hostKey}\n`)
    await writeFile(knownHosts, `web1.example.com ${host.hostKey}\n`)
    await writeFile(join(path, 'backup/key'), leaked)
    const rulesDirectory = await ownDirectory()
    await cp(join(RULES, 'crossings'), join(rulesDirectory, 'crossings'), { recursive: true })
    await mkdir(join(rulesDirectory, 'secrets'))
    await copyFile(join(RULES, 'secrets/private-key.yaml'), join(rulesDirectory, 'secrets/private-key.yaml'))
    const db = await memoryStore()
    const connections = new Connections([directory] as readonly unknown[] as Connector[], testKeys, realIo())
    onTestFinished(async () => {
      await connections.close()
      await db.destroy()
    })
    const world = { io: realIo(), keys: testKeys, connections, rulesDirectory }
    const source = await connections.add(db, 'directory', { path })
    const look = async () =>
      observe(db, source, await connections.open(db, source.id), { ...world, workers: 1 })
    /** What the bearer of the leaked value reaches, with how sure that is. */
    const reached = async () => {
      const graph = await loadGraph(db, await loadCrossingRules(rulesDirectory))
      const credential = (await listCredentials(db, testKeys)).find(({ copies }) =>
        copies.some(copy => copy.place.path === 'backup/key'),
      )
      const found = reach(graph, graph.ids.numberOf(credential!.id)!)
      const all = Array.from({ length: found.count }, (_, index) => index)
      const nodes = await nodeViews(
        db,
        graph,
        all.map(index => nodeAt(found, index)),
      )
      return nodes.flatMap(({ ref, names }, at) =>
        ref.kind === 'host' ? [`${names[0] ?? ref.id} ${certaintyAt(found, at)}`] : [],
      )
    }

    await look()
    expect(await led(impostor.port, knownHosts)).toBe('taken for the host')
    expect(await reached()).toContain('web1 potential')
    const refused = contain(db, world, { leakedIn: 'backup/key', mode: 'emergency', windowSeconds: 0 })
    await expect(refused).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('it is the host key of web1'),
      advice: expect.stringContaining('known_hosts'),
    })

    // As the advice says.
    const next = await startSshd()
    onTestFinished(next.stop)
    await copyFile(next.hostKeyFile, join(keys, 'ssh_host_ed25519_key'))
    await writeFile(join(keys, 'ssh_host_ed25519_key.pub'), `${next.hostKey}\n`)
    await writeFile(knownHosts, `web1.example.com ${next.hostKey}\n`)
    await look()
    expect(await led(impostor.port, knownHosts)).toBe('refused')
    expect(await led(next.port, knownHosts)).toBe('taken for the host')
    expect(await reached()).toEqual([])
  },
)
