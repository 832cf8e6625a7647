import { expect, test } from 'vitest'
import type { Connection } from '../../src/core/contract/connector.ts'
import type { Ref } from '../../src/core/contract/ref.ts'
import type { Row } from '../../src/core/store/schema.ts'
import { loadCrossingRules } from '../../src/know/graph/crossing-rules.ts'
import { loadGraph } from '../../src/know/graph/load-graph.ts'
import { entityByRef } from '../../src/know/inventory/queries.ts'
import { type ObserveResult, observe } from '../../src/know/observe/observe.ts'
import { type Estate, openEstate } from '../know/estate.ts'
import { reachedFrom, wholeOf } from '../know/graph/whole.ts'
import { furnished, quickIo } from '../connectors/github/world.ts'
import { BUILT_IN_RULES } from '../built-in-rules.ts'

const INSTANCE = 'github.com:9001'

type Furnished = ReturnType<typeof furnished>

async function observer(twin: Furnished) {
  const estate = await openEstate()
  const connection: Connection = await twin.connector.open({} as never, quickIo())
  const row = await estate.source('acme')
  const source: Row<'source'> = { ...row, system: 'github', instance: INSTANCE }
  return {
    estate,
    observe: async (): Promise<ObserveResult> => {
      estate.clock.ms += 60_000
      const options = { keys: estate.keys, io: estate.io, ...BUILT_IN_RULES, workers: 1 }
      return await observe(estate.db, source, connection, options)
    },
  }
}

const ref = (kind: string, id: string | number): Ref => ({
  system: 'github',
  instance: INSTANCE,
  kind,
  id: String(id),
})

async function standing(estate: Estate, kind: string): Promise<string[]> {
  const rows = await estate.db
    .selectFrom('entity')
    .select('native')
    .where('kind', '=', kind)
    .where('gone_at', 'is', null)
    .where('merged_into', 'is', null)
    .orderBy('native')
    .execute()
  return rows.map(({ native }) => native)
}

test('what was observed is one graph: who may do what reaches what jobs get', async () => {
  const twin = furnished()
  const { estate, observe } = await observer(twin)
  await observe()
  const whole = await wholeOf(
    estate.db,
    await loadGraph(estate.db, await loadCrossingRules(BUILT_IN_RULES.rulesDirectory)),
  )
  const { id } = twin.app
  /** How surely, and by which crossings. */
  const way = async (
    from: Ref,
    type: 'identity' | 'workload',
    to: Ref,
    toType: 'resource' | 'workload' = 'resource',
  ) => {
    const [start, end] = [await entityByRef(estate.db, type, from), await entityByRef(estate.db, toType, to)]
    if (!start || !end) throw new Error(`${from.id} or ${to.id} is not known`)
    const found = reachedFrom(whole, start.id).find(reached => reached.id === end.id)
    return found && `${found.certainty}: ${found.hops.map(({ crossing }) => crossing).join(', ')}`
  }
  const user = (login: string) => {
    const { user } = twin.app.collaborators.find(({ user }) => user.login === login)!
    return ref('user', user.id)
  }
  const secret = (path: string) => ref('actions-secret', path)
  const deploy = ref('job', `${id}/.github/workflows/ci.yml#deploy`)
  const check = ref('job', `${id}/.github/workflows/ci.yml#check`)
  const own = secret(`${id}/secrets/DATABASE_URL`)
  const ofProduction = secret(`${id}/environments/production/secrets/DATABASE_URL`)
  const ofAll = secret('secrets/NPM_TOKEN')

  // A job and what it reads are the same things that the host lists.
  expect(await standing(estate, 'job')).toEqual([check.id, deploy.id])
  expect(await way(deploy, 'workload', ofProduction)).toBe('proven: reads-secret')
  expect(await way(check, 'workload', own)).toBe('proven: reads-secret')
  // The environment has no such secret, nor has the repository: the organisation’s is meant.
  expect(await way(deploy, 'workload', ofAll)).toBe('proven: reads-secret')

  // What protects the default branch holds no secret; an environment asks first, though not whoever administers it.
  expect(await way(user('bob'), 'identity', own)).toBe('proven: github-push-reads-secrets')
  expect(await way(user('bob'), 'identity', ofAll)).toBe('proven: github-push-reads-secrets')
  expect(await way(user('bob'), 'identity', ofProduction)).toBe(
    'conditional: github-push-reads-protected-environment',
  )
  expect(await way(user('ann'), 'identity', ofProduction)).toBe('proven: github-admin-reads-environments')
  expect(await way(user('cho'), 'identity', own)).toBeUndefined()

  // An app and a deploy key with write are who may push.
  const [renovate, reader] = twin.server.installations
  expect(await way(ref('app-installation', renovate!.id), 'identity', own)).toBe(
    'proven: github-push-reads-secrets',
  )
  expect(await way(ref('app-installation', reader!.id), 'identity', own)).toBeUndefined()
  const keys = await standing(estate, 'deploy-key')
  const ofKeys = await Promise.all(keys.map(key => way(ref('deploy-key', key), 'identity', own)))
  expect(ofKeys.filter(found => found === 'proven: github-push-reads-secrets')).toHaveLength(1)
  expect(ofKeys.filter(found => found === undefined)).toHaveLength(1)

  // Anyone may get onto the runner of a public repository, and from there to the jobs that run on it.
  const anyone = ref('outsider', `${id}/anyone`)
  const [runner] = await standing(estate, 'runner')
  expect(await way(anyone, 'identity', ref('runner', runner!))).toBe('conditional: github-outsider-on-runner')
  expect(await way(anyone, 'identity', check, 'workload')).toBe(
    'conditional: github-outsider-on-runner, github-runner-holds-jobs',
  )
  expect(await way(anyone, 'identity', deploy, 'workload')).toBeUndefined()
})

test('a second run reads no document again; what is denied then is not taken for gone, what is gone is', async () => {
  const twin = furnished()
  const { app, server } = twin
  app.issues.push({ number: 1, title: 'a', body: 'b', updated_at: server.tick() })
  const { estate, observe } = await observer(twin)
  const first = await observe()
  expect(first.documents).toBeGreaterThan(2)
  const before = {
    secrets: await standing(estate, 'actions-secret'),
    hooks: await standing(estate, 'webhook'),
  }
  expect(before.hooks).toHaveLength(1)

  const second = await observe()
  expect(second.documents).toBe(second.skippedAsRead)
  expect(twin.asked.filter(asked => asked.includes('/issues?') && asked.includes('since='))).not.toEqual([])

  twin.refusals.set('GET /repos/acme/app/actions/secrets', { status: 403 })
  app.secrets.length = 0
  app.hooks.length = 0
  app.keys.shift()
  await observe()
  expect(await standing(estate, 'actions-secret')).toEqual(before.secrets)
  expect(await standing(estate, 'webhook')).toEqual([])
  expect(await standing(estate, 'deploy-key')).toHaveLength(1)
  expect(await secretsOfJobs(estate)).toBe(3)

  twin.refusals.clear()
  await observe()
  // Its job still names it, and nothing is there.
  expect(await secretsOfJobs(estate)).toBe(2)
})

async function secretsOfJobs(estate: Estate): Promise<number> {
  const edges = await estate.db
    .selectFrom('edge')
    .select('id')
    .where('gone_at', 'is', null)
    .where('crossing', '=', 'has-secret')
    .execute()
  return edges.length
}
