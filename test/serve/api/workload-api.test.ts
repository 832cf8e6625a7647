import { spawnSync } from 'node:child_process'
import { createPrivateKey, createPublicKey, type JsonWebKey, verify, X509Certificate } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { x509 } from '../../../src/connectors/x509/connector.ts'
import type { Connector } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Db } from '../../../src/core/store/store.ts'
import { Connections } from '../../../src/know/connections/registry.ts'
import { observe } from '../../../src/know/observe/observe.ts'
import { serveWorkloadApi } from '../../../src/serve/api/workload-api.ts'
import { workloadApis } from '../../../src/serve/operations/broker/workload-api.ts'
import { type BrokerStage, brokerStage } from '../../act/broker/broker-stage.ts'
import { availableNginx, INSTALL_NGINX, makeNginx, type Nginx } from '../../connectors/x509/nginx.ts'
import { testKeys } from '../../know/estate.ts'
import { requireServer } from '../../servers.ts'
import { SpiffeClient, type X509Answer } from './spiffe-client.ts'
import { BUILT_IN_RULES } from '../../built-in-rules.ts'
import { memoryStore } from '../../memory-store.ts'

const DOMAIN = 'spiffe://acme.example'
const ORDERS = `${DOMAIN}/orders`
const REPORTS = 'https://reports.example'
const BUNDLE = 'https://partner.example/bundle'
const server = requireServer('nginx', availableNginx(), INSTALL_NGINX)

