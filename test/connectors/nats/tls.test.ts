import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nats } from '../../../src/connectors/nats/connector.ts'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { isFirebreakError } from '../../../src/core/contract/errors.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { selfSigned } from '../../self-signed.ts'
import { requireServer } from '../../servers.ts'
import { availableNats, INSTALL_NATS, type NatsServer, startNats } from './nats-server.ts'

const needed = requireServer('NATS', availableNats(), INSTALL_NATS)
const ROLES = { orders: { pub: { allow: ['orders.>'] } } }

describe.skipIf(needed.skip)(`NATS over TLS ${needed.reason}`, () => {
  let ofServer: { certificate: string; key: string }
  let ofClient: typeof ofServer
  let spoken: NatsServer
  let demanded: NatsServer
  let plain: NatsServer

  beforeAll(async () => {
    ;[ofServer, ofClient] = await Promise.all([selfSigned('server'), selfSigned('client')])
    ;[spoken, demanded, plain] = await Promise.all([
      startNats(ROLES, { tls: ofServer }),
      startNats(ROLES, { tls: { ...ofServer, clients: ofClient.certificate } }),
      startNats(ROLES),
    ])
  })
  afterAll(() => Promise.all([spoken, demanded, plain].map(server => server?.stop())))

  const open = (server: NatsServer, settings: object) =>
    nats.open(
      nats.config.parse({
        path: server.keys,
        account: server.account,
        host: '127.0.0.1',
        port: server.port,
        ...settings,
      }),
      realIo(),
    )
  /** What opening it says, where it fails. */
  const failure = async (server: NatsServer, settings: object) => {
    let opened: Connection | undefined
    try {
      opened = await open(server, settings)
      return 'opened'
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      return `${error.code} ${error.message}`
    } finally {
      await opened?.close()
    }
  }

  test.each(['with a user of its own', 'that demands a certificate'])('a server %s', async which => {
    const server = which === 'that demands a certificate' ? demanded : spoken
    const own = { tlsCert: ofClient.certificate, tlsKey: new Secret(ofClient.key) }
    const connection = await open(server, {
      tlsCa: ofServer.certificate,
      ...(server === demanded && own),
    })
    const role = { system: 'nats', instance: server.account, kind: 'role', id: server.roles['orders']! }
    const issued = await connection.issue!({
      name: 'run-1:issue',
      like: { ...role, identity: role },
      scopes: [],
      ttlSeconds: 60,
      before: null,
    })
    expect(await connection.verify!(issued.ref, issued.secret)).toMatchObject({ state: 'live' })
    await connection.revoke!(issued.ref)
    expect(await connection.verify!(issued.ref, issued.secret)).toMatchObject({ state: 'dead' })
    await connection.close()
  })

  test('a server whose certificate does not hold is not spoken to, whether or not TLS was asked for', async () => {
    for (const tls of [false, true])
      expect(await failure(spoken, { tls })).toMatch(/^UNREACHABLE .*DEPTH_ZERO_SELF_SIGNED_CERT/)
  })

  test('a certificate for another address does not hold', async () => {
    const settings = { tls: true, tlsCa: ofServer.certificate, host: 'localhost' }
    expect(await failure(spoken, settings)).toMatch(/^UNREACHABLE .*ERR_TLS_CERT_ALTNAME_INVALID/)
  })

  test('a server that demands a certificate lets nobody in without one', async () => {
    expect(await failure(demanded, { tls: true, tlsCa: ofServer.certificate })).toMatch(/^UNREACHABLE /)
  })

  test('a server that speaks no TLS is left alone where it is demanded', async () => {
    expect(await failure(plain, {})).toBe('opened')
    expect(await failure(plain, { tls: true })).toMatch(/^UNREACHABLE .*speaks no TLS/)
  })
})
