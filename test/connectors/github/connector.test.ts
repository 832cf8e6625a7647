import { describe, expect, test } from 'vitest'
import { githubConfig } from '../../../src/connectors/github/config.ts'
import { memoryGithub } from '../../../src/connectors/github/memory.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { collect, edgesIn, furnished, gapsIn, quickIo, textsOf, type Twin } from './world.ts'

const open = async (twin: Twin, io = quickIo()) => await twin.connector.open({} as never, io)

async function seenAt(twin: Twin, io = quickIo()): Promise<Observation[]> {
  return await collect((await open(twin, io)).discover!())
}

function factsOf(seen: readonly Observation[], kind: string, name: string) {
  const facts: Record<string, unknown> = {}
  for (const each of seen)
    if ('facts' in each && each.see !== 'copy' && each.ref.kind === kind && each.ref.id.endsWith(name))
      for (const [key, { value }] of Object.entries(each.facts ?? {})) facts[key] = value
  return facts
}

describe('what is seen', () => {
  test('who may do what, and by which right', async () => {
    const twin = furnished()
    const { app, server } = twin
    server.runners.push({ id: 3, name: 'shared', labels: [] })
    const edges = edgesIn(await seenAt(twin))
    const id = (login: string) => server.members.find(({ user }) => user.login === login)!.user.id
    const [renovate, reader] = server.installations
    expect(edges).toEqual(
      expect.arrayContaining([
        `user/${id('ann')} administers owner/9001`,
        `user/${id('ann')} administers repository/${app.id}`,
        `user/${id('bob')} may-push repository/${app.id}`,
        `user/${id('bob')} member-of team/${server.teams[0]!.id}`,
        `team/${server.teams[0]!.id} may-push repository/${app.id}`,
        `team/${server.teams[0]!.id} may-approve environment/${app.id}/environments/production`,
        `app-installation/${renovate!.id} may-push repository/${app.id}`,
        `app-installation/${reader!.id} may-read repository/${app.id} if`,
        `repository/${app.id} has-secret actions-secret/${app.id}/secrets/DATABASE_URL`,
        `repository/${app.id} has-secret actions-secret/secrets/NPM_TOKEN`,
        `repository/${app.id} has-runner runner/runners/3 if`,
        `repository/${app.id} has-environment environment/${app.id}/environments/production`,
        `environment/${app.id}/environments/production has-secret actions-secret/${app.id}/environments/production/secrets/DATABASE_URL`,
      ]),
    )
    expect(edges.filter(edge => edge.startsWith('deploy-key/')).map(edge => edge.split(' ')[1])).toEqual([
      'may-push',
      'may-read',
    ])
    // A secret that goes to other repositories is not this one's.
    expect(edges).not.toContainEqual(expect.stringContaining('OTHERS'))
  })

  test('what stands between: rules, protection of environments, rights of jobs, where hooks lead', async () => {
    const twin = furnished()
    const seen = await seenAt(twin)
    expect(factsOf(seen, 'repository', String(twin.app.id))).toMatchObject({
      visibility: 'public',
      defaultBranch: 'main',
      requiresPullRequest: true,
      requiredReviews: 1,
      jobTokens: 'read',
      oidcSubjectClaims: 'default',
    })
    expect(factsOf(seen, 'environment', 'production')).toMatchObject({
      requiredReviewers: 1,
      preventsSelfReview: true,
      waitMinutes: 30,
      branches: ['main', 'release/*'],
    })
    // No query of an address: it is where tokens like to stand.
    expect(factsOf(seen, 'webhook', '')).toMatchObject({ sendsTo: 'https://ci.example.org', hasSecret: true })
    expect(factsOf(seen, 'app-installation', '')).toMatchObject({
      repositories: 'selected',
      suspended: false,
    })
    expect(gapsIn(seen)).toEqual([])
  })

  test('an app that is suspended may nothing', async () => {
    const twin = furnished()
    twin.server.installations[0]!.suspended_at = '2026-01-01T00:00:00Z'
    const edges = edgesIn(await seenAt(twin))
    expect(
      edges.filter(edge => edge.startsWith(`app-installation/${twin.server.installations[0]!.id} `)),
    ).toEqual([])
  })

  test('only the repositories that are named', async () => {
    const twin = furnished({ repositories: ['other'] })
    twin.server.addRepository('other')
    const seen = await seenAt(twin)
    expect(edgesIn(seen).filter(edge => edge.includes(' owns '))).toHaveLength(1)
    expect(seen).toContainEqual(
      expect.objectContaining({ see: 'covered', why: expect.stringContaining('names') }),
    )
  })

  test('of a user who is no organisation, no members are asked for', async () => {
    const twin = furnished()
    twin.server.owner = { ...twin.server.owner, type: 'User' }
    const seen = await seenAt(twin)
    expect(edgesIn(seen)).toContainEqual(expect.stringContaining(' may-push '))
    expect(twin.asked.filter(asked => asked.startsWith('GET /orgs/acme/'))).toEqual([])
  })
})

