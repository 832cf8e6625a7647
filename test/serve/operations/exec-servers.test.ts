import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createConnection } from 'mysql2/promise'
import { Secret } from '../../../src/core/contract/secret.ts'
import { connectors } from '../../../src/connectors/all.ts'
import { listLeases } from '../../../src/act/broker/lease/lease-view.ts'
import { observe } from '../../../src/know/observe/observe.ts'
import { exec } from '../../../src/serve/operations/exec.ts'
import {
  ADMIN,
  availableMariadb,
  INSTALL_MARIADB,
  type MariadbServer,
  startMariadb,
} from '../../connectors/mariadb/mariadb-server.ts'
import { availableNats, INSTALL_NATS, type NatsServer, startNats } from '../../connectors/nats/nats-server.ts'
import {
  ADMIN as RABBITMQ_ADMIN,
  availableRabbitmq,
  INSTALL_RABBITMQ,
  type RabbitmqServer,
  startRabbitmq,
} from '../../connectors/rabbitmq/rabbitmq-server.ts'
import { availableSshd, INSTALL_SSHD, type Sshd, startSshd } from '../../connectors/ssh/sshd.ts'
import { availableNginx, INSTALL_NGINX, makeNginx, type Nginx } from '../../connectors/x509/nginx.ts'
import { PATIENCE_MS } from '../../laws/world.ts'
import { requireServer } from '../../servers.ts'
import { openWorld } from './open-world.ts'
import { BUILT_IN_RULES, keepRulesIn } from '../../built-in-rules.ts'

/** Leases of systems whose servers are started here: what a command is given works, and is refused after it. */
let opened: Awaited<ReturnType<typeof openWorld>>
let folder: string

beforeAll(async () => {
  opened = await openWorld(connectors, [], { rulesDirectory: BUILT_IN_RULES.rulesDirectory })
  folder = await mkdtemp(join(tmpdir(), 'firebreak-exec-servers-'))
  const { home } = opened.world
  await keepRulesIn(home)
  await mkdir(join(home, 'policies'))
  await writeFile(join(home, 'policies', 'all.cedar'), 'permit(principal, action, resource);')
})
afterAll(async () => {
  await opened?.close()
  await rm(folder, { recursive: true, force: true })
})

async function offer(system: string, config: Record<string, unknown>, like: string): Promise<void> {
  const { world } = opened
  const source = await world.connections.add(world.db, system, config)
  await observe(world.db, source, await world.connections.open(world.db, source.id), {
    io: world.io,
    keys: world.keys,
    ...BUILT_IN_RULES,
    workers: 1,
  })
  await writeFile(
    join(world.home, 'broker.yaml'),
    `issuer: https://broker.example\nleases: [{ name: '${system}:test', like: ${JSON.stringify(like)} }]\n`,
  )
}

/** Runs a shell's script, in which `$OUT` is a folder; gives the lease as it stands after that. */
async function runWithLease(system: string, script: string) {
  const { world } = opened
  process.env['OUT'] = folder
  const input = { for: `${system}:test`, command: ['sh', '-c', script], scope: [] }
  const { exit, failures } = (await exec.run(world, input)) as { exit: number; failures: Error[] }
  expect({ exit, failures }).toEqual({ exit: 0, failures: [] })
  const [view] = await listLeases(world.db, true)
  return view!
}

const kept = async (name: string) => (await readFile(join(folder, name), 'utf8')).trim()

const sshd = requireServer('OpenSSH’s server', availableSshd(), INSTALL_SSHD)

describe.skipIf(sshd.skip)(`OpenSSH ${sshd.reason}`, () => {
  let server: Sshd
  beforeAll(async () => {
    server = await startSshd()
    await server.admit('deploy')
    await offer(
      'ssh',
      {
        path: server.authority,
        principals: ['deploy'],
        host: '127.0.0.1',
        port: server.port,
        hostKey: server.hostKey,
        login: server.account,
        timeoutMs: PATIENCE_MS,
      },
      'deploy',
    )
  })
  afterAll(() => server?.stop())

  test('a command logs in with a certificate, which the host refuses after it', async () => {
    const login = `ssh -F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=VERBOSE \
      -o IdentityAgent=none -p ${server.port} -i "$KEY" ${server.account}@127.0.0.1`
    const script = `cp "$FIREBREAK_KEY_FILE" "$FIREBREAK_CERTIFICATE_FILE" "$OUT"; echo "$FIREBREAK_KEY_FILE" >"$OUT/where"
      KEY=$FIREBREAK_KEY_FILE; ${login} </dev/null >/dev/null 2>"$OUT/said"; true`
    const lease = await runWithLease('ssh', script)
    expect(await kept('said')).toContain('Authenticated to 127.0.0.1')
    expect(lease).toMatchObject({ state: 'ended', proof: { state: 'dead' } })
    await expect(readFile(await kept('where'))).rejects.toThrow('ENOENT')
    // What the command has kept is of no use to it.
    const again = spawnSync('sh', ['-c', `KEY=$OUT/key; ${login} -o BatchMode=yes`], {
      encoding: 'utf8',
      input: '',
    })
    expect(again.stderr).toContain('Permission denied')
  })
})

