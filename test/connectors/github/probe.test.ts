import { expect, test } from 'vitest'
import type { Ref } from '../../../src/core/contract/ref.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { furnished, quickIo } from './world.ts'

const here = { system: 'github', instance: 'github.com:9001' }

/** The organisation, and one who tries hops as somebody with a token of these scopes. */
async function testerOf(login: string, scopes?: readonly string[]) {
  const twin = furnished()
  const { app, server } = twin
  const { user } = app.collaborators.find(one => one.user.login === login) ?? { user: server.addUser(login) }
  const token = server.addToken(user, 'user', scopes)
  const as: Ref = { ...here, kind: 'user', id: String(user.id) }
  const connection = await twin.connector.open({} as never, quickIo())
  const probe = async (crossing: string, to: Ref, secret = token) =>
    await connection.probe!(
      { from: as, to, toNames: [], crossing },
      { by: as, as, secret: new Secret(secret) },
    )
  const repository: Ref = { ...here, kind: 'repository', id: String(app.id) }
  const secret = (name: string): Ref => ({ ...here, kind: 'actions-secret', id: `${app.id}/secrets/${name}` })
  return { twin, app, probe, repository, secret }
}

test.each([
  ['bob', ['repo', 'workflow'], 'may-push', 'confirmed'],
  ['bob', ['repo'], 'administers', 'refused'],
  ['ann', ['repo'], 'administers', 'confirmed'],
  ['cho', ['repo'], 'may-push', 'refused'],
  ['bob', ['read:org'], 'may-push', 'refused'],
  // The repository is public.
  ['bob', ['public_repo'], 'may-push', 'confirmed'],
  ['mallory', [], 'may-read', 'confirmed'],
  // What a fine-grained token may do is told by nobody.
  ['bob', undefined, 'may-push', 'unknown'],
  ['cho', undefined, 'may-push', 'refused'],
] as const)('%s with %s: %s is %s', async (login, scopes, crossing, state) => {
  const { probe, repository } = await testerOf(login, scopes)
  const tried = await probe(crossing, repository)
  expect(tried).toMatchObject({ state })
  expect(tried.held !== undefined).toBe(state === 'confirmed')
})

test('of a private repository it is asked for more, and nobody else is shown it', async () => {
  const { app, probe, repository } = await testerOf('bob', ['public_repo'])
  app.visibility = 'private'
  expect(await probe('may-push', repository)).toMatchObject({ state: 'refused' })
  const other = await testerOf('mallory', ['repo'])
  other.app.visibility = 'private'
  expect(await other.probe('may-read', other.repository)).toMatchObject({ state: 'refused' })
})

test('that a workflow could give out a secret is confirmed by what the token may do, and nothing is gained by it', async () => {
  const { twin, probe, secret } = await testerOf('bob', ['repo', 'workflow'])
  const before = twin.server.snapshot()
  const tried = await probe('github-push-reads-secrets', secret('DATABASE_URL'))
  expect(tried).toMatchObject({ state: 'confirmed', why: expect.stringContaining('nothing was pushed') })
  expect(tried.held).toBeUndefined()
  expect(await probe('github-push-reads-secrets', secret('GONE'))).toMatchObject({ state: 'unknown' })
  const weak = await testerOf('bob', ['repo'])
  expect(await weak.probe('github-push-reads-secrets', weak.secret('DATABASE_URL'))).toMatchObject({
    state: 'refused',
    why: expect.stringContaining('workflow'),
  })
  expect(twin.server.snapshot()).toBe(before)
  expect(twin.asked.filter(request => !request.startsWith('GET '))).toEqual([])
})

test('a role is given to jobs: that is said, and not guessed', async () => {
  const { probe } = await testerOf('bob', ['repo', 'workflow'])
  const role: Ref = { system: 'aws', instance: '111122223333', kind: 'role', id: 'AROADEPLOY' }
  expect(await probe('github-push-federates-into-role', role)).toMatchObject({
    state: 'unknown',
    why: expect.stringContaining('token of a job'),
  })
})

test('a token of another workflow tells nothing of a job', async () => {
  const { twin, app } = await testerOf('bob', ['repo', 'workflow'])
  const connection = await twin.connector.open({} as never, quickIo())
  const role: Ref = { system: 'aws', instance: '111122223333', kind: 'role', id: 'AROADEPLOY' }
  const job: Ref = { ...here, kind: 'job', id: `${app.id}/.github/workflows/deploy.yml#deploy` }
  const tryBy = async (workflow: string) => {
    const idToken = new Secret(twin.server.jobToken(app, `.github/workflows/${workflow}`))
    const held = { by: { ...job, kind: 'id-token' }, as: job, secret: idToken }
    return await connection.probe!(
      { from: job, to: role, toNames: [], crossing: 'federates-into', idToken },
      held,
    )
  }
  expect(await tryBy('deploy.yml')).toMatchObject({ state: 'confirmed' })
  expect(await tryBy('deploy.yml2')).toMatchObject({ state: 'unknown' })
  expect(await tryBy('other.yml')).toMatchObject({ state: 'unknown' })
})

test('a wrong token confirms nothing, and neither does a server that takes any or cannot be reached', async () => {
  const { twin, probe, repository } = await testerOf('bob', ['repo'])
  for (const wrong of ['ghp_wrong', 'not a token', ''])
    expect((await probe('may-push', repository, wrong)).state).not.toBe('confirmed')
  twin.refusals.set('GET /user', { status: 200, body: { id: 1, login: 'x' } })
  expect(await probe('may-push', repository)).toMatchObject({ state: 'unknown' })
  twin.refusals.clear()
  twin.refusals.set('GET /repositories', { status: 500 })
  expect(await probe('may-push', repository)).toMatchObject({ state: 'unknown' })
})