describe('what is read', () => {
  test('workflows, variables, issues with comments, logs, artifacts, and alerts as a report', async () => {
    const twin = furnished()
    const { app, server } = twin
    app.issues.push({ number: 5, title: 'It fails', body: 'with this token', updated_at: server.tick() })
    app.comments.push({ id: 71, issue: 5, body: 'try another', updated_at: server.tick() })
    app.runs.push({ id: 900, logs: Buffer.from('log') }, { id: 901, logs: undefined })
    app.artifacts.push({ id: 950, name: 'site', content: Buffer.from('zip'), expired: false })
    const alert = {
      number: 1,
      secret_type: 'some_token',
      secret: 'value',
      path: 'a.env',
      line: 3,
      commit: 'c0ffee',
    }
    app.alerts.push(alert)
    const texts = await textsOf(await open(twin))
    expect(Object.fromEntries(texts)).toMatchObject({
      '.github/workflows/ci.yml': expect.stringContaining('jobs:'),
      'app/REGION': 'REGION="eu-west-1"\n',
      'app/issues/5': 'It fails\n\nwith this token',
      'app/issues/5#comment-71': 'try another',
      'app/runs/900/logs.zip': 'log',
      // Logs are kept for some weeks.
      'app/runs/901/logs.zip': '',
      'app/artifacts/950/site.zip': 'zip',
    })
    expect(JSON.parse(texts.get('secret-scanning.json')!)).toEqual([
      { RuleID: 'some_token', Secret: 'value', File: 'a.env', Commit: 'c0ffee', StartLine: 3 },
    ])
  })

  test('whether actions that workflows name are archived, once: those of others that are shown to us', async () => {
    const twin = memoryGithub()
    const repository = twin.server.addRepository('app')
    const uses = ['Acme-Actions/Old/setup@v1', 'acme-actions/new@v2', 'nobody/here@v3', 'acme/app/local@main']
    repository.files.set(
      '.github/workflows/ci.yml',
      `on: push\njobs:\n  one:\n    steps:\n      - uses: ./here\n${uses.map(one => `      - uses: ${one}\n`).join('')}`,
    )
    twin.server.others.set('acme-actions/old', { full_name: 'Acme-Actions/Old', archived: true })
    twin.server.others.set('acme-actions/new', { full_name: 'acme-actions/new', archived: false })
    const connection = await open(twin)
    for await (const { bytes } of connection.documents!()) await collect(bytes())
    const told = (await collect(connection.discover!())).flatMap(one =>
      one.see === 'resource' && one.ref.kind === 'action' ? [[one.names[0], one.facts]] : [],
    )
    expect(told).toEqual([
      ['acme-actions/new', { archived: { value: false } }],
      ['Acme-Actions/Old', { archived: { value: true } }],
    ])
    // What was not read again is not asked about again, and stands.
    const before = twin.asked.length
    for await (const _ of connection.documents!()) void _
    const again = await collect(connection.discover!())
    expect(twin.asked.slice(before).some(asked => asked.includes('/repos/acme-actions/'))).toBe(false)
    expect(again).toContainEqual(
      expect.objectContaining({ see: 'covered', keeps: expect.arrayContaining(['action']) }),
    )
  })

  test('a second time only what changed since', async () => {
    const twin = furnished()
    const { app, server } = twin
    const add = (number: number) =>
      app.issues.push({ number, title: `issue ${number}`, body: '', updated_at: server.tick() })
    for (const number of [1, 2, 3]) add(number)
    const connection = await open(twin)
    const first = await collect(connection.documents!())
    const cursor = first.findLast(document => document.cursor !== '')!.cursor
    add(4)
    const again = (await collect(connection.documents!(cursor))).map(({ path }) => path)
    // The last one once more: another may have been written in the same second.
    expect(again.filter(path => path.includes('issues'))).toEqual(['app/issues/3', 'app/issues/4'])
    expect((await collect(connection.discover!())).filter(each => each.see === 'covered')).toContainEqual(
      expect.objectContaining({ keeps: ['actions-log', 'action', 'discussion'] }),
    )
  })

  test('what a secret is said to hold, unless it was changed since', async () => {
    const values = new Secret(
      '# told\napp/DATABASE_URL=postgres://one\napp/production/DATABASE_URL="two\\nlines"\n',
    )
    const twin = furnished({ values, valuesAsOf: '2026-01-02T00:00:00Z' })
    expect(Object.fromEntries(await textsOf(await open(twin)))).toMatchObject({
      'app/DATABASE_URL': 'DATABASE_URL="postgres://one"\n',
      'app/production/DATABASE_URL': 'DATABASE_URL="two\\nlines"\n',
    })
    twin.app.secrets[0]!.updated_at = '2026-01-02T00:00:01Z'
    expect([...(await textsOf(await open(twin))).keys()]).not.toContain('app/DATABASE_URL')
  })
})

