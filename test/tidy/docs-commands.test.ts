import { type ChildProcess, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  availablePostgres,
  type PostgresServer,
  startPostgres,
} from '../../src/serve/operations/drill/postgres-server.ts'
import { freePort } from '../../src/serve/operations/drill/server-process.ts'
import {
  availableRedis,
  INSTALL_REDIS,
  type RedisServer,
  startRedis,
} from '../../src/serve/operations/drill/redis-server.ts'
import {
  ADMIN,
  availableMariadb,
  INSTALL_MARIADB,
  type MariadbServer,
  startMariadb,
} from '../connectors/mariadb/mariadb-server.ts'
import { availableNats, INSTALL_NATS, type NatsServer, startNats } from '../connectors/nats/nats-server.ts'
import { availableSshd, INSTALL_SSHD, type Sshd, startSshd } from '../connectors/ssh/sshd.ts'
import { availableNginx, INSTALL_NGINX, makeNginx, type Nginx } from '../connectors/x509/nginx.ts'
import { requireServer } from '../servers.ts'
import { type Stage, setStage } from '../stage.ts'
import { projectFiles, readSource } from './sources.ts'

/** A command of a page, in order, with the servers that its block says it needs, and a program that it runs. */
interface DocumentedCommand {
  readonly line: string
  readonly needs: readonly string[]
}

function commandsOf(page: string): DocumentedCommand[] {
  return [...readSource(page).matchAll(/^```console([^\n]*)\n([\s\S]*?)^```/gm)].flatMap(block =>
    block[2]!
      .split('\n')
      .filter(line => line.startsWith('$ '))
      .map(line => ({
        line: line.slice(2),
        needs: [...block[1]!.split(' ').filter(Boolean), ...(line.includes(' -- psql ') ? ['psql'] : [])],
      })),
  )
}

const pages = projectFiles()
  .filter(path => path.endsWith('.md'))
  .filter(page => commandsOf(page).length > 0)
const servers: Readonly<Record<string, ReturnType<typeof requireServer>>> = {
  redis: requireServer('Redis', availableRedis() !== undefined, INSTALL_REDIS),
  postgres: requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql'),
  ssh: requireServer('OpenSSH’s server', availableSshd(), INSTALL_SSHD),
  nginx: requireServer('nginx', availableNginx(), INSTALL_NGINX),
  mariadb: requireServer('MariaDB', availableMariadb(), INSTALL_MARIADB),
  nats: requireServer('NATS', availableNats(), INSTALL_NATS),
  // The npm package that brings PostgreSQL's server does not bring it.
  psql: requireServer(
    'psql',
    spawnSync('psql', ['--version']).status === 0,
    'apt-get install postgresql-client',
  ),
}

/** As after the first minutes with it; pages that begin there do it themselves. */
async function firstScan(stage: Stage): Promise<void> {
  const { exit, stderr } = await stage.run('firebreak scan .')
  expect(exit, stderr).toBe(1)
}

let scanned: Promise<{ stage: Stage; restore: () => Promise<void> }> | undefined

/** Pages that need no server of PostgreSQL find the same, each anew. */
async function afterFirstScan(): Promise<Stage> {
  scanned ??= setStage().then(async stage => {
    await firstScan(stage)
    return { stage, restore: await stage.keep() }
  })
  const { stage, restore } = await scanned
  await restore()
  return stage
}
afterAll(async () => (await scanned)?.stage.remove())

