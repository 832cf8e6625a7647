import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Connection, Issued } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { x509World, type X509World } from '../../laws/x509-world.ts'
import { requireServer } from '../../servers.ts'
import { availableNginx, INSTALL_NGINX, openssl } from './nginx.ts'

const server = requireServer('nginx', availableNginx(), INSTALL_NGINX)

describe.skipIf(server.skip)(`X.509 certificates at nginx ${server.reason}`, () => {
  let world: X509World
  let connection: Connection
  let folder: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'firebreak-x509-test-'))
    world = await x509World()
    connection = await world.open()
  })
  afterAll(async () => {
    await connection?.close()
    await world?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const issue = async (name: string, subject: string, ttlSeconds: number): Promise<Issued> => {
    const identity = { system: 'x509', instance: connection.instance, kind: 'subject', id: `CN=${subject}` }
    const like = { ...identity, identity }
    return await connection.issue!({ name, like, scopes: [], ttlSeconds, before: null })
  }
  const fileOf = ({ secret, ref }: Issued): string => {
    const file = join(folder, `${ref.id}.pem`)
    const text = secret.revealText()
    writeFileSync(file, text.slice(text.indexOf('-----BEGIN CERT')))
    return file
  }
  const opensslVerify = (file: string, ...more: string[]) => {
    const { authority } = world.nginx
    const { status, stderr } = spawnSync(
      'openssl',
      ['verify', '-x509_strict', '-CAfile', join(authority, 'ca.pem'), ...more, file],
      { encoding: 'utf8' },
    )
    return status === 0 ? 'OK' : stderr
  }
  const withList = () => ['-crl_check', '-CRLfile', join(world.nginx.authority, 'crl.pem')]

  test('openssl takes it, and refuses it by the list once it is revoked', async () => {
    const issued = await issue('run-1:issue', 'job-9', 600)
    const file = fileOf(issued)
    expect([opensslVerify(file), opensslVerify(file, ...withList())]).toEqual(['OK', 'OK'])
    await connection.revoke!(issued.ref)
    expect(opensslVerify(file, ...withList())).toContain('certificate revoked')
    const list = openssl('crl', '-in', join(world.nginx.authority, 'crl.pem'), '-noout', '-text')
    expect(list).toMatch(/X509v3 CRL Number:\s+\d+/)
    expect(list).toContain(`Serial Number: ${issued.ref.id}`)
    expect(await world.use(issued.secret)).toBe(false)
  })

  test('nginx refuses what has ended by itself', async () => {
    const brief = await issue('run-2:issue', 'job-9', 1)
    expect(brief.notAfter! - Date.now()).toBeLessThanOrEqual(1000)
    await wait(Math.max(0, brief.notAfter! - Date.now() + 1100))
    expect(await connection.verify!(brief.ref, brief.secret)).toMatchObject({
      state: 'dead',
      why: expect.stringContaining('its time is over'),
    })
    expect(opensslVerify(fileOf(brief))).toContain('certificate has expired')
  })

  test('what several revoke at once is refused as soon as each of them is told that it is done', async () => {
    const others = await Promise.all(Array.from({ length: 4 }, () => world.open()))
    for (let round = 0; round < 5; round++)
      await Promise.all(
        others.map(async (other, number) => {
          const issued = await issue(`round-${round}-${number}:issue`, 'job-9', 600)
          await wait(number * 40)
          await other.revoke!(issued.ref)
          for (let time = 0; time < 5; time++) expect(await world.use(issued.secret)).toBe(false)
        }),
      )
    for (const other of others) await other.close()
  })

  test('where nginx does not take the new list, nobody says that it was revoked', async () => {
    const { config } = world.nginx
    const text = await readFile(config, 'utf8')
    const hasty = await world.open({ ...realIo(), sleep: async () => {} })
    const issued = await issue('run-4:issue', 'job-9', 600)
    await writeFile(config, `${text} nonsense;`)
    await expect(hasty.revoke!(issued.ref)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      advice: expect.stringContaining('nginx -t'),
    })
    await writeFile(config, text)
    await connection.revoke!(issued.ref)
    expect(await world.use(issued.secret)).toBe(false)
    await hasty.close()
  })

  test('of a SPIFFE ID it is an X.509-SVID', async () => {
    const issued = await issue('run-3:issue', 'spiffe://firebreak.example/orders', 600)
    const file = fileOf(issued)
    expect(opensslVerify(file, '-purpose', 'sslclient')).toBe('OK')
    expect(opensslVerify(file, '-purpose', 'sslserver')).toBe('OK')
    const shown = openssl('x509', '-in', file, '-noout', '-text')
    // X.509-SVID, sections 2 and 4: one URI, no authority, a key that signs and nothing else.
    expect(shown).toMatch(/Subject Alternative Name:[^\n]*\n\s+URI:spiffe:\/\/firebreak\.example\/orders\n/)
    expect(shown).toMatch(/Basic Constraints: critical\s+CA:FALSE/)
    expect(shown).toMatch(/Key Usage: critical\s+Digital Signature\n/)
    expect(await world.use(issued.secret)).toBe(true)
  })
})