describe('an API that fails', () => {
  test.each([403, 404])('what is answered with %i is a gap with advice; the rest is read', async status => {
    const twin = furnished()
    twin.refusals.set('GET /repos/acme/app/actions/secrets', {
      status,
      headers: { 'x-accepted-github-permissions': 'secrets=read' },
    })
    const seen = await seenAt(twin)
    const [gap, ...others] = gapsIn(seen)
    expect(others).toEqual([])
    expect(gap).toMatchObject({
      scope: `github:acme/app/${twin.app.id}/secrets`,
      why: expect.stringContaining('secrets=read'),
    })
    expect(gap).not.toHaveProperty('failed')
    expect(edgesIn(seen)).toContainEqual(expect.stringContaining('has-environment'))
  })

  test('500 on the third page: it is asked again; where it stays so, that is a gap and no list', async () => {
    const twin = furnished()
    for (let count = 0; count < 5; count++) twin.server.addKey(twin.app, `key ${count}`, true)
    const third = 'GET /repos/acme/app/keys?per_page=2&page=3'
    twin.refusals.set(third, { status: 500, times: 2 })
    const waits: number[] = []
    expect(
      edgesIn(await seenAt(twin, quickIo(waits))).filter(edge => edge.startsWith('deploy-key/')),
    ).toHaveLength(7)
    expect(waits).toEqual([500, 1000])
    twin.refusals.set(third, { status: 500 })
    const seen = await seenAt(twin)
    expect(gapsIn(seen)).toEqual([
      expect.objectContaining({ scope: expect.stringMatching(/\/keys$/), failed: true }),
    ])
    expect(edgesIn(seen).filter(edge => edge.startsWith('deploy-key/'))).toEqual([])
  })

  test('a limit is waited for, as long as the server says', async () => {
    const twin = furnished()
    twin.refusals.set('GET /repos/acme/app/hooks', { status: 429, headers: { 'retry-after': '7' }, times: 1 })
    const reset = String(Math.floor(Date.now() / 1000) + 110)
    twin.refusals.set('GET /repos/acme/app/keys', {
      status: 403,
      headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset },
      times: 1,
    })
    const waits: number[] = []
    expect(gapsIn(await seenAt(twin, quickIo(waits)))).toEqual([])
    expect(waits).toHaveLength(2)
    expect(waits).toContain(7000)
    expect(Math.max(...waits)).toBeGreaterThan(80_000)
  })

  test('a limit of an hour is not waited for: it is a gap that says when to go on', async () => {
    const twin = furnished()
    twin.refusals.set('GET /repos/acme/app/keys', { status: 403, headers: { 'retry-after': '3600' } })
    expect(gapsIn(await seenAt(twin))).toEqual([
      expect.objectContaining({ failed: true, why: expect.stringMatching(/limit of calls.*Go on at 20/) }),
    ])
  })

  test('a list that loses a line while it is read is read again, so that nothing slips through', async () => {
    const twin = furnished()
    for (let count = 0; count < 4; count++) twin.server.addKey(twin.app, `key ${count}`, true)
    let once = true
    twin.before = request => {
      // The first goes, and the third is on the page that was read already.
      if (once && request.endsWith('/keys?per_page=2&page=2')) {
        once = false
        twin.app.keys.shift()
      }
    }
    const seen = await seenAt(twin)
    const titles = seen.flatMap(each =>
      each.see === 'identity' && each.ref.kind === 'deploy-key' ? each.names : [],
    )
    for (const { title } of twin.app.keys) expect(titles).toContain(`acme/app ${title}`)
  })

  test('a list that changes each time is a gap', async () => {
    const twin = furnished()
    for (let count = 0; count < 4; count++) twin.server.addKey(twin.app, `key ${count}`, true)
    twin.before = request => {
      if (request.endsWith('/keys?per_page=2&page=2'))
        twin.server.addKey(twin.app, `more ${twin.calls}`, true)
      if (request.endsWith('/keys?per_page=2&page=2')) twin.app.keys.shift()
    }
    expect(gapsIn(await seenAt(twin))).toEqual([
      expect.objectContaining({ why: expect.stringContaining('it changed each time') }),
    ])
  })

  test('no token goes to another server that a list leads to', async () => {
    const twin = furnished()
    twin.refusals.set('GET /repos/acme/app/keys', {
      status: 200,
      headers: { link: '<https://evil.example.org/repos/acme/app/keys?page=2>; rel="next"' },
      body: [],
    })
    const seen = await seenAt(twin)
    expect(gapsIn(seen)).toEqual([
      expect.objectContaining({ why: expect.stringContaining('at another server') }),
    ])
    expect(twin.asked).not.toContainEqual(expect.stringMatching(/keys\?(?:.*&)?page=2$/))
  })
})

