import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Limits } from '../../../src/connectors/declared/exchange.ts'
import { memoryVendors } from '../../../src/connectors/declared/memory.ts'
import type { DeclaredKind } from '../../../src/core/contract/declared-step.ts'
import { type Io, realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { parseRule } from '../../../src/know/readers/secrets/rules/load-rules.ts'
import { declared } from '../../../src/connectors/declared/connector.ts'
import { acceptAt, bearer, kindOf, openAt, plain, REF, TOKEN } from './acme.ts'
import { reply, startVendors, type VendorServer } from './vendor-server.ts'

/** Every character that some place would have to encode. */
const HARD = 'tok_Ab3Cd4Ef5ä"\\&=+%/?#: <é>'
let vendors: VendorServer
beforeAll(async () => {
  vendors = await startVendors()
})
afterAll(() => vendors?.stop())
beforeEach(() => {
  vendors.arrived.length = 0
})

const open = async (kind: DeclaredKind, io: Partial<Io> = {}, limits: Partial<Limits> = {}) =>
  await openAt(vendors, kind, io, limits)
const accept = (token?: string, status?: number) => acceptAt(vendors, token, status)

describe('verify', () => {
  test('offers a wrong one of the same form first, and once for many', async () => {
    accept()
    const connection = await open(kindOf(plain))
    expect(await connection.verify!(REF, new Secret(TOKEN))).toMatchObject({ state: 'live' })
    expect(await connection.verify!(REF, new Secret(`${TOKEN}x`))).toMatchObject({ state: 'dead' })
    const offered = vendors.arrived.map(({ headers }) => headers.authorization)
    expect(offered).toEqual([
      expect.stringMatching(/^Bearer tok_\w{15}$/),
      `Bearer ${TOKEN}`,
      `Bearer ${TOKEN}x`,
    ])
    expect(offered[0]).not.toBe(offered[1])
    // Each character is another, of the same class.
    const [wrong = '', right = ''] = offered.map(text => text?.slice('Bearer tok_'.length))
    for (const [index, character] of [...wrong].entries()) {
      expect(character).not.toBe(right[index])
      expect(/\d/.test(character)).toBe(/\d/.test(right[index]!))
    }
  })

  test.each([
    ['everything is accepted', 200, 'takes a wrong secret too'],
    ['the server fails', 500, 'answered 500'],
    ['the service is away', 503, 'answered 503'],
  ])('%s: unknown, and the secret is not sent', async (_, status, why) => {
    vendors.answer = (_, response) => reply(response, status, {})
    const connection = await open(kindOf(plain))
    const verdict = await connection.verify!(REF, new Secret(TOKEN))
    expect(verdict).toEqual({ state: 'unknown', why: expect.stringContaining(why) })
    expect(JSON.stringify(vendors.arrived)).not.toContain(TOKEN)
  })

  test.each([403, 404, 418, 401])('an answer that is not known, or no JSON, is unknown: %i', async status => {
    vendors.answer = ({ headers }, response) =>
      reply(response, headers.authorization === `Bearer ${TOKEN}` ? status : 401)
    const verdict = await (await open(kindOf(plain))).verify!(REF, new Secret(TOKEN))
    expect(verdict).toMatchObject({ state: 'unknown', why: expect.stringContaining(String(status)) })
  })

  test.each([301, 302, 307, 308])('a redirect is not followed: %i', async status => {
    vendors.answer = (_, response) =>
      reply(response, status, undefined, { Location: 'https://elsewhere.example/me' })
    const verdict = await (await open(kindOf(plain))).verify!(REF, new Secret(TOKEN))
    expect(verdict).toMatchObject({ state: 'unknown', why: expect.stringContaining('sends elsewhere') })
    expect(new Set(vendors.arrived.map(({ host }) => host))).toEqual(new Set(['api.acme.example']))
  })

  test('an answer that does not end is not waited for', async () => {
    vendors.answer = (_, response) => void response.writeHead(200).write('{')
    const connection = await open(kindOf(plain), {}, { timeoutMs: 60 })
    const verdict = await connection.verify!(REF, new Secret(TOKEN))
    expect(verdict).toMatchObject({ state: 'unknown', why: expect.stringContaining('gave no answer') })
  })

  test('a body without end is not read to the end', async () => {
    let written = 0
    vendors.answer = (_, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' })
      response.write('{"ok": true, "more": "')
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384))) written += 16_384
      }
      response.on('drain', more)
      more()
    }
    const step = { http: { ...plain.http, live: { status: [200], json: { ok: true } } } }
    const verdict = await (await open(kindOf(step), {}, { timeoutMs: 2000 })).verify!(REF, new Secret(TOKEN))
    expect(verdict).toMatchObject({ state: 'unknown' })
    expect(written).toBeLessThan(8 * 1024 * 1024)
  })

  test('nobody answers', async () => {
    const connection = await open(kindOf(plain), {
      fetch: () => Promise.reject(new TypeError(`fetch failed at ?token=${TOKEN}`)),
    })
    const verdict = await connection.verify!(REF, new Secret(TOKEN))
    expect(verdict).toEqual({ state: 'unknown', why: expect.stringContaining('could not be reached') })
    expect(JSON.stringify(verdict)).not.toContain(TOKEN)
  })

  test('what is interrupted says so, as everything else does', async () => {
    const stop = new AbortController()
    vendors.answer = () => stop.abort(new Error('interrupted'))
    const connection = await open(kindOf(plain), { signal: stop.signal })
    await expect(connection.verify!(REF, new Secret(TOKEN))).rejects.toThrow('interrupted')
  })

  test('members of the body tell, where the status is always the same', async () => {
    const step = {
      http: {
        ...plain.http,
        live: { status: [200], json: { ok: true } },
        dead: [
          { status: [200], json: { ok: false, 'error.code': ['revoked', 'expired'] } },
          { status: [200], json: { 'error..tag': 'invalid_access_token' } },
        ],
      },
    }
    const answers = new Map<string, unknown>([
      ['tok_live0000000000', { ok: true }],
      ['tok_dead0000000000', { ok: false, error: { code: 'expired' } }],
      ['tok_tags0000000000', { error: { '.tag': 'invalid_access_token' } }],
      ['tok_busy0000000000', { ok: false, error: { code: 'busy' } }],
      ['tok_text0000000000', 'no object'],
    ])
    vendors.answer = ({ headers }, response) =>
      reply(
        response,
        200,
        answers.get(headers.authorization!.slice(7)) ?? { ok: false, error: { code: 'revoked' } },
      )
    const connection = await open(kindOf(step))
    const states: string[] = []
    for (const token of answers.keys()) states.push((await connection.verify!(REF, new Secret(token))).state)
    expect(states).toEqual(['live', 'dead', 'dead', 'unknown', 'unknown'])
  })

  test('a region knows only its own: dead is what all refuse', async () => {
    const step = {
      http: { ...plain.http, url: ['https://us.acme.example/me', 'https://eu.acme.example/me'] },
    }
    const connection = await open(kindOf(step))
    vendors.answer = ({ host, headers }, response) =>
      reply(response, host.startsWith('eu') && headers.authorization === `Bearer ${TOKEN}` ? 200 : 401)
    expect(await connection.verify!(REF, new Secret(TOKEN))).toMatchObject({ state: 'live' })
    vendors.answer = ({ host }, response) => reply(response, host.startsWith('eu') ? 503 : 401, {})
    expect(await connection.verify!(REF, new Secret(TOKEN))).toMatchObject({ state: 'unknown' })
    vendors.answer = (_, response) => reply(response, 401, {})
    expect(await connection.verify!(REF, new Secret(TOKEN))).toMatchObject({ state: 'dead' })
  })

  test('a call is for what begins so only', async () => {
    const step = { http: { ...plain.http, begins: ['tok_'] }, why: 'A refresh token is only exchanged.' }
    const connection = await open(kindOf(step))
    expect(await connection.verify!(REF, new Secret('ref_123456789'))).toEqual({
      state: 'unknown',
      why: step.why,
    })
    expect(vendors.arrived).toEqual([])
  })

  test('tells what a live one opens, and none of the secret that is echoed', async () => {
    const shows = {
      account: 'user.login',
      scopes: 'header x-scopes',
      roles: 'roles',
      echo: 'you',
      part: 'part',
    }
    vendors.answer = ({ headers }, response) => {
      if (headers.authorization !== `Bearer ${TOKEN}`) return reply(response, 401)
      const body = {
        user: { login: 'app\u001b[31m' },
        roles: ['a', 'b'],
        you: TOKEN,
        part: TOKEN.slice(3, 14),
      }
      reply(response, 200, body, { 'X-Scopes': 'repo, gist' })
    }
    const verdict = await (await open(kindOf({ http: { ...plain.http, shows } }))).verify!(
      REF,
      new Secret(TOKEN),
    )
    expect(verdict.access).toEqual(['account app [31m', 'scopes repo, gist', 'roles a, b'])
  })

  test('kinds without a call, and without a rule', async () => {
    const connection = await open(
      kindOf({ why: 'Nothing can be asked with it.' }, { why: 'It is ended by hand only.' }),
    )
    const secret = new Secret(TOKEN)
    expect(await connection.verify!(REF, secret)).toEqual({
      state: 'unknown',
      why: 'Nothing can be asked with it.',
    })
    expect(await connection.verify!({ ...REF, kind: 'other' }, secret)).toMatchObject({ state: 'unknown' })
    await expect(connection.revoke!(REF, secret)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })
})