describe.skipIf(server.skip)(`SPIFFE's Workload API ${server.reason}`, () => {
  let home: string
  let nginx: Nginx
  let db: Db
  let connections: Connections
  let stage: BrokerStage
  let client: SpiffeClient
  let partner: { readonly key: CryptoKey }
  const socketOf = (name: string) => join(home, name, 'api.sock')
  const sockets: { close(): Promise<void> }[] = []

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'firebreak-workload-'))
    for (const name of ['orders', 'nobody']) await mkdir(join(home, name), { mode: 0o700 })
    nginx = await makeNginx()
    db = await memoryStore()
    connections = new Connections([x509] as Connector[], testKeys, realIo())
    const { authority: path, port, pidFile } = nginx
    const source = await connections.add(db, 'x509', {
      path,
      host: '127.0.0.1',
      port,
      pidFile,
      subjects: [ORDERS],
    })
    await nginx.start()
    const reading = { io: realIo(), keys: testKeys, ...BUILT_IN_RULES, workers: 0 }
    await observe(db, source, await connections.open(db, source.id), reading)
    const config = `
spiffe:
  trustDomain: acme.example
  workloads:
    - { socket: ${socketOf('orders')}, workload: orders, leases: ["x509:orders", "jwt:orders"] }
    - { socket: ${socketOf('nobody')}, workload: nobody, leases: ["x509:orders", "jwt:orders"] }
trustDomains: [{ name: partner.example, bundle: "${BUNDLE}", subjects: ["spiffe://partner.example/*"] }]
leases:
  - { name: "x509:orders", like: "${ORDERS}", ttl: 20s }
  - { name: "jwt:orders", spiffeId: "${ORDERS}", audience: ["${REPORTS}", "https://more.example"], ttl: 5m }
`
    const policies = {
      'all.cedar': `
permit(principal, action == Action::"lease", resource)
  when { principal.issuer == "socket" && principal.subject == "orders" };`,
    }
    stage = await brokerStage(db, connections, { config, policies })
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    partner = { key: privateKey }
    const jwk = { ...(await exportJWK(publicKey)), kid: 'theirs', use: 'jwt-svid' }
    stage.network.answers[BUNDLE] = () => Response.json({ keys: [jwk] })
    const apis = workloadApis(db, stage.broker, error => stage.troubles.push(error))
    for (const api of apis) sockets.push(await serveWorkloadApi(api))
    client = new SpiffeClient(socketOf('orders'))
  })
  afterAll(async () => {
    client?.close()
    for (const socket of sockets) await socket.close()
    await stage?.close()
    await connections?.close()
    await db?.destroy()
    await nginx?.stop()
    await rm(home, { recursive: true, force: true })
  })

  const x509Of = (by = client) => by.first<X509Answer>('FetchX509SVID', 'X509SVID')
  const jwtOf = async (body: object) =>
    await client.ask<{ svids: { spiffe_id: string; svid: string }[] }>(
      'FetchJWTSVID',
      'JWTSVIDRequest',
      'JWTSVIDResponse',
      body,
    )
  const validate = (svid: string, audience: string) =>
    client.ask<{ spiffe_id: string; claims: { fields: Record<string, { stringValue?: string }> } }>(
      'ValidateJWTSVID',
      'ValidateJWTSVIDRequest',
      'ValidateJWTSVIDResponse',
      { svid, audience },
    )

  test('the X.509-SVID is one by openssl, with its key, its bundle and the list', async () => {
    const { svids, crl } = await x509Of()
    expect(svids.map(({ spiffe_id }) => spiffe_id)).toEqual([ORDERS])
    const [svid] = svids
    const certificate = new X509Certificate(svid!.x509_svid)
    expect(certificate.subjectAltName).toBe(`URI:${ORDERS}`)
    const key = createPrivateKey({ key: svid!.x509_svid_key, format: 'der', type: 'pkcs8' })
    expect(certificate.checkPrivateKey(key)).toBe(true)
    await writeFile(join(home, 'svid.pem'), certificate.toString())
    await writeFile(join(home, 'bundle.pem'), new X509Certificate(svid!.bundle).toString())
    await writeFile(join(home, 'list.der'), crl[0]!)
    const given = ['verify', '-x509_strict', '-CAfile', 'bundle.pem', '-crl_check', '-CRLfile', 'list.der']
    const verified = spawnSync('openssl', [...given, 'svid.pem'], { cwd: home, encoding: 'utf8' })
    expect(verified.stdout).toBe('svid.pem: OK\n')
    // A second caller at the socket is the same workload, and gets the same.
    expect((await x509Of()).svids[0]!.x509_svid).toEqual(svid!.x509_svid)
  })

  test('another comes on the stream before it is over, and nothing more once the policies refuse it', async () => {
    const stream = client.follow<X509Answer>('FetchX509SVID', 'X509SVID')
    const next = async () => ((await stream.next()) as { value: X509Answer }).value
    const one = new X509Certificate((await next()).svids[0]!.x509_svid)
    let two = one
    while (two.serialNumber === one.serialNumber)
      two = new X509Certificate((await next()).svids[0]!.x509_svid)
    expect(Date.now()).toBeLessThan(Date.parse(one.validTo))
    await writeFile(join(stage.policies, 'none.cedar'), 'forbid(principal, action, resource);')
    await stage.keeper.look()
    await expect(
      (async () => {
        for (;;) await next()
      })(),
    ).rejects.toMatchObject({ code: 7 })
    await rm(join(stage.policies, 'none.cedar'))
    await stage.broker.policies.refresh()
  })

  test('a JWT-SVID is for the audience that was asked for, and holds by the bundle', async () => {
    const { svids } = await jwtOf({ audience: [REPORTS] })
    expect(svids.map(({ spiffe_id }) => spiffe_id)).toEqual([ORDERS])
    const { bundles } = await client.first<{ bundles: Record<string, Buffer> }>(
      'FetchJWTBundles',
      'JWTBundles',
    )
    expect(Object.keys(bundles).sort()).toEqual([DOMAIN, 'spiffe://partner.example'])
    const { keys } = JSON.parse(String(bundles[DOMAIN])) as { keys: JsonWebKey[] }
    const [header = '', payload = '', signature = ''] = svids[0]!.svid.split('.')
    const key = { key: createPublicKey({ key: keys[0]!, format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const }
    const signed = Buffer.from(`${header}.${payload}`)
    expect(verify('sha256', signed, key, Buffer.from(signature, 'base64url'))).toBe(true)
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
    expect(claims).toMatchObject({ sub: ORDERS, aud: REPORTS })
    const { spiffe_id, claims: said } = await validate(svids[0]!.svid, REPORTS)
    expect([spiffe_id, said.fields['sub']?.stringValue]).toEqual([ORDERS, ORDERS])
    await expect(validate(svids[0]!.svid, 'https://more.example')).rejects.toMatchObject({ code: 3 })
    await expect(jwtOf({ audience: ['https://other.example'] })).rejects.toMatchObject({ code: 7 })
    await expect(jwtOf({ audience: [] })).rejects.toMatchObject({ code: 3 })
    const other = { audience: [REPORTS], spiffe_id: `${DOMAIN}/other` }
    await expect(jwtOf(other)).rejects.toMatchObject({ code: 7 })
  })

  test('one whose lease has ended does not hold any more', async () => {
    const { svids } = await jwtOf({ audience: [REPORTS], spiffe_id: ORDERS })
    const { svid } = svids[0]!
    await validate(svid, REPORTS)
    await fetch(`${stage.url}/revoke`, { method: 'POST', body: new URLSearchParams({ token: svid }) })
    await expect(validate(svid, REPORTS)).rejects.toMatchObject({ code: 3 })
  })

  test('one of a trust domain that is known here is validated by its bundle', async () => {
    const theirs = async (header: object = {}, subject = 'spiffe://partner.example/web') =>
      await new SignJWT()
        .setProtectedHeader({ alg: 'ES256', kid: 'theirs', ...header })
        .setSubject(subject)
        .setAudience(REPORTS)
        .setExpirationTime('5m')
        .sign(partner.key)
    const { spiffe_id } = await validate(await theirs(), REPORTS)
    expect(spiffe_id).toBe('spiffe://partner.example/web')
    const refused = [
      theirs({ typ: 'at+jwt' }),
      theirs({ jku: BUNDLE }),
      theirs({ kid: 'another' }),
      theirs({}, 'spiffe://else.example/web'),
      theirs({}, 'spiffe://partner.example'),
      theirs({}, ORDERS),
      'no.token',
    ]
    for (const token of refused)
      await expect(validate(await token, REPORTS)).rejects.toMatchObject({ code: 3 })
  })

  test('the bundle over HTTP has the authority and the keys', async () => {
    const { bundles } = await client.first<{ bundles: Record<string, Buffer> }>(
      'FetchX509Bundles',
      'X509Bundles',
    )
    const { keys } = (await (await fetch(`${stage.url}/spiffe/bundle`)).json()) as {
      keys: { use: string; kid?: string; x5c?: string[] }[]
    }
    const authority = keys.find(({ use }) => use === 'x509-svid')
    expect(authority?.kid).toBeUndefined()
    expect(authority?.x5c).toEqual([bundles[DOMAIN]!.toString('base64')])
    expect(keys.filter(({ use }) => use === 'jwt-svid')).toHaveLength(1)
  })

  test('who does not say the word, and who is nobody, gets nothing', async () => {
    const mute = new SpiffeClient(socketOf('orders'))
    mute.metadata.remove('workload.spiffe.io')
    const nobody = new SpiffeClient(socketOf('nobody'))
    try {
      await expect(x509Of(mute)).rejects.toMatchObject({ code: 3 })
      mute.metadata.set('workload.spiffe.io', 'TRUE')
      const ask = mute.ask('FetchJWTSVID', 'JWTSVIDRequest', 'JWTSVIDResponse', { audience: [REPORTS] })
      await expect(ask).rejects.toMatchObject({ code: 3 })
      await expect(x509Of(nobody)).rejects.toMatchObject({ code: 7 })
      const asked = mute.ask('FetchWITSVID', 'JWTSVIDRequest', 'JWTSVIDResponse', {})
      await expect(asked).rejects.toMatchObject({ code: 12 })
    } finally {
      mute.close()
      nobody.close()
    }
    expect(stage.troubles).toEqual([])
  })

  test('a socket that anybody could open, or that is served already, is not served', async () => {
    const [api] = workloadApis(db, stage.broker, () => {})
    await expect(serveWorkloadApi(api!)).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    expect((await stat(socketOf('orders'))).mode & 0o777).toBe(0o660)
    await mkdir(join(home, 'open'))
    await chmod(join(home, 'open'), 0o755)
    const open = { ...api!, socket: socketOf('open') }
    await expect(serveWorkloadApi(open)).rejects.toThrow('open to all')
    // What a process that was killed left behind is in nobody's way.
    await chmod(join(home, 'open'), 0o700)
    await writeFile(open.socket, '')
    await expect(serveWorkloadApi(open)).rejects.toThrow('something else')
    await rm(open.socket)
    const killed = `require('net').createServer().listen(${JSON.stringify(open.socket)}, () => process.kill(process.pid, 9))`
    expect(spawnSync(process.execPath, ['-e', killed]).signal).toBe('SIGKILL')
    expect((await stat(open.socket)).isSocket()).toBe(true)
    await (await serveWorkloadApi(open)).close()
  })
})
