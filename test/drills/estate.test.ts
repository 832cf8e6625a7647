import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createEmulator } from 'emulate'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemoryAws, memoryAws } from '../../src/connectors/aws/memory.ts'
import { directory } from '../../src/connectors/directory/connector.ts'
import { type MemoryGithub, memoryGithub } from '../../src/connectors/github/memory.ts'
import { postgres } from '../../src/connectors/postgres/connector.ts'
import { slack } from '../../src/connectors/slack/connector.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { listCredentials } from '../../src/know/inventory/queries.ts'
import { assert } from '../../src/serve/operations/assert.ts'
import { cut } from '../../src/serve/operations/cut.ts'
import {
  availablePostgres,
  type PostgresServer,
  startPostgres,
} from '../../src/serve/operations/drill/postgres-server.ts'
import { observe } from '../../src/serve/operations/observe.ts'
import type { World } from '../../src/serve/operations/operation.ts'
import { paths } from '../../src/serve/operations/paths.ts'
import { made } from '../know/readers/archive/looking.ts'
import { openWorld } from '../serve/operations/open-world.ts'
import { requireServer } from '../servers.ts'

const ACCOUNT = '111122223333'
const ROLE = `arn:aws:iam::${ACCOUNT}:role/deploy`
const BOT = ['xoxb', '123456789012', 'firebreakfirebreak'].join('-')
const alphanumeric = () => randomBytes(30).toString('base64url').replace(/[-_]/g, 'x').slice(0, 32)

const WORKFLOW = `on: push
permissions: { contents: read, id-token: write }
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: aws-actions/configure-aws-credentials@v4
        with: { role-to-assume: '${ROLE}', aws-region: eu-west-1 }
      - run: ./deploy
`

const server = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')

/**
 * An estate over GitHub and AWS in memory, an emulated Slack and a real PostgreSQL, in which one deploy key of a pipeline
 * reaches source, cloud, chat and data; and a password of it that stands in seven places.
 */