describe('places', () => {
  const VALUES = 'app/DATABASE_URL=postgres://app:old@db/app\nNPM_TOKEN=old\n'
  async function held(approved = ['app/*', 'NPM_TOKEN', 'app/production/*']) {
    const twin = furnished({ values: new Secret(VALUES), valuesAsOf: '2026-02-01T00:00:00Z', approved })
    const connection = await open(twin)
    const placeOf = async (path: string, value: string) => {
      const document = (await collect(connection.documents!())).find(one => one.path === path)!
      const text = Buffer.concat(await collect(document.bytes())).toString()
      const at = text.indexOf(value)
      const slots = [{ part: 'value' as const, at: `${at}-${at + value.length}`, encodings: [] }]
      return { in: document.in, path, version: document.id, slots }
    }
    return { twin, connection, placeOf }
  }

  test('a secret is sealed for GitHub, which opens it; around the credential it stays as it was', async () => {
    const { twin, connection, placeOf } = await held()
    const place = await placeOf('app/DATABASE_URL', 'old')
    expect((await connection.read!(place)).revealText()).toBe('old')
    const now = await connection.write!(place, new Secret('fresh'))
    expect(twin.app.secrets[0]!.value).toBe('postgres://app:fresh@db/app')
    expect((await connection.read!(now)).revealText()).toBe('fresh')
    await connection.write!(now, new Secret('fresher'))
    expect(twin.app.secrets[0]!.value).toBe('postgres://app:fresher@db/app')
    expect(twin.asked.join('\n')).not.toContain('fresh')
  })

  test('an organisation’s secret goes on to the repositories that it went to', async () => {
    const { twin, connection, placeOf } = await held()
    Object.assign(twin.server.secrets[0]!, { visibility: 'selected', selected: [7, 8] })
    await connection.write!(await placeOf('NPM_TOKEN', 'old'), new Secret('new'))
    expect(twin.server.secrets[0]).toMatchObject({ value: 'new', visibility: 'selected', selected: [7, 8] })
  })

  test('a variable is written as it is', async () => {
    const { twin, connection, placeOf } = await held()
    await connection.write!(await placeOf('app/REGION', 'eu-west-1'), new Secret('new'))
    expect(twin.app.variables[0]!.value).toBe('new')
  })

  test('removed, once or twice, it is gone; what holds nothing else goes with it', async () => {
    const { twin, connection, placeOf } = await held()
    const part = await placeOf('app/DATABASE_URL', 'old')
    const whole = await placeOf('NPM_TOKEN', 'old')
    const variable = await placeOf('app/REGION', 'eu-west-1')
    for (const place of [part, part, whole, whole, variable, variable]) await connection.remove!(place)
    expect(twin.app.secrets[0]!.value).toBe('postgres://app:@db/app')
    expect(twin.server.secrets.map(({ name }) => name)).not.toContain('NPM_TOKEN')
    expect(twin.app.variables.map(({ name }) => name)).not.toContain('REGION')
  })

  test('an answer that was lost: written again, it is written once', async () => {
    const { twin, connection, placeOf } = await held()
    const place = await placeOf('app/DATABASE_URL', 'old')
    const before = twin.calls
    await connection.write!(await placeOf('NPM_TOKEN', 'old'), new Secret('count'))
    const calls = twin.calls - before
    for (let call = 1; call <= calls + 1; call++) {
      twin.server.set(twin.app.secrets, 'DATABASE_URL', 'x', { updated_at: place.version!.split('@')[1]! })
      const fresh = await open(twin)
      twin.failAt(call, 'after')
      await fresh.write!(place, new Secret('fresh')).catch(() => {})
      twin.noFault()
      await fresh.write!(place, new Secret('fresh'))
      expect(twin.app.secrets[0]!.value, `call ${call}`).toBe('postgres://app:fresh@db/app')
    }
  })

  test('what another changed is a CONFLICT, and what is not approved is DENIED', async () => {
    const { twin, connection, placeOf } = await held(['app/DATABASE_URL'])
    const place = await placeOf('app/DATABASE_URL', 'old')
    await expect(connection.write!(await placeOf('NPM_TOKEN', 'old'), new Secret('n'))).rejects.toMatchObject(
      { code: 'DENIED' },
    )
    twin.server.set(twin.app.secrets, 'DATABASE_URL', 'other', { updated_at: '2026-03-01T00:00:00Z' })
    await expect(connection.remove!(await placeOf('NPM_TOKEN', 'old'))).rejects.toMatchObject({
      code: 'DENIED',
    })
    for (const call of [
      connection.read!(place),
      connection.write!(place, new Secret('n')),
      connection.remove!(place),
    ])
      await expect(call).rejects.toMatchObject({ code: 'CONFLICT' })
    const now = { ...place, version: place.version!.replace(/@.*/, '@2026-03-01T00:00:00Z') }
    for (const call of [connection.read!(now), connection.write!(now, new Secret('n'))])
      await expect(call).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    expect(twin.app.secrets[0]!.value).toBe('other')
  })
})

