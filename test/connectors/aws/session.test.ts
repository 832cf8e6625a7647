import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam'
import { createEmulator } from 'emulate'
import { describe, expect, test } from 'vitest'
import { awsConfig } from '../../../src/connectors/aws/config.ts'
import { aws } from '../../../src/connectors/aws/connector.ts'
import { memoryAws } from '../../../src/connectors/aws/memory.ts'
import { sessionPolicy } from '../../../src/connectors/aws/session-policy.ts'
import type { Want } from '../../../src/core/contract/connector.ts'
import { type Io, realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { sessionKeysIn } from '../../../src/core/contract/session-keys.ts'
import { impatient, open } from './world.ts'

async function stage(io: Io = impatient()) {
  const twin = memoryAws()
  const role = twin.account.addRole('reports', { Statement: [] })
  const like = { system: 'aws', instance: twin.account.number, kind: 'role', id: role.id }
  const connection = await open(twin, io)
  const want = (name: string, more: Partial<Want> = {}): Want => ({
    name,
    like,
    scopes: [],
    ttlSeconds: 600,
    before: null,
    ...more,
  })
  const begin = (name: string, more?: Partial<Want>) => connection.issue!(want(name, more))
  return { twin, role, like, connection, want, begin }
}

describe('a session of a role', () => {
  test('is live, says what it is for, and is dead alone when it is ended', async () => {
    const { twin, role, like, connection, begin } = await stage()
    const labels = { lease: 'b7f1', task: 'report; drop <x>' }
    const [one, other] = [await begin('one', { labels }), await begin('other')]
    expect(one.ref).toMatchObject({ kind: 'session', identity: like })
    expect(one.notAfter! - Date.now()).toBeGreaterThan(890_000)
    const session = twin.account.sessions.get(one.secret.id!)!
    expect(one.ref.id).toBe(`${role.id}:${session.name}`)
    expect(session.tags).toEqual({
      'sts:SourceIdentity': 'firebreak-b7f1',
      'firebreak:lease': 'b7f1',
      'firebreak:task': 'report_ drop _x_',
    })
    for (const each of [one, other])
      expect(await connection.verify!(each.ref, each.secret)).toMatchObject({ state: 'live' })
    await connection.revoke!(one.ref)
    await connection.endSessions!(one.ref, Date.now())
    expect(await connection.verify!(one.ref, one.secret)).toMatchObject({ state: 'dead' })
    expect(await connection.verify!(one.ref)).toMatchObject({ state: 'dead' })
    expect(await connection.verify!(other.ref, other.secret)).toMatchObject({ state: 'live' })
    expect(await connection.inspect!(one.ref)).toMatchObject({ role: 'reports', denied: true })
    // Whoever takes our policy away gives it back.
    role.policies.clear()
    expect(await connection.verify!(one.ref, one.secret)).toMatchObject({ state: 'live' })
  })

  test('does no more than its scopes, and begins no other one that would go on without it', async () => {
    const { twin, begin } = await stage()
    const told = async (scopes: readonly string[], action: 'users' | 'role') => {
      const issued = await begin(`${scopes.join()} ${action}`, { scopes })
      const keys = sessionKeysIn(issued.secret)!
      const asSession = await twin.connector.open(
        {
          accessKeyId: keys.accessKeyId,
          secretAccessKey: new Secret(keys.secretAccessKey),
          sessionToken: new Secret(keys.sessionToken),
        } as never,
        impatient(),
      )
      const ref = { system: 'aws', instance: twin.account.number, kind: 'user', id: 'AIDANOBODY' }
      const another = twin.account.addRole(`other-${issued.ref.id}`, {})
      const asked =
        action === 'users'
          ? asSession.inspect!(ref)
          : asSession.issue!({
              ...ref,
              name: 'next',
              like: { ...ref, kind: 'role', id: another.id },
              scopes: [],
              before: null,
            })
      return await asked.then(
        () => 'allowed',
        (error: Error) => error.message,
      )
    }
    expect(await told([], 'users')).toBe('allowed')
    expect(await told(['iam:ListUsers'], 'users')).toBe('allowed')
    expect(await told(['iam:List*'], 'users')).toBe('allowed')
    expect(await told(['s3:GetObject@arn:aws:s3:::reports/*'], 'users')).toMatch(
      /looking for the user.*AccessDenied/,
    )
    expect(await told([], 'role')).toMatch(/assuming a role.*AccessDenied/)
    expect(await told(['*', 'sts:AssumeRole'], 'role')).toBe('allowed')
    expect(() => sessionPolicy(['everything'])).toThrow(/no action of AWS/)
    expect(() => sessionPolicy(['s3:GetObject@reports'])).toThrow(/no action of AWS/)
  })

  test.each(['before', 'after'] as const)(
    'whose answer is lost (%s) is denied by its attempt’s name, and begun anew',
    async when => {
      const { twin, connection, want } = await stage()
      const wanted = want('attempt')
      const whole = twin.calls
      await connection.issue!({ ...wanted, name: 'counted' })
      const calls = twin.calls - whole
      twin.failAt(calls, when)
      await expect(connection.issue!(wanted)).rejects.toMatchObject({ code: 'UNREACHABLE' })
      const lost = [...twin.account.sessions.values()].slice(1)
      expect(lost).toHaveLength(when === 'after' ? 1 : 0)
      await connection.undo!(wanted)
      const again = await connection.issue!(wanted)
      expect(await connection.verify!(again.ref, again.secret)).toMatchObject({ state: 'live' })
      for (const { id, secret, token } of lost) {
        const ref = {
          ...again.ref,
          id: again.ref.id.replace(/firebreak.*/, twin.account.sessions.get(id)!.name!),
        }
        const text = { Version: 1, AccessKeyId: id, SecretAccessKey: secret, SessionToken: token }
        const verdict = await connection.verify!(ref, new Secret(JSON.stringify(text), id))
        expect(verdict).toMatchObject({ state: 'dead', why: expect.stringContaining('denies it everything') })
      }
    },
  )

  test('that is over needs no policy, and the room of those that are is given back', async () => {
    let ahead = 0
    const io = { ...impatient(), now: () => new Date(Date.now() + ahead) }
    const { role, connection, begin } = await stage(io)
    const first = await begin('first')
    await connection.revoke!(first.ref)
    expect([...role.policies.keys()]).toEqual([expect.stringMatching(/^FirebreakEnded\./)])
    const second = await begin('second')
    ahead = 2_000_000
    await connection.revoke!(second.ref)
    expect(role.policies.size).toBe(0)
  })

  test('leaves nothing that could be taken where its role was deleted', async () => {
    const { twin, connection, begin } = await stage()
    const { ref, secret } = await begin('gone')
    twin.account.roles.clear()
    await connection.revoke!(ref, secret)
    expect(await connection.verify!(ref, secret)).toMatchObject({ state: 'dead' })
  })

  test('whose words our key may not set is refused, and begun where it is told to leave them', async () => {
    const { twin, like, want } = await stage()
    twin.account.permits = (_, action) => !['sts:TagSession', 'sts:SetSourceIdentity'].includes(action)
    const asked = { ...want('x', { labels: { lease: 'a', task: 'b' } }), like }
    const [tagging, plain] = [
      await open(twin),
      await twin.connector.open({ tagSessions: false } as never, impatient()),
    ]
    await expect(tagging.issue!(asked)).rejects.toMatchObject({ code: 'DENIED' })
    expect((await plain.issue!(asked)).ref.kind).toBe('session')
    await plain.close()
  })
})

test('that could not be ended is not begun: the emulator has no policies on roles', async () => {
  const emulator = await createEmulator({ service: 'aws', port: 0 })
  const keys = { accessKeyId: 'AKIA0000000000000000', secretAccessKey: 'any' }
  const admin = new IAMClient({
    region: 'us-east-1',
    endpoint: `${emulator.url}/iam/`,
    credentials: { ...keys },
  })
  try {
    const { Role } = await admin.send(
      new CreateRoleCommand({ RoleName: 'reports', AssumeRolePolicyDocument: '{}' }),
    )
    const config = {
      ...keys,
      secretAccessKey: new Secret(keys.secretAccessKey),
      endpoint: `${emulator.url}/{service}/`,
    }
    const connection = await aws.open(awsConfig.parse(config), realIo())
    const like = { system: 'aws', instance: connection.instance, kind: 'role', id: Role!.RoleId! }
    const asked = connection.issue!({ name: 'one', like, scopes: [], before: null })
    await expect(asked).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('listing the policies of a role'),
    })
    await connection.close()
  } finally {
    admin.destroy()
    await emulator.close()
  }
})
