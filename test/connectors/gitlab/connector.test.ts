import { describe, expect, test } from 'vitest'
import { memoryGitlab } from '../../../src/connectors/gitlab/memory.ts'
import type { Document } from '../../../src/core/contract/document.ts'
import { type Io, realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { formatRef, type PlaceRef } from '../../../src/core/contract/ref.ts'
import { Secret } from '../../../src/core/contract/secret.ts'

const quickIo = (waits: number[] = []): Io => ({
  ...realIo(),
  async sleep(ms) {
    waits.push(ms)
  },
})

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** RFC 8032’s first public key; what ssh-keygen prints of it. */
const DEPLOY_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea'
const FINGERPRINT = 'SHA256:bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8'

function furnished() {
  const twin = memoryGitlab({ pageSize: 2, approved: ['shop/*'] })
  const shop = twin.addProject('shop')
  shop.members.push(
    { id: 1, username: 'ann', access_level: 50 },
    { id: 2, username: 'bob', access_level: 30 },
    { id: 3, username: 'cho', access_level: 20 },
    { id: 4, username: 'dot', access_level: 10 },
  )
  shop.addVariable('DATABASE_URL', 'postgres://app:old@db/app', { protected: true })
  shop.addVariable('DATABASE_URL', 'postgres://app:other@db/app', { environment_scope: 'review/*' })
  shop.addVariable('HIDDEN', null)
  twin.group.addVariable('NPM_TOKEN', 'of the group')
  shop.runners.push(
    { id: 7, description: 'metal', runner_type: 'project_type' },
    { id: 8, runner_type: 'instance_type' },
  )
  shop.deployTokens.push({
    id: 5,
    name: 'pull',
    username: 'pull',
    scopes: ['read_repository'],
    revoked: false,
  })
  shop.deployKeys.push({ id: 6, title: 'ci', key: `${DEPLOY_KEY} ci`, can_push: true })
  shop.files.set('.gitlab-ci.yml', 'build:\n  script: make\n')
  return { twin, shop }
}

type Twin = ReturnType<typeof memoryGitlab>
const open = (twin: Twin, io = quickIo()) => twin.connector.open({} as never, io)
const seenAt = async (twin: Twin, io?: Io) => await collect((await open(twin, io)).discover!())
const edgesIn = (seen: readonly Observation[]) =>
  seen.flatMap(each =>
    each.see === 'edge'
      ? [
          `${formatRef(each.from)} ${each.crossing} ${formatRef(each.to)}`.replaceAll(
            'gitlab:gitlab.com:9/',
            '',
          ),
        ]
      : [],
  )
const gapsIn = (seen: readonly Observation[]) =>
  seen.filter(each => each.see === 'covered').filter(({ complete }) => !complete)

describe('what is seen', () => {
  test('who may do what, tokens with their rights, variables by name, runners', async () => {
    const { twin, shop } = furnished()
    const token = twin.addToken(shop, 'deploy')
    const seen = await seenAt(twin)
    const project = `project/${shop.id}`
    const edges = edgesIn(seen)
    for (const edge of [
      `group/9 owns ${project}`,
      `user/1 administers ${project}`,
      `user/2 may-push ${project}`,
      `user/3 may-read ${project}`,
      `user/${token.user_id} administers ${project}`,
      `deploy-user/${shop.id}/deploy-tokens/5 may-read ${project}`,
      `deploy-key/${shop.id}/deploy-keys/${FINGERPRINT} may-push ${project}`,
      `${project} has-secret ci-variable/${shop.id}/DATABASE_URL`,
      `${project} has-secret ci-variable/${shop.id}/DATABASE_URL@review/*`,
      'group/9 has-secret ci-variable/groups/9/NPM_TOKEN',
      `${project} has-secret ci-variable/groups/9/NPM_TOKEN`,
      `${project} has-runner runner/runners/7`,
    ])
      expect(edges).toContain(edge)
    // A guest may not read the code, and a runner of the server is everybody's.
    expect(edges.filter(edge => edge.startsWith('user/4 ') || edge.includes('runners/8'))).toEqual([])
    expect(gapsIn(seen)).toEqual([])
    expect(seen).toContainEqual(
      expect.objectContaining({
        see: 'credential',
        facts: expect.objectContaining({ scopes: { value: ['api'] } }),
      }),
    )
  })

  test('what is denied is a gap, the rest is read; a failure is tried again, a limit waited for', async () => {
    const { twin, shop } = furnished()
    twin.refusals.set(`GET /projects/${shop.id}/variables`, { status: 403 })
    twin.refusals.set(`GET /projects/${shop.id}/access_tokens`, { status: 502, times: 1 })
    twin.refusals.set(`GET /projects/${shop.id}/runners`, {
      status: 429,
      headers: { 'retry-after': '3' },
      times: 1,
    })
    const waits: number[] = []
    const seen = await seenAt(twin, quickIo(waits))
    expect(gapsIn(seen)).toEqual([
      expect.objectContaining({ scope: 'gitlab:acme/shop/variables', hides: ['ci-variable'] }),
    ])
    expect(waits).toEqual([500, 3000])
    expect(edgesIn(seen)).toContainEqual(expect.stringContaining('has-runner'))
  })
})

test('what is read: variables that are shown, and the pipeline', async () => {
  const { twin } = furnished()
  const texts: [string, string][] = []
  for await (const document of (await open(twin)).documents!())
    texts.push([document.path, Buffer.concat(await collect(document.bytes())).toString()])
  expect(texts).toEqual([
    ['NPM_TOKEN', 'NPM_TOKEN="of the group"\n'],
    ['shop/DATABASE_URL', 'DATABASE_URL="postgres://app:old@db/app"\n'],
    ['shop/DATABASE_URL@review/*', 'DATABASE_URL="postgres://app:other@db/app"\n'],
    ['.gitlab-ci.yml', 'build:\n  script: make\n'],
  ])
})

describe('variables', () => {
  async function placeOf(twin: Twin, path: string, text: string): Promise<PlaceRef> {
    const connection = await open(twin)
    const document: Document = (await collect(connection.documents!())).find(one => one.path === path)!
    const at = Buffer.concat(await collect(document.bytes())).indexOf(text)
    const slots = [{ part: 'value' as const, at: `${at}-${at + text.length}`, encodings: [] }]
    return { in: document.in, path, version: document.id, slots }
  }

  test('the one of its environment is written, around the credential it stays as it was', async () => {
    const { twin, shop } = furnished()
    const place = await placeOf(twin, 'shop/DATABASE_URL@review/*', 'other')
    const connection = await open(twin)
    expect((await connection.read!(place)).revealText()).toBe('other')
    for (let times = 0; times < 2; times++) {
      const now = await connection.write!(place, new Secret('fresh'))
      expect((await connection.read!(now)).revealText()).toBe('fresh')
    }
    expect(shop.variables.map(({ value }) => value)).toEqual([
      'postgres://app:old@db/app',
      'postgres://app:fresh@db/app',
      null,
    ])
    expect(shop.variables[0]!.protected).toBe(true)
  })

  test('removed, once or twice, it is gone; one that holds nothing else goes with it', async () => {
    const { twin, shop } = furnished()
    const connection = await open(twin)
    const part = await placeOf(twin, 'shop/DATABASE_URL@review/*', 'other')
    const whole = await placeOf(twin, 'shop/DATABASE_URL', 'postgres://app:old@db/app')
    for (const place of [part, part, whole, whole]) await connection.remove!(place)
    expect(shop.variables.map(({ value }) => value)).toEqual(['postgres://app:@db/app', null])
    const ofGroup = await placeOf(twin, 'NPM_TOKEN', 'of the group')
    await expect(connection.remove!(ofGroup)).rejects.toMatchObject({ code: 'DENIED' })
  })

  test('what is not approved is DENIED, what another changed is a CONFLICT; no version tells what it holds', async () => {
    const { twin, shop } = furnished()
    const connection = await open(twin)
    const ofGroup = await placeOf(twin, 'NPM_TOKEN', 'of the group')
    await expect(connection.write!(ofGroup, new Secret('n'))).rejects.toMatchObject({ code: 'DENIED' })
    const place = await placeOf(twin, 'shop/DATABASE_URL', 'old')
    shop.variables[0]!.value = 'changed'
    for (const call of [
      connection.read!(place),
      connection.write!(place, new Secret('n')),
      connection.remove!(place),
    ])
      await expect(call).rejects.toMatchObject({ code: 'CONFLICT' })
    const other = memoryGitlab()
    other.addProject('shop')
    expect(place.version).toMatch(/^\d+\/DATABASE_URL#[0-9a-f]{32}$/)
  })
})

test('a deploy token is ended, and that it is gone is seen', async () => {
  const { twin, shop } = furnished()
  const connection = await open(twin)
  const ref = {
    system: 'gitlab',
    instance: 'gitlab.com:9',
    kind: 'deploy-token',
    id: `${shop.id}/deploy-tokens/5`,
  }
  expect(await connection.verify!(ref, new Secret('gldt-x'))).toMatchObject({ state: 'unknown' })
  for (let times = 0; times < 2; times++) await connection.revoke!(ref)
  expect(await connection.verify!(ref, new Secret('gldt-x'))).toMatchObject({ state: 'dead' })
})

test('a deploy key is told by its fingerprint, and is taken away', async () => {
  const { twin, shop } = furnished()
  const connection = await open(twin)
  const ref = {
    system: 'gitlab',
    instance: 'gitlab.com:9',
    kind: 'ssh-key',
    id: `${shop.id}/deploy-keys/${FINGERPRINT}`,
  }
  expect(await connection.verify!(ref, new Secret('x'))).toMatchObject({ state: 'unknown' })
  for (let times = 0; times < 2; times++) await connection.revoke!(ref)
  expect(shop.deployKeys).toEqual([])
  expect(await connection.verify!(ref, new Secret('x'))).toMatchObject({ state: 'dead' })
})

test('another deploy key like one is issued with its right, and taken back by its name', async () => {
  const { twin, shop } = furnished()
  const connection = await open(twin)
  const like = {
    system: 'gitlab',
    instance: 'gitlab.com:9',
    kind: 'ssh-key',
    id: `${shop.id}/deploy-keys/${FINGERPRINT}`,
  }
  expect(await connection.inspect!(like)).toEqual({ canPush: true })
  const want = { name: 'run:issue', like, scopes: [], before: null }
  const { ref, secret } = await connection.issue!(want)
  expect(secret.revealText()).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----/)
  expect(shop.deployKeys).toContainEqual(
    expect.objectContaining({ title: 'firebreak run:issue', can_push: true }),
  )
  expect(await connection.verify!(ref, secret)).toMatchObject({ state: 'unknown' })
  await expect(connection.issue!(want)).rejects.toMatchObject({ code: 'CONFLICT' })
  for (let times = 0; times < 2; times++) await connection.undo!(want)
  expect(shop.deployKeys.map(({ title }) => title)).toEqual(['ci'])
  // Of a key that is gone the state before it tells the right; where nothing does, the new one may only read.
  await connection.revoke!(like)
  await connection.issue!({ ...want, before: { canPush: true } })
  expect(shop.deployKeys.at(-1)).toMatchObject({ can_push: true })
  await connection.undo!(want)
  await connection.issue!(want)
  expect(shop.deployKeys.at(-1)).toMatchObject({ can_push: false })
})