describe.skipIf(server.skip)(`an estate that one pipeline key opens ${server.reason}`, () => {
  let root: string
  let opened: Awaited<ReturnType<typeof openWorld>>
  let world: World
  let asked = new Secret('')
  let deployersToken = ''
  let running: PostgresServer
  let emulator: { readonly url: string; close(): Promise<void> }
  let github: MemoryGithub
  let aws: MemoryAws
  const password = alphanumeric()
  const slackToken = ['xoxb', '814193469835', '633579658129', alphanumeric().slice(0, 24)].join('-')

  const admin = async (sql: string) => {
    const client = new Client({
      host: running.host,
      port: running.port,
      user: running.adminUser,
      password: running.adminPassword.revealText(),
      database: running.database,
    })
    await client.connect()
    try {
      await client.query(sql)
    } finally {
      await client.end()
    }
  }
  const look = () => observe.run(world, observe.input.parse({}))

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'firebreak-estate-'))
    running = await startPostgres()
    await admin(`create role orders_rw login password '${password}'; create table orders (id int);
      grant select, insert on orders to orders_rw`)
    const url = `postgres://orders_rw:${password}@${running.host}:${running.port}/${running.database}`
    github = pipeline()
    aws = cloud(url, slackToken)
    emulator = await chat(url)
    const files = join(root, 'files')
    for (const [path, content] of Object.entries(await places(url))) {
      await mkdir(dirname(join(files, path)), { recursive: true })
      await writeFile(join(files, path), content)
    }
    opened = await openWorld(
      [directory, postgres, slack, github.connector, aws.connector],
      ['postgres-url', 'slack-token'],
      { readSecret: async () => asked },
    )
    world = opened.world
    const { connections, db } = world
    await connections.add(db, 'postgres', {
      host: running.host,
      port: running.port,
      user: running.adminUser,
      password: running.adminPassword,
      database: running.database,
      tls: 'disable',
    })
    await connections.add(db, 'github', {
      owner: github.server.owner.login,
      token: new Secret(github.server.admin),
    })
    await connections.add(db, 'aws', {
      accessKeyId: aws.account.admin.id,
      secretAccessKey: new Secret(aws.account.admin.secret),
    })
    await connections.add(db, 'slack', { token: new Secret(BOT), endpoint: `${emulator.url}/api` })
    await connections.add(db, 'directory', { path: files })
    await look()
  })
  afterAll(async () => {
    await opened?.close()
    await emulator?.close()
    await running?.stop()
    await rm(root, { recursive: true, force: true })
  })

  const wayTo = async (to: string, from = 'deployer') => {
    const { ways } = await paths.run(world, paths.input.parse({ from, to, most: 1 }))
    return ways[0]?.hops ?? []
  }

  test('the same secret in code, a CI log, an image layer, a Kubernetes Secret, Terraform state, chat and a wiki is one credential with seven copies', async () => {
    const all = await listCredentials(world.db, world.keys)
    const own = all.filter(
      ({ identity, copies }) => copies.length > 0 && identity?.names.includes('orders_rw'),
    )
    expect(own).toHaveLength(1)
    const where = own[0]!.copies.map(({ place }) =>
      `${place.in.system} ${place.path} ${place.member ?? ''}`.trim(),
    )
    for (const part of [
      'src/db.ts',
      'ci/build.log',
      'image.tar',
      'k8s/secret.yaml',
      'terraform.tfstate',
      'slack ',
      'wiki/runbook.md',
    ])
      expect(
        where.filter(one => one.includes(part)),
        part,
      ).toHaveLength(1)
  })

  test('the way from the pipeline to source, cloud, chat and data is told hop by hop', async () => {
    expect((await wayTo('acme/app')).map(({ crossing }) => crossing)).toEqual(['may-push'])
    const toData = await wayTo('public.orders')
    expect(toData.map(({ crossing }) => crossing)).toEqual([
      'github-push-federates-into-role',
      'may-read',
      'holds-copy',
      'authenticates-as',
      'may-write',
    ])
    for (const { why } of toData) expect(why).not.toBe('')
    expect((await wayTo(ROLE)).at(-1)).toMatchObject({ certainty: 'proven' })
    const byJob = await wayTo(ROLE, '.github/workflows/deploy.yml#deploy')
    expect(byJob[0]).toMatchObject({ certainty: 'conditional' })
    const [token] = (await listCredentials(world.db, world.keys)).filter(({ kind }) => kind === 'slack-token')
    expect((await wayTo(token!.id)).at(-1)?.crossing).toBe('holds-copy')
  })

  test('what the password opens is confirmed by trying it', async () => {
    asked = new Secret(password)
    const { ways } = await paths.run(
      world,
      paths.input.parse({ from: 'orders_rw', to: 'public.orders', probe: true }),
    )
    expect(ways[0]?.probed).toMatchObject({ tried: 'confirmed', login: { tried: 'confirmed' } })
  })

  const tryWay = async (to: string, from = 'deployer', jobToken?: string) => {
    asked = new Secret(deployersToken)
    const idToken = jobToken === undefined ? undefined : join(root, 'id-token')
    if (idToken !== undefined) await writeFile(idToken, jobToken!)
    const { ways } = await paths.run(
      world,
      paths.input.parse({ from, to, most: 1, probe: true, ...(idToken && { idToken }) }),
    )
    return ways[0]?.probed
  }

  test('what the pipeline’s token opens is tried as far as it can be without running a job, and what cannot be is said', async () => {
    expect(await tryWay('acme/app')).toMatchObject({
      tried: 'confirmed',
      login: { tried: 'confirmed' },
      hops: [{ crossing: 'may-push', tried: 'confirmed' }],
    })
    const onward = await tryWay(ROLE)
    expect(onward).toMatchObject({ tried: 'unknown', hops: [{ tried: 'unknown' }] })
    expect(onward?.hops[0]?.triedWhy).toContain('--id-token')
  })

  test('with the token of a job that was run for it, the whole way to the data is confirmed, hop by hop', async () => {
    const [app] = github.server.repositories
    const job = (claims = {}) => github.server.jobToken(app!, '.github/workflows/deploy.yml', claims)
    const way = await tryWay('public.orders', 'deployer', job())
    expect(way?.hops.map(({ crossing, tried }) => [crossing, tried])).toEqual([
      ['github-push-federates-into-role', 'confirmed'],
      ['may-read', 'confirmed'],
      ['holds-copy', 'confirmed'],
      ['authenticates-as', 'confirmed'],
      ['may-write', 'confirmed'],
    ])
    expect(way).toMatchObject({ tried: 'confirmed', login: { tried: 'confirmed' } })
    expect(await tryWay(ROLE, '.github/workflows/deploy.yml#deploy', job())).toMatchObject({
      tried: 'confirmed',
    })
  })

  test.each([
    ['of another audience', { aud: 'other' }, 'refused'],
    ['of another repository’s subject', { sub: 'repo:acme/other:ref:refs/heads/main' }, 'refused'],
    ['that has expired', { exp: 1_700_000_000 }, 'unknown'],
    ['of another issuer', { iss: 'https://issuer.example' }, 'refused'],
    ['of a job in an environment', { environment: 'production' }, 'unknown'],
    ['of a repository where the tester may not push', { repository_id: '1' }, 'refused'],
    ['of no job', { repository_id: undefined }, 'unknown'],
  ])('a token %s confirms nothing', async (_, claims, tried) => {
    const [app] = github.server.repositories
    const token = github.server.jobToken(app!, '.github/workflows/deploy.yml', claims)
    const way = await tryWay(ROLE, 'deployer', token)
    expect(way?.hops[0]).toMatchObject({ crossing: 'github-push-federates-into-role', tried })
  })

  test('the assertion fails with the way, until what cutting proposes is cut', async () => {
    const file = join(root, 'must-not-reach.yaml')
    await writeFile(file, 'must-not-reach:\n  - { name: pipelines, from: [deployer], to: [public.orders] }\n')
    const check = async () => (await assert.run(world, assert.input.parse({ file }))).assertions[0]!.state
    expect(await check()).toBe('broken')
    const proposed = await cut.run(world, cut.input.parse({ from: 'deployer', to: 'public.orders' }))
    expect(proposed.cut?.map(({ crossing, toName }) => [crossing, toName])).toEqual([['may-read', 'prod/db']])
    aws.account.roles.get('deploy')!.policies.clear()
    await look()
    expect(await check()).toBe('holds')
  })

  function pipeline(): MemoryGithub {
    const twin = memoryGithub()
    const app = twin.server.addRepository('app')
    const user = twin.server.addUser('deployer')
    app.collaborators.push({ user, permission: 'push' })
    deployersToken = twin.server.addToken(user, 'user', ['repo', 'workflow'])
    app.files.set('.github/workflows/deploy.yml', WORKFLOW)
    return twin
  }

  function cloud(url: string, token: string): MemoryAws {
    const twin = memoryAws()
    const { account } = twin
    account.providers.push('token.actions.githubusercontent.com')
    account.providerKeys.set('token.actions.githubusercontent.com', github.server.jobsKey.publicKey)
    account.roles.set('deploy', {
      name: 'deploy',
      id: 'AROADEPLOY',
      arn: ROLE,
      trust: JSON.stringify({
        Statement: {
          Effect: 'Allow',
          Action: 'sts:AssumeRoleWithWebIdentity',
          Principal: {
            Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com`,
          },
          Condition: {
            StringEquals: { 'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com' },
            StringLike: { 'token.actions.githubusercontent.com:sub': 'repo:acme/app:*' },
          },
        },
      }),
      policies: new Map([
        [
          'secrets',
          JSON.stringify({
            Statement: { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: '*' },
          }),
        ],
      ]),
    })
    for (const [name, text] of [
      ['prod/db', url],
      ['prod/slack', JSON.stringify({ SLACK_BOT_TOKEN: token })],
    ] as const) {
      const id = `arn:aws:secretsmanager:eu-west-1:${ACCOUNT}:secret:${name}-a1B2c3`
      account.secrets.set(id, { name, id, versions: [{ id: randomBytes(16).toString('hex'), text }] })
    }
    return twin
  }

  async function chat(url: string) {
    const made = await createEmulator({
      service: 'slack',
      port: 0,
      seed: {
        tokens: { [BOT]: { login: 'U000000001', scopes: [] } },
        slack: {
          team: { name: 'Shop', domain: 'shop' },
          channels: [{ name: 'general' }],
          bots: [{ name: 'alerts' }],
        },
      },
    })
    const call = async (method: string, body: object) =>
      (await (
        await fetch(`${made.url}/api/${method}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${BOT}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      ).json()) as { channels?: { id: string }[] }
    const { channels } = await call('conversations.list', {})
    await call('chat.postMessage', {
      channel: channels![0]!.id,
      text: `orders is slow, I use ${url} to look`,
    })
    return made
  }

  async function places(url: string): Promise<Record<string, string | Uint8Array>> {
    const layer = await made({ 'srv/app.env': `DATABASE_URL=${url}\n` }, 'l.tar', 'tar cf l.tar srv')
    const image = await made(
      {
        'c.json': '{}',
        'manifest.json': JSON.stringify([{ Config: 'c.json', Layers: ['l.tar'] }]),
        'l.tar': layer,
      },
      'image.tar',
      'tar cf image.tar manifest.json c.json l.tar',
    )
    const data = Buffer.from(url).toString('base64')
    return {
      'src/db.ts': `export const database = '${url}'\n`,
      'ci/build.log': `12:00:01 + ./migrate --url ${url}\n12:00:09 done\n`,
      'image.tar': image,
      'k8s/secret.yaml': `apiVersion: v1\nkind: Secret\nmetadata: { name: db, namespace: shop }\ntype: Opaque\ndata:\n  url: ${data}\n`,
      'infra/terraform.tfstate': JSON.stringify(
        {
          version: 4,
          terraform_version: '1.9.0',
          serial: 3,
          lineage: '5b1b2f0a-0000-4000-8000-000000000000',
          outputs: { database_url: { value: url, type: 'string', sensitive: true } },
          resources: [],
        },
        null,
        2,
      ),
      'wiki/runbook.md': `# Orders\n\nIf it hangs:\n\n    psql ${url}\n`,
    }
  }
})