describe('slowing down', () => {
  /** Time that passes only when it is slept. */
  function clock(): Pick<Io, 'now' | 'sleep'> & { slept: number[] } {
    let now = Date.UTC(2026, 0, 1)
    const slept: number[] = []
    return {
      slept,
      now: () => new Date(now),
      sleep: async ms => {
        slept.push(ms)
        now += ms
      },
    }
  }

  test('what the server asks for is kept, for all that go there', async () => {
    const time = clock()
    vendors.answer = ({ headers }, response, count) => {
      if (count === 1) return reply(response, 429, undefined, { 'Retry-After': '7' })
      reply(response, headers.authorization === `Bearer ${TOKEN}` ? 200 : 401)
    }
    const connection = await open(kindOf(plain), time)
    expect(await connection.verify!(REF, new Secret(TOKEN))).toMatchObject({ state: 'live' })
    expect(time.slept).toEqual([7000])
  })

  test('a longer pause is told, and nothing goes there meanwhile', async () => {
    const time = clock()
    vendors.answer = (_, response) => reply(response, 429, undefined, { 'Retry-After': '3600' })
    const connection = await open(kindOf(plain), time)
    const why = expect.stringContaining('asks to slow down: it can be asked again in 3600 s')
    expect(await connection.verify!(REF, new Secret(TOKEN))).toEqual({ state: 'unknown', why })
    expect(await connection.verify!(REF, new Secret(TOKEN))).toEqual({ state: 'unknown', why })
    await expect(connection.revoke!(REF, new Secret(TOKEN))).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    expect(vendors.arrived).toHaveLength(1)
  })

  test('it is given up on in the end', async () => {
    const time = clock()
    vendors.answer = (_, response) => reply(response, 429)
    const connection = await open(kindOf(plain), time)
    expect(await connection.verify!(REF, new Secret(TOKEN))).toMatchObject({ state: 'unknown' })
    expect(vendors.arrived).toHaveLength(3)
  })

  test('a host is asked little at once', async () => {
    vendors.answer = ({ headers }, response) =>
      setTimeout(() => reply(response, headers.authorization === `Bearer ${TOKEN}` ? 200 : 401), 5)
    const connection = await open(kindOf(plain))
    await connection.verify!(REF, new Secret(TOKEN))
    const all = Array.from({ length: 12 }, () => connection.verify!(REF, new Secret(TOKEN)))
    expect((await Promise.all(all)).every(({ state }) => state === 'live')).toBe(true)
    expect(vendors.mostAtOnce).toBe(2)
  })
})