const nginx = requireServer('nginx', availableNginx(), INSTALL_NGINX)

describe.skipIf(nginx.skip)(`nginx ${nginx.reason}`, () => {
  let server: Nginx
  beforeAll(async () => {
    server = await makeNginx()
    const { authority: path, port, pidFile } = server
    const subject = 'spiffe://firebreak.example/orders'
    const { world } = opened
    const config = { path, subjects: [subject], host: '127.0.0.1', port, pidFile, timeoutMs: PATIENCE_MS }
    // The list is there before whoever reads it.
    await world.connections.add(world.db, 'x509', config)
    await server.start()
    await offer('x509', config, subject)
  })
  afterAll(() => server?.stop())

  test('a command gets in with a certificate of its own, which the server refuses after it', async () => {
    const get = (files: string) =>
      `openssl s_client -quiet -connect 127.0.0.1:${server.port} ${files} -CAfile ${server.authority}/ca.pem 2>/dev/null`
    const asked = String.raw`printf 'GET / HTTP/1.0\r\n\r\n'`
    const lease = await runWithLease(
      'x509',
      `cp "$FIREBREAK_KEY_FILE" "$FIREBREAK_CERTIFICATE_FILE" "$OUT"
      ${asked} | ${get('-key "$FIREBREAK_KEY_FILE" -cert "$FIREBREAK_CERTIFICATE_FILE"')} >"$OUT/said"`,
    )
    expect(await kept('said')).toContain('CN=spiffe://firebreak.example/orders')
    expect(lease).toMatchObject({ state: 'ended', proof: { state: 'dead' } })
    const again = spawnSync('sh', ['-c', `${asked} | ${get('-key $OUT/key -cert $OUT/key-cert.pub')}`], {
      encoding: 'utf8',
    })
    expect(again.stdout).toContain('The SSL certificate error')
  })
})

const mariadb = requireServer('MariaDB', availableMariadb(), INSTALL_MARIADB)

describe.skipIf(mariadb.skip)(`MariaDB ${mariadb.reason}`, () => {
  let server: MariadbServer
  beforeAll(async () => {
    server = await startMariadb()
    const { port, adminPassword } = server
    const login = { host: '127.0.0.1', port, user: ADMIN, password: adminPassword }
    const admin = await createConnection({ ...login, multipleStatements: true })
    await admin.query(
      `create database shop; create table shop.orders (id int); create user orders_read account lock;
      grant select on shop.* to orders_read`,
    )
    await admin.end()
    const config = { ...login, password: new Secret(adminPassword), connectTimeoutMs: PATIENCE_MS }
    await offer('mariadb', config, 'orders_read')
  })
  afterAll(() => server?.stop())

  test('a command logs in as an account of its own, which is gone after it', async () => {
    const client =
      'mariadb --no-defaults --protocol=tcp -h "$MYSQL_HOST" -P "$MYSQL_TCP_PORT" -u "$MYSQL_USER"'
    const lease = await runWithLease(
      'mariadb',
      `echo "$MYSQL_USER" >"$OUT/user"; echo "$MYSQL_PWD" >"$OUT/password"
      ${client} -e 'select count(*) from shop.orders' >"$OUT/read"
      ${client} -e 'insert into shop.orders values (1)' 2>"$OUT/written" || true`,
    )
    expect(await kept('read')).toContain('0')
    expect(await kept('written')).toContain('denied')
    expect(lease).toMatchObject({ state: 'ended', proof: { state: 'dead' } })
    const again = createConnection({
      host: '127.0.0.1',
      port: server.port,
      user: await kept('user'),
      password: await kept('password'),
    })
    await expect(again).rejects.toThrow('Access denied')
  })
})

const nats = requireServer('NATS', availableNats(), INSTALL_NATS)

