import { describe, expect, test } from 'vitest'
import type { Observation } from '../../../../src/core/contract/observation.ts'
import { takeReport } from '../../../../src/know/readers/report/take-report.ts'
import { Unreadable } from '../../../../src/know/readers/reader.ts'
import { engine } from '../secrets/rules/rule-directory.ts'

const report = { system: 'report', instance: 'r', kind: 'report', id: 'r' }

async function taken(content: unknown): Promise<{ seen: Observation[]; failure: unknown }> {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  const seen: Observation[] = []
  const bytes = (async function* () {
    yield Buffer.from(text)
  })()
  try {
    for await (const each of takeReport(engine, { in: report, path: 'r.json' }, bytes)) seen.push(each)
    return { seen, failure: undefined }
  } catch (failure) {
    return { seen, failure }
  }
}

const copiesIn = (seen: readonly Observation[]) => seen.filter(each => each.see === 'copy')
const countsIn = (seen: readonly Observation[]) =>
  Object.fromEntries(
    seen.flatMap(each =>
      each.see === 'resource' && each.ref.kind === 'report'
        ? Object.entries(each.facts).map(([name, { value }]) => [name, value])
        : [],
    ),
  )
const commit = 'a'.repeat(40)
const found = (more: object) => ({
  RuleID: 'generic',
  Secret: 'qTb7Zk2Vw9',
  Match: '',
  File: 'a.txt',
  ...more,
})

