import { describe, expect, test } from 'vitest'
import { formatRef } from '../../../../src/core/contract/ref.ts'
import { decodeSlot } from '../../../../src/core/contract/slot.ts'
import type { Find } from '../../../../src/know/readers/secrets/engine.ts'
import { engine, rules } from './rules/rule-directory.ts'
import { processorTime } from '../../../processor-time.ts'

const scan = (content: string | Uint8Array, path = 'note.txt') => [
  ...engine.scan(Buffer.from(content), { path }),
]
const kinds = (finds: readonly Find[]) => finds.map(find => find.rule)
const tokenOf = (id: string) => rules.find(rule => rule.id === id)!.examples.positive[0]!.value

/** A generator with a seed, so that a failure can be repeated. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

async function* chunked(bytes: Uint8Array, next: () => number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(next() * 90_000)
    yield bytes.subarray(at, at + size)
    at += size
  }
}

describe('documents larger than a window', () => {
  const random = randomFrom(3)
  const planted = rules.flatMap(rule =>
    rule.examples.positive.filter(example => example.path === undefined).map(example => example.text),
  )
  const lines: string[] = []
  let size = 0
  while (size < 1_200_000) {
    const line =
      random() < 0.02
        ? planted[Math.floor(random() * planted.length)]!
        : 'x '.repeat(Math.floor(random() * 40)) + Math.floor(random() * 1e9)
    lines.push(line)
    size += line.length + 1
  }
  const bytes = Buffer.from(lines.join('\n'))
  const plain = (find: Find) => ({
    rule: find.rule,
    start: find.start,
    slots: find.slots,
    value: find.secret.revealText(),
  })
  const whole = [...engine.scan(bytes, { path: 'note.txt' })].map(plain)

  test('hold many finds, at their lines', () => {
    expect(whole.length).toBeGreaterThan(100)
    for (const find of whole) {
      const slot = find.slots[0]!
      expect(Buffer.from(decodeSlot(bytes, slot)).toString()).toBe(find.value)
      expect(slot.line).toBe(
        bytes
          .subarray(0, Number(slot.at.split('-')[0]))
          .toString('latin1')
          .split('\n').length,
      )
    }
  })

  test.each([1, 2, 3])('give the same finds in small windows and odd chunks (%i)', async seed => {
    const finds: Find[] = []
    for await (const find of engine.scanStream(chunked(bytes, randomFrom(seed)), {
      path: 'note.txt',
      windowBytes: 140_000 + seed * 1111,
    }))
      finds.push(find)
    expect(finds.map(plain)).toEqual(whole)
    expect([...engine.scan(bytes, { path: 'note.txt', windowBytes: 131_072 })].map(plain)).toEqual(whole)
  })

  test('a token over any boundary of a window is found once', async () => {
    const token = tokenOf('github-token')
    const windowBytes = 131_072
    // A window gives up what begins in its last 32 KiB to the next one: cross both of its ends, byte by byte.
    for (const boundary of [windowBytes - 32 * 1024, windowBytes, windowBytes - 64 * 1024]) {
      for (let shift = -token.length - 1; shift <= 1; shift += 3) {
        const document = Buffer.alloc(400_000, ' ')
        document.write(token, boundary + shift)
        const finds = [...engine.scan(document, { path: 'note.txt', windowBytes })]
        expect(finds.map(find => find.start)).toEqual([boundary + shift])
      }
    }
  })
})

describe('content that is no clean text', () => {
  test('invalid UTF-8 around and within a value breaks nothing', () => {
    const token = tokenOf('stripe-key')
    const bytes = Buffer.concat([
      Buffer.from([0xff, 0xc3, 0x28, 0x0a]),
      Buffer.from(token),
      Buffer.from([0x0a, 0xe2, 0x82]),
    ])
    expect(scan(bytes).map(find => [find.rule, find.secret.revealText(), find.start])).toEqual([
      ['stripe-key', token, 4],
    ])
    const password = Buffer.concat([
      Buffer.from('DB_PASSWORD=Tr0ub-'),
      Buffer.from([0xe9, 0xff]),
      Buffer.from('-dor\n'),
    ])
    const [find] = scan(password, '.env')
    expect(Buffer.from(find!.secret.reveal())).toEqual(password.subarray(12, password.length - 1))
  })

  test('binary content is searched for tokens, not for assignments', () => {
    const token = tokenOf('github-token')
    const bytes = Buffer.concat([
      Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0]),
      Buffer.from(`password="Tr0ub4dor&3"\0${token}\0`),
    ])
    expect(kinds(scan(bytes, 'a.out'))).toEqual(['github-token'])
  })

  test('empty content has no finds', async () => {
    expect(scan('')).toEqual([])
    const none: Find[] = []
    for await (const find of engine.scanStream((async function* () {})(), { path: 'x' })) none.push(find)
    expect(none).toEqual([])
  })
})

describe('hostile input ends in time', () => {
  const size = 300_000
  test.each([
    ['keywords only', 'password'],
    ['assignments of nothing', 'password='],
    ['unclosed strings', 'password="'],
    ['unclosed strings with escapes', 'password="\\"'],
    ['schemes only', '://'],
    ['users only', 'postgres://a:'],
    ['users and at signs', 'postgres://a:b@'],
    ['headers only', '-----BEGIN '],
    ['private keys without an end', '-----BEGIN PRIVATE KEY-----\nA\n'],
    ['token heads', 'eyJ'],
    ['token parts', 'eyJhbGciOiJ.'],
    ['base64 of keywords', Buffer.from('password passwordpassword').toString('base64')],
    ['pairs of keys', 'AKIAABCDEFGHIJKLMNOP '],
    ['backslashes', '"postgres:\\/\\/'],
    ['secret manifests', 'kind: Secret\ndata:\n  password: '],
    ['names', 'name: PASSWORD \n'],
    ['jdbc', 'jdbc:postgresql://h/d?a=b&'],
  ])('%s', (_, unit) => {
    const worked = processorTime()
    scan(unit.repeat(Math.ceil(size / unit.length)), 'a.yaml')
    scan(unit.repeat(Math.ceil(size / unit.length)), 'a.txt')
    // A guard against hanging only: ordinary text of this size takes a hundredth of it.
    expect(worked()).toBeLessThan(120_000)
  })
})

describe('of finds in the same bytes the most specific stays', () => {
  test.each([
    ['.env', 'DB_PASSWORD=postgres://app:Zq-77-x1@db/app', ['postgres-url']],
    ['.env', `GITHUB_TOKEN=${tokenOf('github-token')}`, ['github-token']],
    ['a.json', `{"token":"${tokenOf('jwt')}"}`, ['jwt']],
    [
      '.env',
      `AWS_ACCESS_KEY_ID=${rules.find(rule => rule.id === 'aws-access-key')!.examples.positive[0]!.id}\nAWS_SECRET_ACCESS_KEY=${tokenOf('aws-access-key')}\n`,
      ['aws-access-key'],
    ],
    [
      'a.json',
      rules.find(rule => rule.id === 'gcp-service-account')!.examples.positive[0]!.text,
      ['gcp-service-account'],
    ],
    ['.npmrc', `//npm.pkg.github.com/:_authToken=${tokenOf('npm-token')}`, ['npm-token']],
  ])('%s %s', (path, content, expected) => {
    expect(kinds(scan(content, path))).toEqual(expected)
  })

  test('several credentials within one base64 text stay several', () => {
    const inner = `DB_PASSWORD=Tr0ub4dor&3\nREDIS=redis://:k7-Zp2qLw@cache/0\nGITHUB_TOKEN=${tokenOf('github-token')}\n`
    const content = `env: ${Buffer.from(inner).toString('base64')}\n`
    const finds = scan(content, 'a.yaml')
    expect(kinds(finds).sort()).toEqual(['generic-password', 'github-token', 'redis-url'])
    for (const find of finds) {
      expect(Buffer.from(decodeSlot(Buffer.from(content), find.slots[0]!))).toEqual(
        Buffer.from(find.secret.reveal()),
      )
    }
  })
})

test('a private key is the same in a file, in a YAML block, in JSON and in base64', () => {
  const key = tokenOf('private-key')
  const forms: [string, string][] = [
    [`${key}\n`, 'id_rsa'],
    [`tls:\n  key: |\n    ${key.replaceAll('\n', '\n    ')}\n  other: 1\n`, 'a.yaml'],
    [JSON.stringify({ key: `${key}\n` }), 'a.json'],
    [`kind: Secret\ndata:\n  tls.key: ${btoa(`${key}\n`)}\n`, 'a.yaml'],
  ]
  for (const [content, path] of forms) {
    const finds = scan(content, path)
    expect(finds.map(find => find.secret.revealText())).toEqual([key])
    expect(Buffer.from(decodeSlot(Buffer.from(content), finds[0]!.slots[0]!)).toString()).toBe(key)
  }
})

describe('whom a password claims to be', () => {
  const claim = (content: string, path: string) =>
    scan(content, path).map(find => (find.claims ? formatRef(find.claims) : 'nobody'))
  test.each([
    ['PGHOST=db\nPGUSER=app\nPGPASSWORD=x9-Kq2mZ\nPGPORT=6432\n', '.env', 'postgres:?db:6432/role/?app'],
    ['POSTGRES_USER=app\nPOSTGRES_PASSWORD=x9-Kq2mZ\n', '.env', 'nobody'],
    [
      'POSTGRES_HOST=db\nPOSTGRES_USER=app\nPOSTGRES_PASSWORD=x9-Kq2mZ\n',
      '.env',
      'postgres:?db:5432/role/?app',
    ],
    ['DB_HOST=db\nDB_USERNAME=app\nDB_PASSWORD=x9-Kq2mZ\n', '.env', 'nobody'],
    [
      'DB_CONNECTION=pgsql\nDB_HOST=db\nDB_USERNAME=app\nDB_PASSWORD=x9-Kq2mZ\n',
      '.env',
      'postgres:?db:5432/role/?app',
    ],
    ['DB_HOST=db\nDB_PORT=3306\nDB_USER=app\nDB_PASSWORD=x9-Kq2mZ\n', '.env', 'mariadb:?db:3306/user/?app'],
    ['DB_HOST=${HOST}\nDB_PORT=5432\nDB_USER=app\nDB_PASSWORD=x9-Kq2mZ\n', '.env', 'nobody'],
    [
      'env:\n- name: DB_HOST\n  value: db\n- name: DB_PORT\n  value: "5432"\n- name: DB_USER\n  value: app\n- name: DB_PASSWORD\n  value: x9-Kq2mZ\n',
      'd.yaml',
      'postgres:?db:5432/role/?app',
    ],
    [
      '{"database":{"adapter":"postgresql","host":"DB","user":"app","password":"x9-Kq2mZ"}}',
      'a.json',
      'postgres:?db:5432/role/?app',
    ],
    [
      `kind: Secret\ndata:\n  PGHOST: ${btoa('db')}\n  PGUSER: ${btoa('app')}\n  PGPASSWORD: ${btoa('x9-Kq2mZ')}\n`,
      's.yaml',
      'postgres:?db:5432/role/?app',
    ],
    [
      'DATABASE_URL=postgresql://app:x9-Kq2mZ@[2001:DB8::1]/app',
      '.env',
      'postgres:?[2001:db8::1]:5432/role/?app',
    ],
  ])('%s', (content, path, expected) => {
    expect(claim(content, path)).toEqual([expected])
  })
})