describe.skipIf(nats.skip)(`NATS ${nats.reason}`, () => {
  let server: NatsServer
  beforeAll(async () => {
    server = await startNats({ orders: { pub: { allow: ['orders.>'] }, sub: { allow: ['orders.>'] } } })
    const { keys: path, account, port } = server
    await offer('nats', { path, account, host: '127.0.0.1', port, timeoutMs: PATIENCE_MS }, 'orders')
  })
  afterAll(() => server?.stop())

  test('a command logs in as a user of its own, who is refused after it', async () => {
    const client = `
      const { connect, credsAuthenticator } = require('@nats-io/transport-node')
      const authenticator = credsAuthenticator(require('node:fs').readFileSync(process.env.NATS_CREDS))
      connect({ servers: process.env.NATS_URL, authenticator, reconnect: false }).then(async nats => {
        const heard = nats.subscribe('orders.new', { max: 1 })
        nats.publish('orders.new', 'heard')
        for await (const message of heard) console.log(message.string())
        await nats.close()
      }).catch(error => console.log(error.message))`
    await writeFile(join(folder, 'client.js'), client)
    const script = `cp "$NATS_CREDS" "$OUT/kept.creds"; echo "$NATS_CREDS" >"$OUT/where"
      echo "$NATS_URL" >"$OUT/url"; node -e "$(cat "$OUT/client.js")" >"$OUT/said"`
    const lease = await runWithLease('nats', script)
    expect(await kept('said')).toBe('heard')
    expect(lease).toMatchObject({ state: 'ended', proof: { state: 'dead' } })
    await expect(readFile(await kept('where'))).rejects.toThrow('ENOENT')
    // What the command has kept is of no use to it.
    const env = { ...process.env, NATS_CREDS: join(folder, 'kept.creds'), NATS_URL: await kept('url') }
    const again = spawnSync('node', ['-e', client], { encoding: 'utf8', env })
    expect(again.stdout).toContain('Authorization Violation')
  })
})

const rabbitmq = requireServer('RabbitMQ', availableRabbitmq(), INSTALL_RABBITMQ)

describe.skipIf(rabbitmq.skip)(`RabbitMQ ${rabbitmq.reason}`, () => {
  let server: RabbitmqServer
  beforeAll(async () => {
    server = await startRabbitmq()
    const { port, managementPort, adminPassword } = server
    const management = `http://127.0.0.1:${managementPort}`
    const authorization = `Basic ${Buffer.from(`${RABBITMQ_ADMIN}:${adminPassword}`).toString('base64')}`
    const put = async (path: string, body: object) => {
      const headers = { authorization, 'content-type': 'application/json' }
      const asked = { method: 'PUT', headers, body: JSON.stringify(body) }
      expect((await fetch(`${management}/api/${path}`, asked)).ok).toBe(true)
    }
    await put('users/stock', { password_hash: '', tags: '' })
    await put('permissions/%2F/stock', {
      configure: '^orders',
      write: '^orders|amq.default',
      read: '^orders',
    })
    const login = { host: '127.0.0.1', port, management, user: RABBITMQ_ADMIN, timeoutMs: PATIENCE_MS }
    await offer('rabbitmq', { ...login, password: new Secret(adminPassword) }, 'stock')
  })
  afterAll(() => server?.stop())

  test('a command logs in as a user of its own, with the rights of the other, who is refused after it', async () => {
    const client = `
      const [port, username, password] = process.argv.slice(1)
      require('amqplib').connect({ hostname: '127.0.0.1', port, username, password }).then(async opened => {
        const channel = await opened.createChannel()
        await channel.assertQueue('orders.new', { autoDelete: true })
        channel.sendToQueue('orders.new', Buffer.from('heard'))
        await channel.consume('orders.new', async message => {
          console.log(message.content.toString())
          await opened.close()
        }, { noAck: true })
      }).catch(error => console.log(error.message))`
    await writeFile(join(folder, 'amqp.js'), client)
    const script = `echo "$FIREBREAK_USER" >"$OUT/user"; echo "$FIREBREAK_PASSWORD" >"$OUT/password"
      node -e "$(cat "$OUT/amqp.js")" ${server.port} "$FIREBREAK_USER" "$FIREBREAK_PASSWORD" >"$OUT/said"`
    const lease = await runWithLease('rabbitmq', script)
    expect(await kept('said')).toBe('heard')
    expect(await kept('user')).not.toBe('stock')
    expect(lease).toMatchObject({ state: 'ended', proof: { state: 'dead' } })
    const login = [String(server.port), await kept('user'), await kept('password')]
    const again = spawnSync('node', ['-e', client, ...login], { encoding: 'utf8' })
    expect(again.stdout).toContain('ACCESS_REFUSED')
  })
})