describe('each place encodes what is filled in', () => {
  const secret = new Secret(HARD, 'id:1/2?')
  const sent = async (http: object): Promise<(typeof vendors.arrived)[number]> => {
    vendors.answer = (_, response) => reply(response, 401)
    const connection = await open(kindOf({ http: { ...plain.http, headers: undefined, ...http } }))
    await connection.verify!(REF, secret)
    const [, arrived] = vendors.arrived
    if (!arrived) throw new Error('nothing arrived')
    return arrived
  }

  test('the address', async () => {
    const { path, host } = await sent({ url: 'https://api.acme.example/{{id}}/{{value}}?t={{value}}' })
    expect(host).toBe('api.acme.example')
    const url = new URL(path, 'https://x.example')
    expect(url.pathname.split('/').slice(1).map(decodeURIComponent)).toEqual(['id:1/2?', HARD])
    expect(url.searchParams.get('t')).toBe(HARD)
  })

  test('JSON', async () => {
    const headers = { 'Content-Type': 'application/json' }
    const { body } = await sent({ method: 'POST', headers, body: '{"token":"{{value}}","id":["{{id}}"]}' })
    expect(JSON.parse(body)).toEqual({ token: HARD, id: ['id:1/2?'] })
  })

  test('a form', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const { body } = await sent({ method: 'POST', headers, body: 'a=b&token={{value}}&id={{id}}' })
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({ a: 'b', token: HARD, id: 'id:1/2?' })
  })

  test('HTTP Basic', async () => {
    const { headers } = await sent({ basic: { user: 'api', password: '{{value}}' } })
    const decoded = Buffer.from(headers.authorization!.replace('Basic ', ''), 'base64').toString('utf8')
    expect(decoded).toBe(`api:${HARD}`)
  })

  test.each([
    ['a header that cannot carry it', { headers: bearer }],
    ['a user with a colon', { basic: { user: '{{id}}', password: '{{value}}' } }],
  ])('not sent at all: %s', async (_, http) => {
    const connection = await open(kindOf({ http: { ...plain.http, headers: undefined, ...http } }))
    expect(await connection.verify!(REF, secret)).toMatchObject({ state: 'unknown' })
    expect(vendors.arrived).toEqual([])
  })

  test('not sent without the half that is not known', async () => {
    const step = {
      http: { ...plain.http, headers: undefined, basic: { user: '{{id}}', password: '{{value}}' } },
    }
    const connection = await open(kindOf(step))
    expect(await connection.verify!(REF, new Secret(TOKEN))).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('public half'),
    })
    expect(vendors.arrived).toEqual([])
  })
})

