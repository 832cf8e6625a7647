import { generateKeyPairSync } from 'node:crypto'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgres } from '../../../src/connectors/postgres/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { certificateFor } from '../../know/readers/secrets/facts/certificate-for.ts'
import { absentPostgres, postgresWorld, type PostgresWorld } from '../../laws/postgres-world.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const cert = certificateFor(privateKey, {
  subject: 'db',
  issuer: 'db',
  serial: 1,
  notAfter: new Date('2040-01-01T00:00:00Z'),
})
const key = privateKey.export({ type: 'pkcs8', format: 'pem' })

const absent = absentPostgres()
describe.skipIf(absent)(`whether TLS is offered${absent ? ` (${absent})` : ''}`, () => {
  let world: PostgresWorld
  const fronts: Server[] = []
  beforeAll(async () => {
    world = await postgresWorld()
  })
  afterAll(async () => {
    for (const front of fronts) front.close()
    await world?.stop()
  })

  /** Before the server: answers a request for TLS in its place. */
  async function front(answer: (client: Socket) => Socket | undefined) {
    const seen = { connections: 0 }
    const server = createServer(client => {
      seen.connections++
      client.on('error', () => {})
      client.once('data', request => {
        expect(request.readInt32BE(4)).toBe(80877103)
        const inner = answer(client)
        if (!inner) return
        const upstream = connect(world.server.port, '127.0.0.1')
        upstream.on('error', () => inner.destroy())
        inner.on('error', () => upstream.destroy())
        inner.pipe(upstream).pipe(inner)
      })
    })
    fronts.push(server)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const open = () => postgres.open(world.config({ port, tls: 'prefer' }), realIo())
    return { seen, open }
  }

  test('it is taken', async () => {
    let encrypted = 0
    const { open } = await front(client => {
      client.write('S')
      const secure = new TLSSocket(client, { isServer: true, cert, key })
      secure.once('secure', () => encrypted++)
      return secure
    })
    const connection = await open()
    expect(encrypted).toBe(1)
    await connection.close()
  })

  test('where there is none, the same connection goes on in clear', async () => {
    const { seen, open } = await front(client => {
      client.write('N')
      return client
    })
    const connection = await open()
    expect(seen.connections).toBe(1)
    await connection.close()
  })

  test.each([
    ['more than an answer', 'Nabc'],
    ['another answer', 'E'],
  ])('%s is not believed', async (_, text) => {
    const { open } = await front(client => {
      client.write(text)
      return undefined
    })
    await expect(open()).rejects.toMatchObject({ code: 'UNREACHABLE' })
  })

  test('who hangs up instead of answering cannot be reached', async () => {
    const { open } = await front(client => {
      client.destroy()
      return undefined
    })
    await expect(open()).rejects.toMatchObject({ code: 'UNREACHABLE' })
  })
})
