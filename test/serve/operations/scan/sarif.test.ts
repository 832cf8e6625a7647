import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { sarifLog } from '../../../../src/serve/operations/scan/sarif.ts'
import { type Stage, setStage } from '../../../stage.ts'
import { type SarifLog, sarifSchema } from './sarif-schema.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
  await stage.run(
    'git remote add origin https://ann:pass@git.example/app.git && mkdir "deploy/a b%" && cp deploy/.env "deploy/a b%/é.env"',
  )
  const url = `postgres://app:${randomBytes(20).toString('hex')}@db.example:5432/app`
  await writeFile(join(stage.directory, 'test.env'), `URL=${url} # firebreak:allow made up for a test\n`)
  await stage.run(
    'git add . && git -c user.name=A -c user.email=a@b.c commit -qm third && ln -s /etc/passwd link',
  )
})
afterAll(() => stage.remove())

async function written(line: string): Promise<SarifLog['runs'][number]> {
  const { exit, stdout, stderr } = await stage.run(line)
  expect(exit, stdout + stderr).toBe(1)
  const text = await readFile(join(stage.directory, 'found.sarif'), 'utf8')
  expect(text).not.toContain(stage.secret)
  const log: ReturnType<typeof sarifLog> = JSON.parse(text)
  return sarifSchema.parse(log).runs[0]!
}

const uris = (results: SarifLog['runs'][number]['results']) =>
  results.map(({ locations }) => {
    const { artifactLocation, region } = locations[0]!.physicalLocation!
    return `${artifactLocation.uriBaseId}/${artifactLocation.uri}:${region?.startLine}`
  })

test('a whole scan: every line once, rules, provenance, what is allowed, and what was not searched', async () => {
  const run = await written('firebreak scan . --sarif found.sarif')
  expect(uris(run.results).sort()).toEqual([
    '%SRCROOT%/deploy/.env:2',
    '%SRCROOT%/deploy/a%20b%25/%C3%A9.env:2',
    '%SRCROOT%/deploy/old.env:1',
    '%SRCROOT%/src/report.js:1',
    '%SRCROOT%/test.env:1',
  ])
  expect(run.originalUriBaseIds).toEqual({ '%SRCROOT%': { uri: `file://${stage.directory}/` } })
  const head = (await stage.run('git rev-parse HEAD')).stdout.trim()
  expect(run.versionControlProvenance).toEqual([
    {
      repositoryUri: 'https://git.example/app.git',
      revisionId: head,
      mappedTo: { uriBaseId: '%SRCROOT%' },
    },
  ])
  for (const result of run.results) {
    const rule = run.tool.driver.rules[result.ruleIndex]!
    expect(rule.id).toBe(result.ruleId)
    expect(Number(rule.properties?.['security-severity'])).toBeGreaterThan(0)
    expect(rule.help!.text).toContain('firebreak contain -')
    expect(result.baselineState).toBeUndefined()
  }
  const allowed = run.results.filter(({ suppressions }) => suppressions.length > 0)
  expect(uris(allowed)).toEqual(['%SRCROOT%/test.env:1'])
  expect(allowed[0]!.suppressions).toEqual([
    { kind: 'inSource', status: 'accepted', justification: 'made up for a test' },
  ])
  expect(run.invocations[0]!.executionSuccessful).toBe(true)
  expect(run.invocations[0]!.toolExecutionNotifications.map(({ message }) => message.text)).toEqual([
    expect.stringContaining('link'),
  ])
})

test('fingerprints are the same in every run with one key, and tell values apart', async () => {
  const first = await written('firebreak scan . --sarif found.sarif')
  const second = await written('firebreak scan --no-history . --sarif found.sarif')
  const byUri = (run: typeof first) =>
    new Map(
      run.results.map(result => [uris([result])[0]!, result.partialFingerprints!['firebreakCredential/v1']!]),
    )
  for (const [uri, fingerprint] of byUri(second)) expect(byUri(first).get(uri)).toBe(fingerprint)
  const { stdout } = await stage.run('firebreak scan . --json')
  for (const { fingerprint } of (JSON.parse(stdout) as { credentials: { fingerprint: string }[] })
    .credentials)
    expect([...byUri(first).values()]).toContain(fingerprint)
  expect(new Set(byUri(first).values()).size).toBe(3)
  const other = await stage.run('firebreak scan . --sarif found.sarif', {
    environment: { FIREBREAK_HOME: join(stage.home, '../another') },
  })
  expect(other.exit).toBe(1)
  const elsewhere = sarifSchema.parse(
    JSON.parse(await readFile(join(stage.directory, 'found.sarif'), 'utf8')),
  )
  expect([...byUri(first).values()]).not.toContain([...byUri(elsewhere.runs[0]!).values()][0])
})

test('a change, and a baseline that tells what is new in it', async () => {
  await stage.run('firebreak scan . --write-baseline known.json')
  const url = `postgres://app:${randomBytes(20).toString('hex')}@db.example:5432/app`
  await writeFile(join(stage.directory, 'new.env'), `URL=${url}\n`)
  await stage.run('git add new.env')
  const change = await written('firebreak scan --staged --sarif found.sarif')
  expect(uris(change.results)).toEqual(['%SRCROOT%/new.env:1'])
  const compared = await written('firebreak scan . --baseline known.json --sarif found.sarif')
  const states = Map.groupBy(compared.results, ({ baselineState }) => baselineState!)
  expect(uris(states.get('new')!).sort()).toEqual(['%SRCROOT%/new.env:1', '%SRCROOT%/test.env:1'])
  expect(states.get('unchanged')).toHaveLength(4)
})

test('a file that cannot be written is an error, after what was found', async () => {
  const { exit, stderr } = await stage.run('firebreak scan --staged --sarif absent/found.sarif')
  expect(exit).toBe(2)
  expect(stderr).toContain(
    'INVALID_INPUT  The input is not usable: absent/found.sarif cannot be written: there is no such file or folder',
  )
})
