import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectors } from '../../../src/connectors/all.ts'
import { disconnect } from '../../../src/serve/operations/disconnect.ts'
import { importReports } from '../../../src/serve/operations/import.ts'
import { observe } from '../../../src/serve/operations/observe.ts'
import type { World } from '../../../src/serve/operations/operation.ts'
import { scan } from '../../../src/serve/operations/scan.ts'
import { show } from '../../../src/serve/operations/show.ts'
import { trace } from '../../../src/serve/operations/trace.ts'
import { openWorld } from './open-world.ts'

type Imported = Awaited<ReturnType<typeof importReports.run>>
type Found = Awaited<ReturnType<typeof scan.run>>['credentials'][number]
type Copy = Found['copies'][number]

const letters = (count: number, alphabet: string) =>
  [...randomBytes(count)].map(byte => alphabet[byte % alphabet.length]).join('')
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

let root: string
let repository: string
let opened: Awaited<ReturnType<typeof openWorld>>
let world: World
let before: Map<string, Found>
const accessKeyId = `AKIA${letters(16, BASE32)}`
const secretKey = letters(40, ALPHANUMERIC)
const password = letters(32, ALPHANUMERIC)
const databasePassword = letters(24, ALPHANUMERIC)

/** What stands in the repository, where, and what a tool would quote of it. */
interface Fact {
  readonly path: string
  readonly value: string
  readonly match: string
  readonly copy: Copy
}
let facts: Fact[]

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'firebreak-import-'))
  repository = join(root, 'app')
  await mkdir(join(repository, 'conf'), { recursive: true })
  await mkdir(join(repository, 'deploy'))
  const url = `postgres://app_orders:${databasePassword}@db.example:5432/orders`
  await writeFile(join(repository, 'deploy', '.env'), `PORT=3000\nDATABASE_URL=${url}\n`)
  await writeFile(
    join(repository, 'conf', 'aws.ini'),
    `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretKey}\n`,
  )
  await writeFile(join(repository, 'conf', 'settings.py'), `DEBUG = 0\nDB_PASSWORD = "${password}"\n`)
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Bea', '-c', 'user.email=bea@example.com', ...args], {
      cwd: repository,
    })
  git('init', '-q')
  git('remote', 'add', 'origin', 'https://token:x@git.example.com/acme/app.git')
  git('add', '.')
  git('commit', '-qm', 'first')
  // All rules would take most of the time to no end.
  opened = await openWorld(connectors, ['aws-access-key', 'generic-password', 'postgres-url'])
  world = opened.world
  const { credentials } = await scan.run(world, scan.input.parse({ paths: [repository] }))
  before = new Map(credentials.map(credential => [credential.fingerprint!, credential]))
  const copyAt = (path: string) =>
    credentials.flatMap(({ copies }) => copies).find(copy => copy.path === path && copy.commit !== null)!
  facts = [
    {
      path: 'deploy/.env',
      value: databasePassword,
      match: `DATABASE_URL=${url}`,
      copy: copyAt('deploy/.env'),
    },
    {
      path: 'conf/aws.ini',
      value: secretKey,
      match: `${accessKeyId}\naws_secret_access_key = ${secretKey}`,
      copy: copyAt('conf/aws.ini'),
    },
    {
      path: 'conf/settings.py',
      value: password,
      match: `DB_PASSWORD = "${password}"`,
      copy: copyAt('conf/settings.py'),
    },
  ]
  for (const { path, copy } of facts) expect(copy, path).toBeDefined()
}, 600_000)
afterAll(async () => {
  await opened?.close()
  await rm(root, { recursive: true, force: true })
})

async function importing(name: string, content: string, about = false): Promise<Imported> {
  const path = join(root, name)
  await writeFile(path, content)
  const parsed = importReports.input.parse({ files: [path], ...(about && { repository }) })
  const output = await importReports.run(world, parsed)
  const printed = JSON.stringify(output) + importReports.text(output, 80) + output.failures.map(String).join()
  for (const secret of [databasePassword, secretKey, password]) expect(printed).not.toContain(secret)
  return output
}

/** All that is known of a credential, from every source. */
async function traced(fingerprint: string) {
  return (await trace.run(world, { subject: fingerprint })).credentials
}

