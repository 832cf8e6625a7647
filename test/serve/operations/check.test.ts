import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { directory } from '../../../src/connectors/directory/connector.ts'
import { check } from '../../../src/serve/operations/check.ts'
import { observe } from '../../../src/serve/operations/observe.ts'
import { show } from '../../../src/serve/operations/show.ts'
import { openEstate, role } from '../../know/estate.ts'
import { openWorld } from './open-world.ts'

const INJECTED = `on: issues
permissions: {}
jobs:
  greet:
    runs-on: ubuntu-latest
    steps:
      - run: echo "\${{ github.event.issue.title }}"
`

let opened: Awaited<ReturnType<typeof openWorld>>
let workflow: string
beforeAll(async () => {
  opened = await openWorld([directory], ['github-token'])
  const root = join(opened.world.home, 'app')
  workflow = join(root, '.github', 'workflows', 'greet.yml')
  await mkdir(join(root, '.github', 'workflows'), { recursive: true })
  await opened.world.connections.add(opened.world.db, 'directory', { path: root })
})
afterAll(() => opened?.close())

const checked = async (given: object = {}) => {
  await observe.run(opened.world, observe.input.parse({}))
  return await check.run(opened.world, check.input.parse(given))
}

test('what is wrong is told with where, why and how it is mended, and is gone when it was mended', async () => {
  await writeFile(workflow, INJECTED)
  const before = await checked({ failOn: 'high' })
  expect(before.findings.map(finding => finding.check)).toContain('workflow-script-injection')
  const finding = before.findings.find(one => one.check === 'workflow-script-injection')!
  expect(finding.why).toContain('line 7')
  expect(check.exitCode!(before)).toBe(1)
  const text = stripVTControlCharacters(check.text!(before, 80))
  expect(text).toContain('workflow-script-injection')
  expect(text).toContain('greet.yml#greet: line 7')
  expect(text).toContain('Mend it: ')
  expect(text.split('\n').filter(line => line.length > 80)).toEqual([])
  const counts = before.checks.find(one => one.check === 'workflow-script-injection')
  expect(counts).toMatchObject({ fails: 1, unknown: 0 })

  await writeFile(workflow, INJECTED.replace('github.event.issue.title', 'github.sha'))
  const after = await checked({ failOn: 'high' })
  expect(after.findings.filter(one => one.check === 'workflow-script-injection')).toEqual([])
})

test('without a threshold, and below it, the exit code is 0', async () => {
  await writeFile(workflow, INJECTED)
  expect(check.exitCode!(await checked())).toBe(0)
  await writeFile(workflow, 'on: push\njobs: {}\n')
  const none = await checked({ failOn: 'low' })
  expect(check.exitCode!(none)).toBe(0)
  expect(check.text!(none, 80)).toContain('Nothing is known to be wrong.')
})

test('all forms of a report are written of one run, an exception keeps it from failing, and the ratchet holds', async () => {
  await writeFile(workflow, INJECTED)
  const home = opened.world.home
  const at = (name: string) => join(home, name)
  const first = await checked({ failOn: 'high', writeRatchet: at('standing.json') })
  const ref = first.findings.find(one => one.check === 'workflow-script-injection')!.ref
  const ids = [...new Set(first.findings.filter(one => one.severity !== 'low').map(one => one.check))]
  const exceptions = ids.map(id => ({
    check: id,
    entity: ref,
    owner: 'platform',
    reason: 'nobody outside may open issues',
    control: 'issues are closed to strangers',
    expires: '2999-01-01',
  }))
  await writeFile(at('exceptions.yaml'), JSON.stringify({ exceptions }))
  const given = {
    failOn: 'medium',
    first: true,
    exceptions: at('exceptions.yaml'),
    ratchet: at('standing.json'),
    sarif: at('check.sarif'),
    markdown: at('check.md'),
    html: at('check.html'),
  }
  const second = await checked(given)
  expect(second.findings.filter(one => one.exception !== null).map(one => one.check)).toEqual(
    expect.arrayContaining(['workflow-script-injection']),
  )
  expect(check.exitCode!(second)).toBe(0)
  expect(second.ratchet).toMatchObject({ holds: true })
  expect(second.trend.length).toBeGreaterThan(1)
  const text = stripVTControlCharacters(check.text!(second, 80))
  expect(text.replace(/\s+/g, ' ')).toContain('excepted until 2999-01-01 by platform')
  expect(text.split('\n').filter(line => line.length > 80 && line.trim().includes(' '))).toEqual([])
  expect(await readFile(at('check.html'), 'utf8')).toContain('workflow-script-injection')
  expect(await readFile(at('check.md'), 'utf8')).toContain('### Excepted')
  const sarif = await readFile(at('check.sarif'), 'utf8')
  expect(JSON.parse(sarif)).toMatchObject({ version: '2.1.0' })
  expect(sarif).toContain('"uri": ".github/workflows/greet.yml"')
  // More than was kept, though nothing is found wrong, ends it.
  const kept = { firebreak: 'ratchet', version: 1, standing: { total: -1, byKind: {} } }
  await writeFile(at('standing.json'), JSON.stringify(kept))
  await expect(checked(given)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})

test('what to fix first is each identity once, and nothing that is mended by a word', async () => {
  const estate = await openEstate()
  const source = await estate.source()
  const key = { ...role('1'), kind: 'password', identity: role('1') }
  await estate.fold(source, [
    { see: 'identity', ref: role('1'), names: ['app'], facts: { superuser: { value: true } } },
    { see: 'resource', ref: { ...role('1'), kind: 'instance', id: 'i' }, names: ['i'], facts: {} },
    {
      see: 'edge',
      from: role('1'),
      to: { ...role('1'), kind: 'instance', id: 'i' },
      crossing: 'superuser',
      certainty: 'proven',
      why: 'app is a superuser',
    },
    { see: 'credential', ref: key, facts: { created: { value: '2020-01-01T00:00:00Z' } } },
  ])
  const world = { ...opened.world, ...estate } as typeof opened.world
  const { findings, first } = await check.run(world, check.input.parse({ first: true }))
  expect(new Set(findings.map(one => one.check))).toEqual(
    new Set(['administrator', 'credential-old', 'no-log-covers-use', 'owner-missing']),
  )
  expect(first?.things).toMatchObject([
    { name: 'app', checks: ['administrator', 'credential-old'], reached: 1, taken: 1 },
  ])
  expect(first).toMatchObject({ lookedAt: 1, of: 1, reached: 1 })
})

test('an identity is shown with what is wrong with its credentials, too', async () => {
  const estate = await openEstate()
  await estate.fold(await estate.source(), [
    { see: 'identity', ref: role('1'), names: ['app'], facts: {} },
    {
      see: 'credential',
      ref: { ...role('1'), kind: 'password', identity: role('1') },
      facts: { created: { value: '2020-01-01T00:00:00Z' } },
    },
  ])
  const world = { ...opened.world, ...estate } as typeof opened.world
  await check.run(world, check.input.parse({}))
  const { findings } = await show.run(world, { subject: 'app' })
  expect(findings.map(one => one.check)).toEqual(expect.arrayContaining(['owner-missing', 'credential-old']))
})
