import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { DeclaredKind } from '../../../src/core/contract/declared-step.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { parseRule } from '../../../src/know/readers/secrets/rules/load-rules.ts'
import { readSource } from '../../tidy/sources.ts'
import { acceptAt, kindOf, openAt, plain, REF, TOKEN } from './acme.ts'
import { reply, startVendors, type VendorServer } from './vendor-server.ts'

let vendors: VendorServer
beforeAll(async () => {
  vendors = await startVendors()
})
afterAll(() => vendors?.stop())

const open = (kind: DeclaredKind) => openAt(vendors, kind)

describe('what was accepted before', () => {
  test('a refusal that others get as well proves the end only of what the same address accepted before', async () => {
    const { dead: _, ...http } = plain.http
    const step = { http: { ...http, refused: { status: [401], why: 'It may be of another instance.' } } }
    acceptAt(vendors)
    const secret = new Secret(TOKEN)
    const before = await (await open(kindOf(step))).verify!(REF, secret)
    expect(before).toMatchObject({ state: 'live', acceptedAt: expect.stringContaining(plain.http.url) })
    acceptAt(vendors, 'nobody') // and asked by another process, much later
    const connection = await open(kindOf(step))
    const told = before.acceptedAt!
    expect(await connection.verify!(REF, secret, told)).toMatchObject({ state: 'dead' })
    // By another server, and from another machine: a key may be bound to the addresses of the first.
    const [server, machine] = [told.replace('/me', '/elsewhere'), told.replace(/ from .*/, ' from another')]
    const why = expect.stringContaining('another instance')
    for (const other of [undefined, server, machine])
      expect(await connection.verify!(REF, secret, other)).toMatchObject({ state: 'unknown', why })
  })

  test('but not where a page refuses it, or as a live one is refused at times', async () => {
    const { dead: _, ...http } = plain.http
    const told = { status: [401], why: 'It may be of another instance.' }
    const passing = {
      status: [401],
      json: { code: 'busy' },
      why: 'So it is refused when it is asked too often.',
    }
    acceptAt(vendors)
    const secret = new Secret(TOKEN)
    const connection = await open(kindOf({ http: { ...http, refused: told, passing } }))
    const { acceptedAt } = await connection.verify!(REF, secret)
    for (const [body, type, state, why] of [
      [{}, 'text/html; charset=utf-8', 'unknown', 'no JSON'],
      [{ code: 'busy' }, 'application/json', 'unknown', 'asked too often'],
      [{ code: 'gone' }, 'application/json', 'dead', 'accepted before'],
      [undefined, 'text/plain', 'dead', 'accepted before'],
    ] as const) {
      vendors.answer = (_, response) => reply(response, 401, body, { 'Content-Type': type })
      expect(await connection.verify!(REF, secret, acceptedAt)).toMatchObject({
        state,
        why: expect.stringContaining(why),
      })
    }
  })

  test('what a region accepted before, and refuses now, is dead whatever the other regions say', async () => {
    const { dead: _, ...http } = plain.http
    const url = ['https://us.acme.example/me', 'https://eu.acme.example/me']
    const step = { http: { ...http, url, refused: { status: [401], why: 'It may be of another instance.' } } }
    const connection = await open(kindOf(step))
    vendors.answer = ({ host, headers }, response) =>
      reply(response, host.startsWith('eu') && headers.authorization === `Bearer ${TOKEN}` ? 200 : 401)
    const before = await connection.verify!(REF, new Secret(TOKEN))
    expect(before).toMatchObject({ state: 'live', acceptedAt: expect.stringContaining(url[1]!) })
    vendors.answer = ({ host }, response) => reply(response, host.startsWith('eu') ? 401 : 503)
    expect((await connection.verify!(REF, new Secret(TOKEN), before.acceptedAt)).state).toBe('dead')
    expect(await connection.verify!(REF, new Secret(TOKEN))).toMatchObject({ state: 'unknown' })
  })
})

const guide = readSource('docs/scan.md')
const [rule = '', verify = ''] = [...guide.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, block]) => block!)
/** `| 401 {"code":"busy"} | unknown | unknown |` */
const rows = [...guide.matchAll(/^\| (\d{3})(?: `(.*)`)? +\| (\w+) +\| (\w+) +\|$/gm)].map(
  ([, status, body = '', known, other]) => ({ status: Number(status), body, known: known!, other: other! }),
)

describe('the guide for rules of one’s own', () => {
  test('shows a call that a rule can have', () => {
    const whole = rule.replace(/^verify: .*\n/m, verify)
    expect(whole).not.toBe(rule)
    expect(parseRule('acme-token.yaml', whole).problems).toEqual([])
  })

  test('tells of answers of every kind', () => {
    expect(new Set(rows.map(({ known, other }) => `${known} ${other}`)).size).toBe(4)
  })

  test.each(rows)('says truly what $status $body proves', async ({ status, body, known, other }) => {
    const secret = new Secret(TOKEN)
    const connection = await open(kindOf((parse(verify) as { verify: unknown }).verify))
    acceptAt(vendors)
    const { acceptedAt } = await connection.verify!(REF, secret)
    const json = body.startsWith('{') ? (JSON.parse(body) as object) : undefined
    const type = { 'Content-Type': json ? 'application/json' : 'text/html' }
    // A wrong one is always refused: what is told is told of the right one.
    vendors.answer = ({ headers }, response) =>
      headers.authorization === `Bearer ${TOKEN}`
        ? reply(response, status, json, type)
        : reply(response, 401, {})
    expect((await connection.verify!(REF, secret, acceptedAt)).state).toBe(known)
    expect((await connection.verify!(REF, secret)).state).toBe(other)
  })
})
