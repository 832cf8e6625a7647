import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { directory } from '../../../../src/connectors/directory/connector.ts'
import { Reading } from '../../../../src/know/observe/reading.ts'
import { scanKept } from '../../../../src/serve/operations/scan/kept.ts'
import { setStage } from '../../../stage.ts'
import { openWorld } from '../open-world.ts'

test('what is staged stands now for as long as it is staged', async () => {
  const stage = await setStage()
  onTestFinished(() => stage.remove())
  const standing = async (command: string) => {
    const { stdout } = await stage.run(`cd ../staged && ${command} && firebreak scan .`)
    const rows = stdout.split('\n').filter(row => row.includes('a.env:') || row.includes('object):'))
    return rows.map(row => row.trim().split(/ {2,}/).slice(3))
  }
  const commit = 'git -c user.name=Ann -c user.email=ann@example.com commit -q --allow-empty -m'
  await stage.run(`git init -q ../staged && cd ../staged && ${commit} first`)
  const line = `URL=postgres://app:${randomBytes(20).toString('hex')}@db.example:5432/app`
  expect(await standing(`echo '${line}' > a.env && git add a.env && rm a.env`)).toEqual([
    ['(index) a.env:1', 'now'],
  ])
  // Replaced by something else, and taken out of the index.
  for (const command of ['echo URL= > a.env && git add a.env', 'git reset -q'])
    expect(await standing(command)).toEqual([['(unreachable object):1', 'history']])
  expect(await standing(`echo '${line}' > a.env && git add a.env && ${commit} second`)).toEqual([
    ['a.env:1', 'now', expect.stringMatching(/^[0-9a-f]{8}$/)],
  ])
})

test('of one file, also in a folder of its name, says what of it was not searched by its own path', async () => {
  const stage = await setStage()
  onTestFinished(() => stage.remove())
  await stage.run('mkdir cut && seq 9999 | gzip > whole && head -c 5000 whole > cut/cut')
  const { directory } = stage
  const skipped = async (path: string) => {
    const { stdout } = await stage.run(`firebreak scan --no-history ${path} --json`)
    return (JSON.parse(stdout) as { coverage: { skipped: { what: string }[] } }).coverage.skipped
  }
  expect(await skipped('cut/cut')).toEqual([
    { what: expect.stringMatching(`^directory:${directory}/cut/cut(!/.*)?$`), why: expect.any(String) },
  ])
  expect(await skipped('cut')).toEqual(await skipped('cut/cut'))
})

test('asks for the reason of a mark where one can be given, and not in the history', async () => {
  const stage = await setStage()
  onTestFinished(() => stage.remove())
  const commit = 'git -c user.name=Ann -c user.email=ann@example.com commit -qm'
  const line = `URL=postgres://app:${randomBytes(20).toString('hex')}@db.example:5432/app # firebreak:allow`
  const said = async (command: string) => (await stage.run(`${command} && firebreak scan .`)).stdout
  const asked = 'a.env:1: firebreak:allow is not accepted'
  expect(await said(`echo '${line}' > a.env && git add a.env && ${commit} more`)).toContain(asked)
  const later = await said(`git rm -q a.env && ${commit} less`)
  expect(later).toContain('a.env:1')
  expect(later).not.toContain(asked)
})

test('shows what was found also where a report of it cannot be written', async () => {
  const stage = await setStage()
  onTestFinished(() => stage.remove())
  const options = '--sarif nowhere/found.sarif --write-baseline nowhere/known.json'
  for (const line of [`firebreak scan . ${options}`, `firebreak scan --since HEAD~1 ${options}`]) {
    const { exit, stdout, stderr } = await stage.run(line)
    expect(exit).toBe(2)
    expect(stdout).toMatch(/credentials? in |No credentials found/)
    expect(stderr).toContain('nowhere/found.sarif cannot be written')
    expect(stderr).toContain('nowhere/known.json cannot be written')
  }
})

test('goes nowhere from what could not be read', async () => {
  const stage = await setStage()
  onTestFinished(() => stage.remove())
  const { exit, stdout, stderr } = await stage.run('firebreak scan nowhere')
  expect(exit).toBe(2)
  expect(stdout).toContain('Nothing could be searched to its end.')
  expect(stdout).not.toContain('Next:')
  expect(stderr).toContain('there is nothing at ')
})

test('says of a URL what to do instead, and takes it for no path', async () => {
  const stage = await setStage()
  onTestFinished(() => stage.remove())
  const { exit, stdout, stderr } = await stage.run('firebreak scan https://code.example/acme/app.git')
  expect([exit, stdout]).toEqual([2, ''])
  expect(stderr).toContain('clone the repository')
})

test('workers that do not end as they should fail the scan, and not the process before', async () => {
  const { world, close } = await openWorld([directory], ['github-token'])
  onTestFinished(close)
  const { close: end } = Reading.prototype
  // A spy would take the failure for itself.
  Reading.prototype.close = async function () {
    await end.call(this)
    throw new Error('it did not end')
  }
  onTestFinished(() => void (Reading.prototype.close = end))
  const input = { paths: [world.home], history: false, workers: 1, minConfidence: 0, exclude: [] }
  // A server is not asked in the same turn.
  const db = world.db.withPlugin({
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      await setImmediate()
      return result
    },
  })
  const scan = scanKept({ ...world, db }, { ...input, accept: undefined, collect: undefined })
  await expect(scan).rejects.toThrow('it did not end')
})