describe('a report', () => {
  test('of more than a hundred thousand findings is taken in up to there, and that is told', async () => {
    const all = [found({}), ...Array.from({ length: 99_999 }, () => 0)]
    expect(await taken(all)).toMatchObject({ failure: undefined })
    const { seen, failure } = await taken([...all, 0])
    expect(copiesIn(seen)).toHaveLength(1)
    expect(countsIn(seen)).toMatchObject({ withValue: 1, notUnderstood: 100_000 })
    expect(failure).toBeInstanceOf(Unreadable)
    expect(String(failure)).toContain('more than 100000 findings')
  })

  test.each([
    ['an empty file', '', 'empty'],
    ['no JSON', 'RuleID,Secret\n', 'not JSON'],
    ['JSON of something else', '{"name":"package"}', 'no report'],
    ['an empty object', '{}', 'no report'],
    ['a list of something else', '[{"check_id":"x"}]', 'no report'],
    ['results of something else', '{"results":[{"check_id":"x","path":"y"}]}', 'no report'],
  ])('that is %s is refused, and says nothing', async (_, content, why) => {
    const { seen, failure } = await taken(content)
    expect(seen).toEqual([])
    expect(failure).toBeInstanceOf(Unreadable)
    expect(String(failure)).toContain(why)
  })

  test.each([
    ['an empty list', '[]'],
    ['null', 'null'],
    ['an empty envelope', '{"findings":[]}'],
    ['an audit alone', '{"audit":{}}'],
    ['a run without results', '{"version":"2.1.0","runs":[]}'],
    ['a baseline without results', '{"version":"1.5.0","results":{}}'],
  ])('may say that there is nothing: %s', async (_, content) => {
    const { seen, failure } = await taken(content)
    expect(failure).toBeUndefined()
    expect(countsIn(seen)).toMatchObject({ findings: 0 })
    expect(seen).toContainEqual(expect.objectContaining({ see: 'occurrence' }))
  })

  test('in which values are hidden tells of places, and takes the stand-in for no value', async () => {
    for (const Secret of ['REDACTED', 'REDACT', '', 'gh...', '******']) {
      const { seen } = await taken([found({ Secret })])
      expect(copiesIn(seen)).toEqual([])
      expect(countsIn(seen)).toMatchObject({ findings: 1, withValue: 0, withoutValue: 1 })
    }
  })

  test('of the public half of a pair tells of no secret', async () => {
    const id = `AKIA${'QZ2WSX3EDC4RFV5T'}`
    const { seen } = await taken([found({ RuleID: 'aws-access-token', Secret: id, Match: id })])
    expect(copiesIn(seen)).toEqual([])
    expect(countsIn(seen)).toMatchObject({ withoutValue: 1 })
  })

  test('of an unknown kind keeps the value and the name that the tool gives it', async () => {
    const { seen } = await taken([
      found({ Commit: commit, StartLine: 4, Author: 'Ann', Date: '2026-01-02T03:04:05Z' }),
    ])
    const [copy] = copiesIn(seen)
    expect(copy).toMatchObject({ kind: 'gitleaks:generic', place: { path: 'a.txt', slots: [{ line: 4 }] } })
    expect(copy?.secret.revealText()).toBe('qTb7Zk2Vw9')
    expect(seen).toContainEqual(
      expect.objectContaining({
        see: 'occurrence',
        commit,
        author: 'Ann',
        at: Date.UTC(2026, 0, 2, 3, 4, 5),
      }),
    )
  })

  test.each([
    ['a list', (groups: object[]) => JSON.stringify(groups)],
    ['lines', (groups: object[]) => groups.map(each => JSON.stringify(each)).join('\n')],
  ])('of the first Kingfisher has its findings in groups: %s', async (_, written) => {
    const finding = (snippet: string, line: number, said: object) => ({
      id: 'kingfisher.x.1',
      matches: [
        {
          rule: { name: 'X', id: 'kingfisher.x.1' },
          finding: {
            snippet,
            line,
            path: 'a.txt',
            ...said,
            git_metadata: null,
          },
        },
      ],
    })
    const odd = { confidence: 'constructor', validation: { status: 'constructor' } }
    const { seen, failure } = await taken(
      written([
        finding('qTb7Zk2Vw9', 3, { validation: { status: 'Active Credential' } }),
        finding('wRc8Ym1Xu4', 5, odd),
      ]),
    )
    expect(failure).toBeUndefined()
    const told = copiesIn(seen).map(({ kind, place, confidence }) => [
      kind,
      place.path,
      place.slots[0]?.line,
      confidence,
    ])
    expect(told).toEqual([
      ['kingfisher:kingfisher.x.1', 'a.txt', 3, 0.95],
      ['kingfisher:kingfisher.x.1', 'a.txt', 5, 0.5],
    ])
    expect(countsIn(seen)).toMatchObject({ findings: 2, withValue: 2, notUnderstood: 0 })
  })

  test.each([
    ['a list', (all: object[]) => JSON.stringify(all)],
    ['lines', (all: object[]) => all.map(each => JSON.stringify(each)).join('\n')],
  ])('of Betterleaks 2 has names of its own: %s', async (_, written) => {
    const base = { ruleID: 'x', description: 'X', confidence: 'high', tags: [], location: { startLine: 3 } }
    const git = {
      resource: 'git.patch_content',
      path: 'a.txt',
      'git.sha': commit,
      'git.author_name': 'Ann',
      'git.author_email': 'ann@x',
      'git.date': '2026-01-02T03:04:05Z',
      'git.remote_url': 'https://github.com/acme/app.git',
    }
    const secret = 'qTb7Zk2Vw9'
    const { seen, failure } = await taken(
      written([
        { ...base, match: `k=${secret}`, secret, attributes: git, validation: { status: 'valid' } },
        { ...base, match: '', secret: 'qTb...', attributes: { path: 'b.txt' } },
        { ...base, secret, attributes: { 'git.sha': commit }, validation: { status: 'revoked' } },
        { ...base, secret },
        {
          ...base,
          secret,
          confidence: 'constructor',
          attributes: { url: 'https://ann:hunter2@wiki.example/page?q=1' },
          validation: { status: '__proto__' },
        },
      ]),
    )
    expect(failure).toBeUndefined()
    expect(copiesIn(seen).map(copy => [copy.place.in.id, copy.place.path, copy.confidence])).toEqual([
      ['?github.com/acme/app', 'a.txt', 0.95],
      ['r', '(commit message)', 0.7],
      ['r', 'https://wiki.example/page', 0.5],
    ])
    expect(copiesIn(seen)[0]).toMatchObject({
      kind: 'betterleaks:x',
      place: { slots: [{ line: 3 }] },
      facts: { betterleaksVerified: { value: true } },
    })
    expect(seen).toContainEqual(
      expect.objectContaining({ see: 'occurrence', commit, author: 'Ann <ann@x>', at: 1_767_323_045_000 }),
    )
    const counts = { tool: 'betterleaks', withValue: 3, withoutValue: 1, notUnderstood: 1 }
    expect(countsIn(seen)).toMatchObject(counts)
  })

  test('of TruffleHog may have its log in it, and findings in a commit message or in no repository', async () => {
    const line = (Data: object) => ({ SourceMetadata: { Data }, DetectorName: 'X', Raw: 'qTb7Zk2Vw9' })
    const lines = [
      { level: 'info-0', ts: 'x', logger: 'trufflehog', msg: 'running source' },
      line({ Git: { commit, repository: 'git@GitHub.com:acme/app.git', email: 'A <a@b.c>' } }),
      line({ Slack: { channel_name: 'ops', link: 'https://x.slack.com/1?t=secret' } }),
    ]
    const { seen, failure } = await taken(lines.map(each => JSON.stringify(each)).join('\n'))
    expect(failure).toBeUndefined()
    expect(copiesIn(seen).map(({ place }) => [place.in.id, place.path])).toEqual([
      ['?github.com/acme/app', '(commit message)'],
      ['r', '(slack) ops'],
    ])
    expect(countsIn(seen)).toMatchObject({ findings: 2, notUnderstood: 0 })
  })

  test('in SARIF gives what the rules know in what it quotes, and nothing of what is not about secrets', async () => {
    const password = 'Zk2Vw9qTb7LmP4xR'
    const at = (text: string) => [
      {
        physicalLocation: {
          artifactLocation: { uri: 'src/a%20b.js' },
          region: { startLine: 3, snippet: { text } },
        },
      },
    ]
    const url = `postgres://app:${password}@db.example:5432/x`
    const { seen } = await taken({
      runs: [
        {
          // The tool after its results, which the order of members may be.
          results: [
            { ruleId: 'hardcoded-credentials', locations: at(`const db = '${url}'`) },
            { ruleId: 'hardcoded-credentials', locations: at('const db = connect(secret)') },
            { ruleId: 'xss', message: { text: 'unsafe markup' }, locations: at(`const db = '${url}'`) },
          ],
          tool: { driver: { name: 'Some Linter 2' } },
        },
      ],
    })
    const [copy, ...others] = copiesIn(seen)
    expect(others).toEqual([])
    expect(copy).toMatchObject({ kind: 'postgres-url', place: { path: 'src/a b.js', slots: [{ line: 3 }] } })
    expect(copy?.secret.revealText()).toBe(password)
    expect(countsIn(seen)).toMatchObject({
      tool: 'some-linter-2',
      withValue: 1,
      withoutValue: 1,
      notSecret: 1,
    })
  })

  test('in SARIF says that something is in order, or gone, and that is no find', async () => {
    const locations = [
      {
        physicalLocation: {
          artifactLocation: { uri: 'a.txt' },
          region: { startLine: 3, snippet: { text: 'qTb7Zk2Vw9' } },
        },
      },
    ]
    const states = [
      { baselineState: 'absent' },
      { kind: 'pass' },
      { kind: 'notApplicable' },
      { kind: 'review', baselineState: 'unchanged' },
    ]
    const results = states.map(state => ({ ruleId: 'r', locations, ...state }))
    const { seen } = await taken({ runs: [{ tool: { driver: { name: 'kingfisher' } }, results }] })
    expect(copiesIn(seen)).toHaveLength(1)
    expect(countsIn(seen)).toMatchObject({ findings: 4, withValue: 1, notSecret: 3 })
  })

  test('puts nothing into names, paths and reasons that a terminal would obey', async () => {
    const { seen } = await taken([
      found({ RuleID: 'a\u001b[31mb\ud800', File: 'x\u001b]0;y\u0007', Author: 'A\nB', Commit: 'nope; rm' }),
    ])
    // oxlint-disable-next-line no-control-regex -- what is looked for
    expect(JSON.stringify(seen)).not.toMatch(/\\u00[01]|\\n|\\ud800/)
    expect(copiesIn(seen)[0]?.place.path).toBe('x\\x1B]0;y\\x07')
  })

  test('of gitleaks 7, or of TruffleHog 2, gives what the rules know in what it quotes', async () => {
    const value = 'Vb4nQz81'.concat('kLx2WpRt')
    const line = `DB_PASSWORD=${value}`
    const old = { rule: 'Env', file: './app/.env', lineNumber: 7, commit, author: 'Ann', email: 'ann@x' }
    const date = '2020-05-06T07:08:09Z'
    const gitleaks = await taken([
      { ...old, offender: line, line, date },
      { ...old, offender: 'REDACTED', line: 'REDACTED' },
      { ...old, file: 5, offender: line },
    ])
    expect(gitleaks.failure).toBeUndefined()
    const [copy] = copiesIn(gitleaks.seen)
    expect(copy).toMatchObject({
      kind: 'generic-password',
      place: { path: 'app/.env', slots: [{ line: 7 }] },
    })
    expect(copy?.secret.revealText()).toBe(value)
    expect(countsIn(gitleaks.seen)).toMatchObject({
      tool: 'gitleaks',
      withValue: 1,
      withoutValue: 1,
      notUnderstood: 1,
    })
    expect(gitleaks.seen).toContainEqual(
      expect.objectContaining({ see: 'occurrence', commit, author: 'Ann <ann@x>', at: Date.parse(date) }),
    )
    const record = {
      branch: 'main',
      commit: 'a message',
      commitHash: commit,
      date,
      path: 'b.env',
      reason: 'High Entropy',
    }
    const trufflehog = await taken(
      [
        { ...record, diff: `@@ -0,0 +1 @@\n+${line}`, stringsFound: [value] },
        { ...record, diff: '', stringsFound: ['c0ffee00c0ffee00c0ffee00c0ffee00'] },
      ]
        .map(each => `${JSON.stringify(each)}\n`)
        .join(''),
    )
    expect(trufflehog.failure).toBeUndefined()
    expect(copiesIn(trufflehog.seen).map(({ secret, place }) => [secret.revealText(), place.path])).toEqual([
      [value, 'b.env'],
    ])
    expect(countsIn(trufflehog.seen)).toMatchObject({ tool: 'trufflehog', withValue: 1, withoutValue: 1 })
  })

  test('of which a finding is odd is taken without it, and says so', async () => {
    const { seen, failure } = await taken([
      found({ File: 5 }),
      found({ RuleID: {} }),
      found({ Secret: 'x'.repeat(100_000) }),
      found({}),
      7,
    ])
    expect(failure).toBeUndefined()
    expect(countsIn(seen)).toMatchObject({ findings: 5, withValue: 1, withoutValue: 1, notUnderstood: 3 })
  })

  test('changed at random is read or refused, and never anything else', async () => {
    const whole = JSON.stringify({
      findings: [
        { rule: { id: 'k' }, finding: { snippet: 'qTb7Zk2Vw9', path: 'p', line: 1, git_metadata: null } },
      ],
      runs: [{ tool: { driver: { name: 'gitleaks' } }, results: [{ ruleId: 'r', locations: [] }] }],
      results: { f: [{ type: 't', filename: 'f', line_number: 1 }] },
    })
    let state = 11
    const random = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
      return state % below
    }
    const signs = '{}[]",:\\0n \n\u0000é'
    for (let turn = 0; turn < 3000; turn++) {
      let text = whole
      for (let change = 0; change <= random(3); change++) {
        const at = random(text.length)
        text = text.slice(0, at) + signs[random(signs.length)]! + text.slice(at + random(3))
      }
      const { failure } = await taken(text)
      if (failure !== undefined) expect(failure, text).toBeInstanceOf(Unreadable)
    }
  })
})
