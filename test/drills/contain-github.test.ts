import { expect, onTestFinished, test } from 'vitest'
import { contain } from '../../src/act/incident/contain.ts'
import { memoryGithub } from '../../src/connectors/github/memory.ts'
import { memoryPostgres } from '../../src/connectors/postgres/memory.ts'
import { type Io, realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { Connections } from '../../src/know/connections/registry.ts'
import { observe } from '../../src/know/observe/observe.ts'
import { containText } from '../../src/serve/operations/contain-text.ts'
import { testKeys } from '../know/estate.ts'
import { mustHold, mustNotStandIn } from '../simulation/invariants.ts'
import { BUILT_IN_RULES } from '../built-in-rules.ts'
import { memoryStore } from '../memory-store.ts'

/** Made here, so that nobody takes it for somebody's. */
const PASSWORD = ['q7Vn2KxT', '9wLm4RzB'].join('')
const URL_OF_JOBS = `postgres://app:${PASSWORD}@db.example:5432/shop`
const WORKFLOW = `on: push
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy
        env: { DATABASE_URL: '\${{ secrets.DATABASE_URL }}' }
  migrate:
    runs-on: ubuntu-latest
    steps:
      - run: ./migrate
        env: { DATABASE_URL: '${URL_OF_JOBS}' }
`

/** Who waits finds it later at once. */
function clockIo(): Io {
  let ahead = 0
  return {
    ...realIo(),
    now: () => new Date(Date.now() + ahead),
    async sleep(ms) {
      ahead += ms
      await new Promise(resolve => setImmediate(resolve))
    },
  }
}

/** An organisation whose jobs use a database, and the database. */
async function start() {
  const io = clockIo()
  const github = memoryGithub({
    values: new Secret(`app/DATABASE_URL=${URL_OF_JOBS}\n`),
    valuesAsOf: '2026-01-31T00:00:00Z',
    approved: ['app/DATABASE_URL'],
  })
  const repository = github.server.addRepository('app')
  github.server.set(repository.secrets, 'DATABASE_URL', URL_OF_JOBS)
  repository.files.set('.github/workflows/ci.yml', WORKFLOW)
  const database = memoryPostgres({ endpoint: 'db.example:5432', now: () => io.now().getTime() })
  const role = database.addRole({ name: 'app', password: new Secret(PASSWORD), memberOf: ['readers'] })
  const db = await memoryStore()
  const connectors = [github.connector, database.connector].map(connector => ({
    ...connector,
    config: { safeParse: (data: unknown) => ({ success: true, data }) },
  }))
  const connections = new Connections(connectors as never, testKeys, io)
  onTestFinished(async () => {
    await connections.close()
    await db.destroy()
  })
  const world = { io, keys: testKeys, connections, ...BUILT_IN_RULES }
  for (const system of ['postgres', 'github']) {
    const source = await connections.add(db, system, {})
    await observe(db, source, await connections.open(db, source.id), { ...world, workers: 1 })
  }
  /** As a job does that begins now. */
  const runJob = () => {
    const { username, password } = new URL(repository.secrets[0]!.value)
    const session = database.login(username, new Secret(decodeURIComponent(password)))
    if (session) session.alive = false
    return session
  }
  return { github, repository, database, role, db, world, runJob }
}

test.each(['graceful', 'emergency'] as const)(
  'a password that leaked from a workflow is replaced in the secret of Actions, %s: jobs are on the new one, the old one is dead',
  async mode => {
    const { github, repository, database, role, db, world, runJob } = await start()
    expect(runJob()).toMatchObject({ oid: role.oid })

    const leakedIn = '.github/workflows/ci.yml'
    const report = await contain(db, world, { leakedIn, mode, windowSeconds: 0 })

    const told = containText(report, 200)
    expect(report, told).toMatchObject({ state: 'done', contained: true })
    expect(report.credentials).toEqual([expect.objectContaining({ label: 'app', state: 'dead' })])
    // Around the credential it stays as it was; GitHub opened the sealed box.
    const written = repository.secrets[0]!.value
    expect(written).toMatch(/^postgres:\/\/[^:]+:[^@]+@db\.example:5432\/shop$/)
    expect(written).not.toContain(PASSWORD)
    expect(runJob()).toMatchObject({ oid: expect.not.stringMatching(`^${role.oid}$`) })
    expect(database.login('app', new Secret(PASSWORD))).toBeUndefined()
    // The job that reads the secret is known to use it, and never counted as moved.
    expect(report.consumers).toContainEqual(
      expect.objectContaining({ name: '.github/workflows/ci.yml#deploy', state: 'unknown' }),
    )
    expect(
      Object.fromEntries(
        report.copies.map(({ where, state }) => [where.split('/').slice(1).join('/'), state]),
      ),
    ).toEqual({
      'app/DATABASE_URL:1': 'replaced',
      '.github/workflows/ci.yml:12': 'dead',
    })
    await mustHold(db)
    const password = decodeURIComponent(new URL(written).password)
    await mustNotStandIn(db, [PASSWORD, password], JSON.stringify(report) + told + github.asked.join())
  },
)
