import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { declared } from '../../../src/connectors/declared/connector.ts'
import { fill } from '../../../src/connectors/declared/request.ts'
import { callFor } from '../../../src/core/contract/declared-step.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { parseRule } from '../../../src/know/readers/secrets/rules/load-rules.ts'
import type { Rule } from '../../../src/know/readers/secrets/rules/rule.ts'
import { rules } from '../../know/readers/secrets/rules/rule-directory.ts'

const withCalls = rules.filter(rule => 'http' in rule.verify || 'http' in rule.revoke)
const secretsOf = (rule: Rule) =>
  rule.examples.positive.map(({ value, id }) => new Secret(value, id ?? undefined))

test('there are rules with calls', () => {
  expect(withCalls.length).toBeGreaterThan(100)
})

describe('a declared call can be filled in', () => {
  test.each(withCalls.map(rule => [rule.id, rule] as const))('%s', (_, rule) => {
    const steps = [rule.verify, rule.revoke].flatMap(step => ('http' in step ? [step] : []))
    let filledIn = 0
    for (const secret of secretsOf(rule))
      for (const step of steps) {
        const call = callFor<(typeof step.http)[number]>(step, secret.revealText())
        for (const url of [call?.url ?? []].flat()) {
          const request = fill(url, call!, secret, 'own-id')
          // What is told by its name may stand without the half that a call takes beside it.
          if (
            typeof request === 'string' &&
            secret.id === undefined &&
            JSON.stringify(call).includes('{{id}}')
          )
            continue
          if (typeof request === 'string') throw new Error(request)
          filledIn++
          expect(request.url.protocol).toBe('https:')
          expect(request.url.host).toBe(new URL(url.replace(/\{\{.*?\}\}/g, 'x')).host)
          const everything = [request.url.href, request.body ?? '', ...Object.values(request.headers)].join(
            '\n',
          )
          expect(everything).not.toMatch(/\{\{|\}\}/)
          const basic = /^Basic (.*)$/.exec(request.headers['Authorization'] ?? '')?.[1] ?? ''
          const sent = [everything, decodeURIComponent(everything.replace(/%(?![0-9A-F]{2})/g, '%25'))]
          sent.push(Buffer.from(basic, 'base64').toString('utf8'))
          expect(sent.some(text => text.includes(secret.revealText()))).toBe(true)
        }
      }
    expect(filledIn, 'no example is of the kind that the calls are for').toBeGreaterThan(0)
  })
})

/** Whoever is asked to slow down is asked for that, and often by address: `Exchange` tells it as no answer. */
const SLOW_DOWN = 429

test('no call takes it for an answer that it is asked to slow down', () => {
  const steps = withCalls.flatMap(({ id, verify, revoke }) =>
    [verify, revoke].flatMap(step => ('http' in step ? step.http.map(call => ({ id, call })) : [])),
  )
  const taken = steps.filter(({ call }) =>
    JSON.stringify(call)
      .match(/"status":\[[^\]]*\]/g)!
      .some(status => status.includes(String(SLOW_DOWN))),
  )
  expect(taken.map(({ id }) => id)).toEqual([])
})

describe('a vendor that echoes all it was sent', () => {
  /** A wrong one is offered first, and has to be refused before the right one is. */
  let refuses = true
  const echo: typeof fetch = async (input, init) => {
    refuses = !refuses
    const { headers, body, method } = init ?? {}
    const sent = `${method} ${String(input)} ${JSON.stringify(headers)} ${String(body)}`
    const all = Object.fromEntries(
      ['login', 'name', 'scopes', 'message', 'error', 'id'].map(name => [name, sent]),
    )
    return new Response(JSON.stringify({ ...all, ok: true, result: all, data: all, account: all }), {
      status: refuses ? 200 : 401,
      headers: { 'X-OAuth-Scopes': sent.replace(/[^\x20-\x7e]/g, '') },
    })
  }
  test.each(withCalls.map(rule => [rule.id, rule] as const))('is not repeated: %s', async (_, rule) => {
    for (const secret of secretsOf(rule)) {
      refuses = true
      const connection = await declared(async () => [rule]).open({}, { ...realIo(), fetch: echo })
      const ref = { system: rule.system, instance: '?', kind: rule.id, id: 'fp:1' }
      const told = [
        await connection.verify!(ref, secret),
        await connection.revoke!(ref, secret).catch((error: unknown) => error),
      ]
      const text = inspect(told, { depth: 9, showHidden: true, maxStringLength: null })
      for (const form of [secret.revealText(), encodeURIComponent(secret.revealText())])
        expect(text.includes(form), `${rule.id} tells its secret`).toBe(false)
    }
  })
})