const placesOf = (copies: readonly Pick<Copy, 'place' | 'path' | 'line' | 'commit'>[]) =>
  copies.map(({ place, path, line, commit }) => JSON.stringify([place, path, line, commit])).sort()

const [author, email] = ['Bea', 'bea@example.com']

/** A report of the repository in each format, made from what stands there. */
const FORMATS: { name: string; about: boolean; write(facts: readonly Fact[]): string }[] = [
  {
    name: 'gitleaks.json',
    about: true,
    write: facts =>
      JSON.stringify(
        facts.map(({ path, value, match, copy }) => ({
          RuleID: 'generic-api-key',
          Description: 'Detected a key.',
          StartLine: copy.line,
          EndLine: copy.line,
          StartColumn: 3,
          EndColumn: 9,
          Match: match,
          Secret: value,
          File: path,
          SymlinkFile: '',
          Commit: copy.commit,
          Entropy: 4.2,
          Author: author,
          Email: email,
          Date: copy.date,
          Message: 'third',
          Tags: [],
          Fingerprint: `${copy.commit}:${path}:generic-api-key:${copy.line}`,
        })),
        null,
        1,
      ),
  },
  {
    name: 'trufflehog.json',
    about: false,
    write: facts =>
      facts
        .map(({ path, value, match, copy }) =>
          JSON.stringify({
            SourceMetadata: {
              Data: {
                Git: {
                  commit: copy.commit,
                  file: path,
                  email: `${author} <${email}>`,
                  repository: 'https://git.example.com/acme/app.git',
                  timestamp: '2026-01-02 10:17:40 -0700',
                  line: copy.line,
                },
              },
            },
            SourceID: 1,
            SourceType: 16,
            SourceName: 'trufflehog - git',
            DetectorType: 2,
            DetectorName: path.endsWith('.ini') ? 'AWS' : 'Generic',
            DecoderName: 'PLAIN',
            Verified: path.endsWith('.ini'),
            Raw: path.endsWith('.ini') ? accessKeyId : path.endsWith('.env') ? match.slice(13) : value,
            RawV2: path.endsWith('.ini') ? `${accessKeyId}:${secretKey}` : '',
            Redacted: '',
            ExtraData: null,
            StructuredData: null,
          }),
        )
        .join('\n'),
  },
  {
    name: 'kingfisher.json',
    about: false,
    write: facts =>
      `${JSON.stringify({
        findings: facts.map(kingfisher),
        access_map: [{ findings: [{ rule: {}, finding: {} }] }],
        audit: { scan_timestamp: 'x' },
      })}\n`,
  },
  {
    name: 'kingfisher.jsonl',
    about: false,
    write: facts =>
      [...facts.map(kingfisher), { access_map: [] }, { audit: {} }]
        .map(line => `${JSON.stringify(line)}\n`)
        .join(''),
  },
  {
    name: 'gitleaks.sarif',
    about: true,
    write: facts =>
      JSON.stringify({
        $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
        version: '2.1.0',
        runs: [
          {
            tool: { driver: { name: 'gitleaks', rules: [{ id: 'generic-api-key' }] } },
            results: facts.map(({ path, value, copy }) => ({
              ruleId: 'generic-api-key',
              message: { text: 'generic-api-key has detected secret' },
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: { uri: path },
                    region: { startLine: copy.line, startColumn: 1, snippet: { text: value } },
                  },
                },
              ],
              partialFingerprints: { commitSha: copy.commit, email, author, date: copy.date },
            })),
          },
        ],
      }),
  },
]

function kingfisher({ path, value, match, copy }: Fact) {
  return {
    rule: { name: 'kingfisher.generic.1', id: 'kingfisher.generic.1' },
    finding: {
      snippet: path.endsWith('.env') ? match.slice(13) : value,
      fingerprint: '123',
      confidence: 'medium',
      entropy: '4.20',
      validation: { status: path.endsWith('.ini') ? 'Active Credential' : 'Not Attempted', response: '' },
      language: 'Unknown',
      line: copy.line,
      column_start: 1,
      column_end: 9,
      path,
      git_metadata: {
        repository_url: 'https://git.example.com/acme/app',
        commit: {
          id: copy.commit,
          url: '',
          date: '2026-01-02',
          committer: { name: author, email },
        },
        file: { path, url: '', git_command: 'git show' },
      },
    },
  }
}

