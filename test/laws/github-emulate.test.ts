import { createEmulator } from 'emulate'
import { expect, onTestFinished, test } from 'vitest'
import { githubConfig } from '../../src/connectors/github/config.ts'
import { github } from '../../src/connectors/github/connector.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { laws } from './laws.ts'
import type { World } from './world.ts'

const USERS = Array.from({ length: 30 }, (_, number) => `user-${number}`)
const tokenOf = (login: string) => ['ghp', login.padEnd(36, 'x').replaceAll('-', '0')].join('_')
const ADMIN = tokenOf('root')

/** An organisation with one repository, and users who are not in it yet. */
async function start() {
  const emulator = await createEmulator({
    service: 'github',
    port: 0,
    seed: {
      tokens: Object.fromEntries(
        ['root', ...USERS].map(login => [tokenOf(login), { login, scopes: ['repo', 'admin:org'] }]),
      ),
      github: {
        users: ['root', ...USERS].map(login => ({ login, site_admin: login === 'root' })),
        orgs: [{ login: 'acme', members: [{ login: 'root', role: 'admin' }] }],
        repos: [{ owner: 'acme', name: 'app', private: false }],
      },
    },
  })
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' }
    return await fetch(`${emulator.url}${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    })
  }
  const config = githubConfig.parse({
    owner: 'acme',
    token: new Secret(ADMIN),
    endpoint: emulator.url,
    // It lists no repositories of an organisation.
    repositories: ['app'],
    settleSeconds: 0,
    pageSize: 2,
  })
  const state = { reachable: true }
  const between: typeof fetch = async (input, init) => {
    if (!state.reachable) throw new TypeError('fetch failed')
    return await fetch(input, init)
  }
  return { emulator, ask, state, open: () => github.open(config, { ...realIo(), fetch: between }) }
}

laws({
  name: 'the GitHub of emulate',
  lacks: ['extend', 'sessions', 'rotate', 'freeze', 'thaw', 'narrow', 'endSessions'],
  // It has no deploy keys, suspends no installation, and takes no leaked tokens.
  standInLacks: ['issue', 'undo', 'suspend', 'resume', 'revoke', 'inspect', 'probe'],
  async start(): Promise<World> {
    const { emulator, ask, state, open } = await start()
    let count = 0
    return {
      open,
      vanish: async () => void (state.reachable = false),
      // Whoever it does not know is its first user.
      takesAnySecret: true,
      manyPrincipals: 5,
      stop: () => emulator.close(),
      async principal() {
        const login = USERS[count++]!
        await ask('PUT', `/repos/acme/app/collaborators/${login}`, { permission: 'push' })
        const { id } = (await (await ask('GET', `/users/${login}`)).json()) as { id: number }
        const { instance } = await open()
        const identity = { system: 'github', instance, kind: 'user', id: String(id) }
        return { identity, credential: { ...identity, identity }, secret: new Secret(tokenOf(login)) }
      },
    }
  },
})

test('what the emulator has is seen, and what it has not is told', async () => {
  const { emulator, ask, open } = await start()
  onTestFinished(() => emulator.close())
  await ask('PUT', '/repos/acme/app/actions/secrets/DATABASE_URL', { encrypted_value: 'eA==', key_id: '1' })
  const connection = await open()
  const seen = []
  for await (const each of connection.discover!()) seen.push(each)
  expect(seen).toContainEqual(expect.objectContaining({ see: 'resource', names: ['acme/app/DATABASE_URL'] }))
  const gaps = seen.filter(each => each.see === 'covered').filter(({ complete }) => !complete)
  expect(gaps.map(({ scope }) => scope.split('/').at(-1))).toEqual(
    expect.arrayContaining(['keys', 'environments', 'variables', 'oidc']),
  )
  expect(gaps.filter(({ failed }) => failed)).toEqual([])
})
