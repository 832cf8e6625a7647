import { expect, test } from 'vitest'
import type { Ref } from '../../../../src/core/contract/ref.ts'
import { loadCrossingRules } from '../../../../src/know/graph/crossing-rules.ts'
import { loadGraph } from '../../../../src/know/graph/load-graph.ts'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { entityByRef } from '../../../../src/know/inventory/queries.ts'
import { openEstate } from '../../estate.ts'
import { reachedFrom, wholeOf } from '../whole.ts'

const rules = await loadCrossingRules(new URL('../../../../rules', import.meta.url).pathname)
const repository: Ref = { system: 'git', instance: 'r1', kind: 'repository', id: 'r1' }
const job: Ref = { ...repository, kind: 'job', id: '.github/workflows/ci.yml#build' }
const writer: Ref = { ...repository, kind: 'user', id: 'mallory' }
const edge = (from: Ref, to: Ref, crossing: string): Finding => ({
  see: 'edge',
  from,
  to,
  crossing,
  certainty: 'proven',
  why: 'told',
})

test('who may push reaches the jobs, and a job that is defined by a repository gains nothing of it by that', async () => {
  const estate = await openEstate()
  const source = await estate.source()
  await estate.fold(source, [
    { see: 'resource', ref: repository, names: ['shop'], facts: {} },
    { see: 'workload', ref: job, names: ['build'], facts: {} },
    { see: 'identity', ref: writer, names: ['mallory'], facts: {} },
    edge(job, repository, 'defined-in'),
    edge(writer, repository, 'may-push'),
  ])
  const graph = await wholeOf(estate.db, await loadGraph(estate.db, rules))
  const idOf = async (type: 'identity' | 'workload' | 'resource', ref: Ref) =>
    (await entityByRef(estate.db, type, ref))!.id
  const [from, run] = [await idOf('identity', writer), await idOf('workload', job)]
  expect(reachedFrom(graph, from).map(({ id }) => id)).toContain(run)
  expect(reachedFrom(graph, from).find(({ id }) => id === run)).toMatchObject({
    certainty: 'conditional',
    hops: [
      {
        crossing: 'github-push-to-workflow',
        why: 'who may push to shop changes the workflow of build, which then runs what they wrote',
      },
    ],
  })
  expect(reachedFrom(graph, run)).toEqual([])
})