describe.each(FORMATS)('$name', ({ name, about, write }) => {
  test('holds the credentials that a scan found, at the places where it found them', async () => {
    const { reports, credentials } = await importing(name, write(facts), about)
    expect(reports).toEqual([
      expect.objectContaining({ findings: 3, withValue: 3, withoutValue: 0, notSecret: 0, notUnderstood: 0 }),
    ])
    const expected = [...before.values()].filter(({ copies }) =>
      copies.some(copy => facts.some(fact => fact.path === copy.path)),
    )
    expect(credentials.map(({ fingerprint }) => fingerprint).sort()).toEqual(
      expected.map(({ fingerprint }) => fingerprint).sort(),
    )
    for (const { fingerprint, kind, identity, copies, foundByScan, facts: said } of credentials) {
      expect(foundByScan).toBe(true)
      const own = before.get(fingerprint!)!
      expect({ kind, identity }).toEqual({ kind: own.kind, identity: own.identity })
      const [copy] = copies
      const fact = facts.find(fact => fact.path === copy!.path)!
      expect(copy).toMatchObject({
        place: `git:${repository}`,
        path: fact.path,
        line: fact.copy.line,
        commit: fact.copy.commit,
        author: 'Bea <bea@example.com>',
      })
      expect(said.map(fact => fact.name)).toContain(`${name.split('.')[0]}Rule`)
      const all = await traced(fingerprint!)
      expect(all).toHaveLength(1)
      expect(placesOf(all[0]!.copies)).toEqual(placesOf(own.copies))
    }
  })
})

describe('a report', () => {
  const [{ name, write }] = FORMATS as [(typeof FORMATS)[0]]
  const paths = ({ credentials }: Imported) => credentials.map(({ copies }) => copies[0]!.path).sort()

  test('read again is as before, and what the next one does not say is gone', async () => {
    await importing(name, write(facts), true)
    const again = await importing(name, write(facts))
    expect(again.reports[0]).toMatchObject({ unchanged: true, findings: 3 })
    expect(again.credentials).toHaveLength(3)
    expect(paths(await importing(name, write(facts.slice(1))))).toEqual(['conf/aws.ini', 'conf/settings.py'])
    // The first content again: what was gone is back, though these very bytes were read before.
    expect((await importing(name, write(facts))).credentials).toHaveLength(3)
    const none = await importing(name, '[]')
    expect(none.credentials).toEqual([])
    expect(none.coverage.skipped).toEqual([])
  })

  test('cut off in the middle is kept as far as it goes, marks nothing gone, and is a failure', async () => {
    await importing(name, write(facts), true)
    const whole = write(facts.slice(0, 2))
    const broken = await importing(name, whole.slice(0, whole.lastIndexOf(facts[1]!.value)))
    expect(broken.failures).toHaveLength(1)
    expect(broken.reports[0]).toMatchObject({ withValue: 1 })
    expect(broken.credentials).toHaveLength(3)
    expect(broken.coverage.skipped.map(({ why }) => why).join()).toMatch(/line \d+: it ends in the middle/)
  })

  test('that is deleted after it was imported still stands as it was read', async () => {
    await importing('gone.json', write(facts), true)
    await rm(join(root, 'gone.json'))
    const observed = await observe.run(world, observe.input.parse({ sources: [join(root, 'gone.json')] }))
    expect(observed.failures).toEqual([])
    const standing = await world.db
      .selectFrom('copy')
      .innerJoin('source', 'source.id', 'copy.source_id')
      .where('source.label', '=', join(root, 'gone.json'))
      .where('copy.gone_at', 'is', null)
      .select('copy.id')
      .execute()
    expect(standing).toHaveLength(3)
  })
})

test('what a tool says of its own try is its word, and no verdict', async () => {
  const { credentials } = await importing('trufflehog.json', FORMATS[1]!.write(facts))
  const key = credentials.find(({ kind }) => kind === 'aws-access-key')!
  expect(key.facts).toContainEqual(expect.objectContaining({ name: 'trufflehogVerified', value: true }))
  expect((await traced(key.fingerprint!))[0]!.state).toBe('unknown')
  const shown = show.text(await show.run(world, show.input.parse({ subject: key.fingerprint! })), 200)
  expect(shown).toMatch(/^reports say of it: .*trufflehogVerified true/m)
  expect(shown).not.toMatch(/^it says of itself: .*trufflehog/m)
})