describe.each(pages)('%s', page => {
  const commands = commandsOf(page)
  let server: PostgresServer | undefined
  let cache: RedisServer | undefined
  let sshd: Sshd | undefined
  let nginx: Nginx | undefined
  let mariadb: MariadbServer | undefined
  let nats: NatsServer | undefined
  let environment: NodeJS.ProcessEnv = {}
  /** What a line that ends in & has started. */
  const background: { child: ChildProcess; outcome: Promise<unknown> }[] = []
  let stage: Stage

  const needs = (name: string) =>
    servers[name]?.skip === false && commands.some(command => command.needs.includes(name))

  const beginsWithScan = commands[0]!.line.startsWith('firebreak scan .')

  beforeAll(async () => {
    if (needs('postgres')) server = await startPostgres()
    stage = server || beginsWithScan ? await setStage(server) : await afterFirstScan()
    if (commands.some(({ line }) => line.includes('$BROKER_PORT')))
      environment = { ...environment, BROKER_PORT: String(await freePort()) }
    if (needs('redis')) await stageRedis()
    if (needs('ssh')) await stageSsh()
    if (needs('nginx')) await stageNginx()
    if (needs('mariadb')) await stageMariadb()
    if (needs('nats')) await stageNats()
    if (server && !beginsWithScan) await firstScan(stage)
  })
  afterAll(async () => {
    for (const { child, outcome } of background) {
      process.kill(-child.pid!, 'SIGTERM')
      await outcome
    }
    if (stage !== (await scanned)?.stage) await stage?.remove()
    await server?.stop()
    await cache?.stop()
    await sshd?.stop()
    await nginx?.stop()
    await mariadb?.stop()
    await nats?.stop()
  })

  async function stageNats(): Promise<void> {
    nats = await startNats({ orders: { pub: { allow: ['orders.>'] } } })
    environment = {
      ...environment,
      NATS_KEYS: nats.keys,
      NATS_ACCOUNT: nats.account,
      NATS_PORT: String(nats.port),
    }
  }

  async function stageMariadb(): Promise<void> {
    mariadb = await startMariadb()
    environment = {
      ...environment,
      MARIADB_PORT: String(mariadb.port),
      MARIADB_USER: ADMIN,
      MARIADB_PASSWORD: mariadb.adminPassword,
    }
  }

  /** It is not started: there is no list yet that it could read. */
  async function stageNginx(): Promise<void> {
    nginx = await makeNginx()
    environment = { ...environment, X509_CA: nginx.authority, NGINX_PORT: String(nginx.port) }
  }

  async function stageSsh(): Promise<void> {
    sshd = await startSshd()
    environment = {
      ...environment,
      SSH_CA: sshd.authority,
      SSH_PORT: String(sshd.port),
      SSH_HOST_KEY: sshd.hostKey,
    }
  }

  /** A server with a user whose password stands in the stage. */
  async function stageRedis(): Promise<void> {
    const password = randomBytes(24).toString('hex')
    const digest = createHash('sha256').update(password).digest('hex')
    cache = await startRedis({ acl: [`user app_cart on #${digest} ~cart:* +@all`] })
    const url = `redis://app_cart:${password}@127.0.0.1:${cache.port}/0`
    await writeFile(join(stage.directory, 'deploy', 'cart.env'), `REDIS_URL=${url}\n`)
    environment = {
      ...environment,
      REDIS_PORT: String(cache.port),
      REDIS_USER: cache.adminUser,
      REDIS_PASSWORD: cache.adminPassword.revealText(),
    }
  }

  test.for(commands)('$line', async ({ line, needs }, context) => {
    for (const name of needs) context.skip(servers[name]!.skip, servers[name]!.reason)
    if (line.endsWith(' &')) {
      background.push(stage.start(line.slice(0, -2), undefined, environment))
      await expect.poll(() => listens(Number(environment['BROKER_PORT']))).toBe(true)
      return
    }
    const { exit, stdout, stderr } = await stage.run(line, { environment })
    // The stage holds a leaked password, and a scan that finds something says so; its last commit brings nothing.
    expect(exit, stdout + stderr).toBe(/firebreak scan(?!.*--(staged|since))/.test(line) ? 1 : 0)
    expect(stdout + stderr).not.toContain(stage.secret)
    // A path keeps its line, so that it can be copied; a line of JSON is for programs, and one of a log has its time.
    const wide = stdout.split('\n').filter(text => text.length > 80 && text.trim().includes(' '))
    expect(wide.filter(text => !/\/|^\{|^\d{4}-\d\d-\d\dT/.test(text))).toEqual([])
  })
})

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