describe('what is wrong with a call is said', () => {
  const rule = (verify: string, revoke = '{ why: "It cannot be ended at all." }') => `
id: acme
name: Acme
system: acme
summary: A token.
keywords: [acme_]
pattern: '(?<value>acme_[a-z]{20})'
confidence: 0.9
preview: token
verify: ${verify}
revoke: ${revoke}
references: [https://acme.example]
examples: { positive: [{ text: a, value: a }], negative: [{ text: a, why: a }] }
`
  const call = (more: string) => `{ http: { method: GET, live: { status: [200] }, ${more} } }`
  const dead = 'dead: { status: [401] }'
  const header = 'headers: { A: "{{value}}" }'
  test.each([
    ['not encrypted', call(`url: "http://acme.example/", ${header}, ${dead}`)],
    ['a host that is filled in', call(`url: "https://{{value}}.acme.example/", ${dead}`)],
    ['a host that is filled in behind a user', call(`url: "https://acme.example@{{value}}/", ${dead}`)],
    ['a port that is filled in', call(`url: "https://acme.example:{{value}}/", ${dead}`)],
    ['a name without a domain', call(`url: "https://localhost/", ${header}, ${dead}`)],
    ['a fragment', call(`url: "https://acme.example/#{{value}}", ${dead}`)],
    ['nothing filled in', call(`url: "https://acme.example/", ${dead}`)],
    ['something unknown filled in', call(`url: "https://acme.example/{{value}}/{{user}}", ${dead}`)],
    ['an id that nothing looks up', call(`url: "https://acme.example/{{value}}/{{own}}", ${dead}`)],
    ['no word of the dead', call(`url: "https://acme.example/", ${header}`)],
    ['a body of a GET', call(`url: "https://acme.example/", ${header}, ${dead}, body: "{}"`)],
    [
      'a list without what is found in it',
      call(`url: "https://acme.example/", ${header}, ${dead}, lookup: { id: a }`),
    ],
  ])('%s', (_, verify) => {
    expect(parseRule('acme.yaml', rule(verify)).problems.length).toBeGreaterThan(0)
  })

  const post = (more: string) =>
    `{ http: { method: POST, url: "https://acme.example/", done: { status: [200] }, ${more} } }`
  const json = 'headers: { Content-Type: application/json }'
  test.each([
    ['no word of the body’s type', post(`body: "token={{value}}"`)],
    ['no JSON', post(`${json}, body: "{token: {{value}}}"`)],
    ['filled in outside of a string', post(`${json}, body: '{"token": {{value}}}'`)],
    [
      'two authorizations',
      post(`headers: { authorization: "{{value}}" }, basic: { user: a, password: "{{value}}" }`),
    ],
    [
      'a beginning that nothing shows',
      `{ http: { method: DELETE, url: "https://acme.example/{{own}}", headers: { A: "{{value}}" }, done: { status: [200] }, lookup: { url: "https://acme.example/", first: 16, id: id } } }`,
    ],
    [
      'a lookup for several addresses',
      `{ http: { method: DELETE, url: ["https://acme.example/{{own}}", "https://eu.acme.example/{{own}}"], headers: { A: "{{value}}" }, done: { status: [200] }, lookup: { url: "https://acme.example/", id: id } } }`,
    ],
    [
      'a lookup that is not used',
      post(`headers: { A: "{{value}}" }, lookup: { url: "https://acme.example/", id: id }`),
    ],
  ])('%s', (_, revoke) => {
    const verify = call(`url: "https://acme.example/", ${header}, ${dead}`)
    expect(parseRule('acme.yaml', rule(verify)).problems).toEqual([])
    expect(parseRule('acme.yaml', rule(verify, revoke)).problems.length).toBeGreaterThan(0)
  })
})
