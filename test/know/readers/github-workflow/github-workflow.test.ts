import { describe, expect, test } from 'vitest'
import type { Observation } from '../../../../src/core/contract/observation.ts'
import type { Ref } from '../../../../src/core/contract/ref.ts'
import { githubWorkflowReader } from '../../../../src/know/readers/github-workflow/github-workflow.ts'
import { tree } from '../../estate.ts'

const PATH = '.github/workflows/ci.yml'

async function read(text: string, path = PATH, container: Ref = tree): Promise<Observation[]> {
  const found: Observation[] = []
  const bytes = (async function* () {
    yield Buffer.from(text)
  })()
  for await (const one of githubWorkflowReader.read({ id: 'd', in: container, path }, bytes)) found.push(one)
  return found
}

const reads = (path: string, text: string) => githubWorkflowReader.reads({ path }, Buffer.from(text))
const job = (id: string) => ({ ...tree, kind: 'job', id: `${PATH}#${id}` })

const RELEASE = `on:
  push: { tags: ['v*'] }
permissions: { contents: write, id-token: write }
jobs:
  release:
    runs-on: ubuntu-latest
    environment: { name: production }
    steps:
      - uses: aws-actions/configure-aws-credentials@${'a'.repeat(40)}
        with: { role-to-assume: "arn:aws:iam::111122223333:role/release" }
      - run: ./publish
        env: { KEY: "\${{ secrets.publish_key }}" }
`

describe('the reader of workflows', () => {
  test('takes what is one, wherever it lies', () => {
    expect(reads(PATH, 'on: push\n')).toBe(true)
    expect(reads('ci/flow.yaml', 'name: x\non: [push]\njobs:\n')).toBe(true)
    expect(reads('action.yml', 'name: x\nruns:\n  using: composite\n')).toBe(true)
    expect(reads('values.yaml', 'on: push\n')).toBe(false)
    expect(reads('docs/ci.md', 'on: push\njobs:\n')).toBe(false)
  })

  test('tells of a job what starts it, what it may do, which secrets it reads and whom it becomes', async () => {
    const found = await read(RELEASE)
    expect(found).toContainEqual({
      see: 'workload',
      ref: job('release'),
      names: [`${PATH}#release`],
      facts: expect.objectContaining({
        runtime: { value: 'GitHub Actions' },
        startedBy: { value: ['push'] },
        environment: { value: 'production' },
        permissions: { value: { contents: 'write', 'id-token': 'write' } },
      }),
    })
    const edges = found.flatMap(one => (one.see === 'edge' ? [[one.crossing, one.to.id, one.certainty]] : []))
    expect(edges).toEqual([
      ['may-push', tree.id, 'proven'],
      ['defined-in', tree.id, 'proven'],
      ['reads-secret', 'environments/production/secrets/PUBLISH_KEY', 'proven'],
      ['federates-into', '?arn:aws:iam::111122223333:role/release', 'conditional'],
    ])
  })

  test('of a host with many repositories, what lies in one has its number before; an environment by expression is none', async () => {
    const host = { system: 'github', instance: 'github.com:9', kind: 'repository', id: '12' }
    const text = RELEASE.replace('name: production', 'name: "${{ inputs.to }}"')
    const found = await read(text, PATH, host)
    const ids = found.flatMap(one => ('ref' in one ? [one.ref.id] : []))
    expect(ids).toEqual([`12/${PATH}#release`, '12/secrets/PUBLISH_KEY'])
  })

  test('lets in whoever can run code as a job, and says how', async () => {
    const found = await read(`on: issues
permissions: {}
jobs:
  greet:
    runs-on: ubuntu-latest
    steps:
      - run: echo "\${{ github.event.issue.title }}"
`)
    expect(found).toContainEqual({
      see: 'edge',
      from: { ...tree, kind: 'outsider', id: 'anyone' },
      to: job('greet'),
      crossing: 'workflow-script-injection',
      certainty: 'proven',
      why: 'github.event.issue.title, which others write, becomes part of a script (line 7)',
    })
  })

  test.each([
    ['on: push\njobs:\n  a:\n    steps:\n  b: [\n', 'it is no YAML there'],
    ['on: push\njobs:\n  a:\n    runs-on: x\n    env: { A: 1 }\n    env: { B: 1 }\n', 'stands there twice'],
  ])('says where a text is broken: %j', async (text, why) => {
    const gaps = (await read(text)).filter(one => one.see === 'covered')
    expect(gaps[0]).toMatchObject({ complete: false, why: expect.stringContaining(why) })
    expect(gaps[0]?.scope).toMatch(/#line \d+$/)
  })

  test('an alias bomb is no work', async () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) => `l${n + 1}: &l${n + 1} [${Array(12).fill(`*l${n}`).join(',')}]`,
    )
    const found = await read(`on: push\nl0: &l0 [x]\n${levels.join('\n')}\njobs: { a: *l12 }\n`)
    expect(found).toEqual([expect.objectContaining({ see: 'covered', complete: false })])
  })

  test('quotes no value in what it tells', async () => {
    const canary = `canary${'q'.repeat(20)}`
    const found = await read(RELEASE.replace('./publish', `curl -H "token: ${canary}" | tee >> $GITHUB_ENV`))
    expect(JSON.stringify(found)).not.toContain(canary)
  })
})