describe('revoke', () => {
  test.each([204, 404])('ended, or absent: %i', async status => {
    vendors.answer = (_, response) => void response.writeHead(status).end()
    const connection = await open(kindOf(plain))
    await connection.revoke!(REF, new Secret(TOKEN))
    expect(vendors.arrived).toMatchObject([
      { method: 'DELETE', headers: { authorization: `Bearer ${TOKEN}` } },
    ])
  })

  test.each([
    [403, 'DENIED'],
    [422, 'CONFLICT'],
    [302, 'CONFLICT'],
    [500, 'UNREACHABLE'],
  ])('%i is an error, which tells no secret', async (status, code) => {
    vendors.answer = ({ headers }, response) => reply(response, status, { you: headers.authorization })
    const connection = await open(kindOf(plain))
    const error: unknown = await connection.revoke!(REF, new Secret(TOKEN)).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(TOKEN)
  })

  describe('where each region knows only its own', () => {
    const regional = {
      http: {
        method: 'DELETE',
        url: ['https://us.acme.example/me', 'https://eu.acme.example/me'],
        headers: bearer,
        done: { status: [204, 401] },
      },
    }
    const known = (host: string, status: number) => {
      vendors.answer = (asked, response) => void response.writeHead(asked.host === host ? status : 401).end()
    }

    test('all of them are told', async () => {
      known('eu.acme.example', 204)
      await (await open(kindOf(plain, regional))).revoke!(REF, new Secret(TOKEN))
      expect(vendors.arrived.map(({ host }) => host).toSorted()).toEqual([
        'eu.acme.example',
        'us.acme.example',
      ])
    })

    test('one that does not end it is told of, and the others are told all the same', async () => {
      known('us.acme.example', 403)
      const connection = await open(kindOf(plain, regional))
      await expect(connection.revoke!(REF, new Secret(TOKEN))).rejects.toMatchObject({
        code: 'DENIED',
        message: expect.stringContaining('us.acme.example'),
      })
      expect(vendors.arrived.map(({ host }) => host).toSorted()).toEqual([
        'eu.acme.example',
        'us.acme.example',
      ])
    })
  })

  describe('by an id that is looked up', () => {
    const step = {
      http: {
        method: 'DELETE',
        lookup: { url: 'https://api.acme.example/tokens', list: 'objects', bears: 'token', id: 'key' },
        url: 'https://api.acme.example/tokens/{{own}}',
        headers: bearer,
        done: { status: [204] },
      },
    }
    const listing = (objects: unknown) => {
      vendors.answer = ({ method }, response) =>
        reply(response, method === 'GET' ? 200 : 204, method === 'GET' ? { objects } : undefined)
    }

    test('the one that shows its beginning and its end', async () => {
      const shown = `${TOKEN.slice(0, 8)}...${TOKEN.slice(-4)}`
      listing([{ key: 'k1', token: 'tok_zzzz...vKe7' }, { key: 'k2', token: shown }, { key: 'k3' }])
      await (await open(kindOf(plain, step))).revoke!(REF, new Secret(TOKEN))
      expect(vendors.arrived.map(({ method, path }) => `${method} ${path}`)).toEqual([
        'GET /tokens',
        'DELETE /tokens/k2',
      ])
    })

    test.each([
      ['none', []],
      [
        'two',
        [
          { key: 'k1', token: TOKEN },
          { key: 'k2', token: TOKEN },
        ],
      ],
      ['too little of it', [{ key: 'k1', token: 'tok...7' }]],
      ['mostly what all begin with', [{ key: 'k1', token: `${TOKEN.slice(0, 4)}...${TOKEN.slice(-5)}` }]],
    ])('%s: nothing is ended', async (_, objects) => {
      listing(objects)
      const connection = await open(kindOf(plain, step))
      await expect(connection.revoke!(REF, new Secret(TOKEN))).rejects.toMatchObject({ code: 'CONFLICT' })
      expect(vendors.arrived.every(({ method }) => method === 'GET')).toBe(true)
    })

    const shortened = { http: { ...step.http, lookup: { ...step.http.lookup, first: 16 } } }
    test('the one that shows so much of its beginning, by a number', async () => {
      listing([
        { key: 7, token: TOKEN.slice(0, 15) },
        { key: 8, token: TOKEN.slice(0, 16) },
      ])
      await (await open(kindOf(plain, shortened))).revoke!(REF, new Secret(TOKEN))
      expect(vendors.arrived.map(({ path }) => path)).toEqual(['/tokens', '/tokens/8'])
    })

    test('one that is refused for want of a right is not taken for ended', async () => {
      const live = [...[plain.http.live].flat(), { status: [401], json: { error: 'scope' } }]
      vendors.answer = (_, response) => reply(response, 401, { error: 'scope' })
      const connection = await open(kindOf({ http: { ...plain.http, live } }, step))
      await expect(connection.revoke!(REF, new Secret(TOKEN))).rejects.toMatchObject({ code: 'DENIED' })
    })

    test('one that is refused already has nothing left to be ended', async () => {
      vendors.answer = (_, response) => reply(response, 401)
      await (await open(kindOf(plain, step))).revoke!(REF, new Secret(TOKEN))
      expect(vendors.arrived).toHaveLength(1)
    })
  })
})

test('a token of Linode’s that may not use its account is live, and does not end itself', async () => {
  const twin = memoryVendors()
  const file = new URL('../../../rules/secrets/linode-token.yaml', import.meta.url)
  const { rule } = parseRule(file.pathname, await readFile(file, 'utf8'))
  const connection = await declared(async () => [rule!]).open({}, { ...realIo(), fetch: twin.fetch })
  const ref = { system: 'linode', instance: '?', kind: 'linode-token', id: 'fp:1' }
  for (const scope of ['domains:read_write', 'account:read_only']) {
    const value = randomBytes(32).toString('hex')
    twin.tokens.set(value, { login: 'app', scopes: [scope], revoked: false })
    expect(await connection.verify!(ref, new Secret(value))).toMatchObject({ state: 'live' })
    await expect(connection.revoke!(ref, new Secret(value))).rejects.toMatchObject({ code: 'DENIED' })
    expect(twin.tokens.get(value)!.revoked).toBe(false)
  }
})
