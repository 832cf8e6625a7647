import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Connection, Issued } from '../../../src/core/contract/connector.ts'
import type { Ref } from '../../../src/core/contract/ref.ts'
import { sshWorld, type SshWorld } from '../../laws/ssh-world.ts'
import { requireServer } from '../../servers.ts'
import { availableSshd, INSTALL_SSHD } from './sshd.ts'

const server = requireServer('OpenSSH’s server', availableSshd(), INSTALL_SSHD)

describe.skipIf(server.skip)(`certificates of OpenSSH ${server.reason}`, () => {
  let world: SshWorld
  let connection: Connection
  let folder: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'firebreak-ssh-test-'))
    world = await sshWorld()
    connection = await world.open()
  })
  afterAll(async () => {
    await connection?.close()
    await world?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const principal = (id: string): Ref => ({
    system: 'ssh',
    instance: connection.instance,
    kind: 'principal',
    id,
  })
  const issue = async (name: string, ttlSeconds: number): Promise<Issued> => {
    const identity = principal('job-9')
    return await connection.issue!({
      name,
      like: { ...identity, identity },
      scopes: [],
      ttlSeconds,
      before: null,
    })
  }
  const certificateOf = ({ secret }: Issued, name: string): string => {
    const file = join(folder, `${name}-cert.pub`)
    writeFileSync(file, secret.revealText().split('-----\n').at(-1)!)
    return file
  }
  /** What OpenSSH's own program says of the list that hosts refuse by. */
  const isListed = (certificate: string) =>
    spawnSync('ssh-keygen', ['-Q', '-f', join(world.sshd.authority, 'krl'), certificate]).status !== 0

  test('ssh-keygen reads in it whose it is, for how long, and for which lease', async () => {
    const issued = await issue('run-1:issue', 600)
    const shown = execFileSync('ssh-keygen', ['-L', '-f', certificateOf(issued, 'shown')], {
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
    })
    expect(shown).toContain('Type: ssh-ed25519-cert-v01@openssh.com user certificate')
    expect(shown).toContain('Key ID: "firebreak:run-1:issue"')
    expect(shown).toContain(`Serial: ${issued.ref.id}`)
    expect(shown).toMatch(/Principals: \n\s+job-9\n/)
    expect(shown).toContain(`to ${new Date(issued.notAfter!).toISOString().slice(0, 19)}`)
  })

  test('sshd takes it, and refuses it when it is listed, and when its time is over', async () => {
    const revoked = await issue('run-2:issue', 600)
    const brief = await issue('run-3:issue', 10)
    expect(await connection.verify!(brief.ref, brief.secret)).toMatchObject({ state: 'live' })
    expect(await world.use(revoked.secret)).toBe(true)
    const certificate = certificateOf(revoked, 'revoked')
    expect(isListed(certificate)).toBe(false)
    await connection.revoke!(revoked.ref, revoked.secret)
    expect(isListed(certificate)).toBe(true)
    expect(await world.use(revoked.secret)).toBe(false)
    expect(await connection.verify!(revoked.ref, revoked.secret)).toMatchObject({
      state: 'dead',
      why: expect.stringContaining('it is revoked.'),
    })
    expect(await world.sshd.log()).toContain('ID firebreak:run-2:issue')
    await wait(Math.max(0, brief.notAfter! - Date.now() + 1000))
    expect(await connection.verify!(brief.ref, brief.secret)).toMatchObject({
      state: 'dead',
      why: expect.stringContaining('its time is over.'),
    })
    expect(await world.use(brief.secret)).toBe(false)
  })

  test('all that is known of a principal is refused at once, and what is issued after that stands', async () => {
    const [first, second] = [await issue('run-4:issue', 60), await issue('run-5:issue', 60)]
    await connection.revoke!(principal('job-9'))
    expect([isListed(certificateOf(first, 'first')), isListed(certificateOf(second, 'second'))]).toEqual([
      true,
      true,
    ])
    expect(isListed(certificateOf(await issue('run-6:issue', 60), 'third'))).toBe(false)
  })

  test('one certificate cannot be brought back once it is revoked', async () => {
    const issued = await issue('run-7:issue', 60)
    const before = await connection.inspect!(issued.ref)
    await connection.revoke!(issued.ref)
    await connection.resume!(issued.ref, before)
    expect(isListed(certificateOf(issued, 'back'))).toBe(true)
  })

  test('tells of the authority, whom it signs for and where they log in', async () => {
    const seen = []
    for await (const each of connection.discover!()) seen.push(each)
    const edges = seen.flatMap(each => (each.see === 'edge' && each.to.id !== '' ? [each] : []))
    expect(edges).toContainEqual(
      expect.objectContaining({ crossing: 'signs-logins-of', to: principal('job-9'), certainty: 'proven' }),
    )
    expect(edges).toContainEqual(
      expect.objectContaining({
        crossing: 'runs-commands',
        from: principal('job-9'),
        certainty: 'conditional',
      }),
    )
  })
})
