import { createHash, generateKeyPairSync } from 'node:crypto'
import { createEmulator } from 'emulate'
import { describe, expect, test } from 'vitest'
import { githubConfig } from '../../../src/connectors/github/config.ts'
import { github } from '../../../src/connectors/github/connector.ts'
import { memoryGithub } from '../../../src/connectors/github/memory.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { quickIo } from './world.ts'

async function stage() {
  const twin = memoryGithub({}, { asApp: true })
  const installation = twin.server.addInstallation('firebreak', { contents: 'write', issues: 'read' })
  for (const name of ['orders', 'cart']) twin.server.addRepository(name)
  const connection = await twin.connector.open({} as never, quickIo())
  const like = {
    system: 'github',
    instance: connection.instance,
    kind: 'app-installation',
    id: String(installation.id),
  }
  const issue = async (...scopes: string[]) =>
    await connection.issue!({ name: 'attempt', like, scopes, before: null })
  return { twin, connection, like, installation, issue }
}

describe('a token of our app’s installation', () => {
  test('is good until it is ended, and no other one ends with it', async () => {
    const { connection, issue, like } = await stage()
    const [one, other] = [await issue(), await issue()]
    const digest = createHash('sha256').update(one.secret.revealText()).digest('base64')
    expect(one.ref).toMatchObject({ kind: 'installation-token', id: `${like.id}/${digest}`, identity: like })
    expect(one.notAfter! - Date.now()).toBeGreaterThan(3_590_000)
    expect(await connection.inspect!(one.ref)).toEqual({ installation: like.id })
    expect(await connection.verify!(one.ref, other.secret)).toMatchObject({ state: 'unknown' })
    for (const { ref, secret } of [one, other])
      expect(await connection.verify!(ref, secret)).toMatchObject({ state: 'live' })
    await connection.revoke!(one.ref, one.secret)
    await connection.revoke!(one.ref, one.secret)
    expect(await connection.verify!(one.ref, one.secret)).toMatchObject({ state: 'dead' })
    expect(await connection.verify!(other.ref, other.secret)).toMatchObject({ state: 'live' })
    await expect(connection.revoke!(one.ref)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  test('has the permissions and the repositories of its scopes', async () => {
    const { twin, issue } = await stage()
    const told = async (...scopes: string[]) => {
      const { permissions, repositories } = twin.server.tokens.get(
        (await issue(...scopes)).secret.revealText(),
      )!
      return { permissions, repositories }
    }
    expect(await told()).toEqual({
      permissions: { contents: 'write', issues: 'read' },
      repositories: undefined,
    })
    expect(await told('contents:read', 'contents:write')).toEqual({
      permissions: { contents: 'write' },
      repositories: undefined,
    })
    expect(await told('contents:read@orders', 'contents:read@cart')).toEqual({
      permissions: { contents: 'read' },
      repositories: ['cart', 'orders'],
    })
  })

  test.each([
    ['another permission in each repository', ['contents:read@orders', 'issues:read@cart'], 'UNSUPPORTED'],
    ['everywhere, and in one', ['contents:read', 'issues:read@cart'], 'UNSUPPORTED'],
    ['what is no permission', ['everything'], 'UNSUPPORTED'],
    ['more than the installation has', ['contents:admin'], 'CONFLICT'],
  ])('is not given for %s', async (_, scopes, code) => {
    const { issue } = await stage()
    await expect(issue(...scopes)).rejects.toMatchObject({ code })
  })

  test('is taken of no other app’s installation', async () => {
    const { connection, like } = await stage()
    const other = { ...like, id: '1' }
    const asked = connection.issue!({ name: 'attempt', like: other, scopes: [], before: null })
    await expect(asked).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })
})

test('GitHub as emulate has it gives a token for the repository and the permission that were asked for', async () => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  const emulator = await createEmulator({
    service: 'github',
    port: 0,
    seed: {
      github: {
        users: [{ login: 'root' }],
        orgs: [{ login: 'acme' }],
        repos: [
          { owner: 'acme', name: 'orders' },
          { owner: 'acme', name: 'cart' },
        ],
        apps: [
          {
            app_id: 4242,
            slug: 'firebreak',
            name: 'Firebreak',
            private_key: privateKey,
            permissions: { contents: 'write', metadata: 'read' },
            installations: [{ installation_id: 77, account: 'acme', repository_selection: 'all' }],
          },
        ],
      },
    },
  })
  try {
    const config = {
      owner: 'acme',
      appId: '4242',
      privateKey: new Secret(privateKey),
      endpoint: emulator.url,
    }
    const connection = await github.open(githubConfig.parse(config), realIo())
    const like = { system: 'github', instance: connection.instance, kind: 'app-installation', id: '77' }
    const scopes = ['contents:read@orders']
    const issued = await connection.issue!({ name: 'attempt', like, scopes, before: null })
    expect(issued.secret.revealText()).toMatch(/^ghs_/)
    const told = await (await fetch(`${emulator.url}/_emulate/installation-tokens`)).json()
    const { installation_tokens: tokens } = told as { installation_tokens: object[] }
    expect(tokens.at(-1)).toMatchObject({
      permissions: { contents: 'read' },
      repository_selection: 'selected',
      repository_ids: [expect.any(Number)],
    })
    await connection.close()
  } finally {
    await emulator.close()
  }
})