describe('tokens', () => {
  const userRef = (id: number) => ({
    system: 'github',
    instance: 'github.com:9001',
    kind: 'user',
    id: String(id),
  })

  test('a person’s token is tried as that person, and ended by its value without our name', async () => {
    const twin = furnished()
    const user = twin.server.addUser('eve')
    const token = new Secret(twin.server.addToken(user))
    const connection = await open(twin)
    expect(await connection.verify!(userRef(user.id), token)).toMatchObject({ state: 'live' })
    expect(await connection.verify!(userRef(1), token)).toMatchObject({ state: 'unknown' })
    await connection.revoke!(userRef(user.id), token)
    expect(await connection.verify!(userRef(user.id), token)).toMatchObject({ state: 'dead' })
    await expect(connection.revoke!(userRef(user.id))).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  test('a fine-grained token is seen with its rights, and taken away by its number', async () => {
    const twin = furnished()
    const user = twin.server.addUser('eve')
    twin.server.fineGrained.push({ id: 77, owner: user, permissions: { repository: { contents: 'write' } } })
    const connection = await open(twin)
    const seen = await collect(connection.discover!())
    expect(seen).toContainEqual(
      expect.objectContaining({ see: 'credential', ref: expect.objectContaining({ id: '77' }) }),
    )
    const ref = { ...userRef(77), kind: 'fine-grained-token' }
    for (let times = 0; times < 2; times++) await connection.revoke!(ref)
    expect(twin.server.fineGrained).toEqual([])
  })

  test('as an app: its own signature, a token that is taken once and renewed', async () => {
    const twin = memoryGithub({}, { asApp: true })
    twin.server.addInstallation('own', { contents: 'read' })
    twin.server.addRepository('app')
    expect(gapsIn(await seenAt(twin))).toEqual([])
    expect(twin.asked.filter(asked => asked.includes('access_tokens'))).toHaveLength(1)
  })
})

test('a config needs one way in, and an address that keeps a token safe', () => {
  const token = new Secret('t')
  for (const wrong of [
    { owner: 'acme' },
    { owner: 'acme', token, appId: '1', privateKey: token },
    { owner: 'acme', appId: '1' },
    { owner: '../acme', token },
    { owner: 'acme', token, endpoint: 'http://github.example.org' },
    { owner: 'acme', token, values: token },
  ])
    expect(githubConfig.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false)
  expect(githubConfig.safeParse({ owner: 'acme', token, endpoint: 'http://127.0.0.1:4001' }).success).toBe(
    true,
  )
})