test('a baseline of detect-secrets tells of places, and of no values', async () => {
  const digest = randomBytes(20).toString('hex')
  const { reports, credentials, withoutValue, coverage } = await importing(
    'baseline.json',
    JSON.stringify({
      version: '1.5.0',
      plugins_used: [{ name: 'AWSKeyDetector' }],
      filters_used: [],
      results: {
        'conf/aws.ini': [
          {
            type: 'AWS Access Key',
            filename: 'conf/aws.ini',
            hashed_secret: digest,
            is_verified: false,
            line_number: 2,
          },
        ],
        'test/x.py': [
          {
            type: 'Secret Keyword',
            filename: 'test/x.py',
            hashed_secret: digest,
            line_number: 7,
            is_secret: false,
          },
        ],
      },
      generated_at: '2026-01-01T00:00:00Z',
    }),
    true,
  )
  expect(reports[0]).toMatchObject({ tool: 'detect-secrets', findings: 2, withoutValue: 1, notSecret: 1 })
  expect(credentials).toEqual([])
  expect(withoutValue).toEqual([expect.objectContaining({ where: 'conf/aws.ini:2', rule: 'AWS Access Key' })])
  expect(coverage.skipped.map(({ why }) => why)).toEqual([
    '1 of 2 findings: a baseline holds a digest of the value only',
  ])
})

test('a path where nothing is makes no source', async () => {
  const path = join(root, 'nowhere.json')
  const { failures } = await importReports.run(world, importReports.input.parse({ files: [path] }))
  expect(String(failures[0])).toContain('there is no report at')
  expect((await world.connections.list(world.db)).map(({ label }) => label)).not.toContain(path)
})

test.each([
  ['no JSON', 'DEBUG = 0\n', /it is not JSON/],
  ['no report', '{"a": 1}', /it is no report of gitleaks/],
  ['empty', '', /it is empty/],
  ['cut off before its first finding', '[{"RuleID": "generic', /it ends in the middle/],
])('a file that is %s is not kept as a source, and nothing of it is', async (name, content, why) => {
  const before = await world.connections.list(world.db)
  const { reports, failures, coverage } = await importing(`${name}.txt`, content)
  expect(reports).toEqual([])
  expect(failures.map(String)).toEqual([expect.stringMatching(why)])
  expect(coverage).toEqual({
    searched: [],
    skipped: [{ what: join(root, `${name}.txt`), why: expect.stringMatching(why) }],
  })
  expect(await world.connections.list(world.db)).toEqual(before)
  const { failures: later } = await observe.run(world, observe.input.parse({}))
  expect(later.map(String).join()).not.toContain(name)
})

test('a report that once was one is kept when it is not any more: a scan that failed leaves such', async () => {
  await importing('once.json', FORMATS[0]!.write(facts), true)
  const { failures } = await importing('once.json', '')
  expect(failures).toHaveLength(1)
  expect((await world.connections.list(world.db)).map(({ label }) => label)).toContain(
    join(root, 'once.json'),
  )
  await disconnect.run(world, disconnect.input.parse({ sources: [join(root, 'once.json')] }))
})

test('of a repository that was disconnected its report goes on telling', async () => {
  await importing('gitleaks.json', FORMATS[0]!.write(facts), true)
  const leave = async (...sources: string[]) =>
    (await disconnect.run(world, disconnect.input.parse({ sources }))).sources.map(({ source }) => source)
  const reports = (await world.connections.list(world.db)).filter(({ system }) => system === 'report')
  await leave(...reports.filter(({ label }) => !label.endsWith('/gitleaks.json')).map(({ id }) => id))
  const placesNow = async (path: string) => {
    const fingerprint = [...before].find(([, { copies }]) => copies.some(copy => copy.path === path))![0]
    const [credential] = await traced(fingerprint)
    return credential!.copies
      .filter(copy => copy.path === path && copy.goneAt === null)
      .map(({ reportedBy }) => reportedBy)
  }
  for (const { path } of facts) expect(new Set(await placesNow(path)), path).toEqual(new Set([undefined]))
  expect(await leave(repository)).toEqual([`git:${repository}`, `directory:${repository}`])
  for (const { path } of facts) expect(await placesNow(path), path).toEqual([join(root, 'gitleaks.json')])
})
