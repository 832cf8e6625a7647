import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { decodeSlot, replaceSlot } from '../../../../../src/core/contract/slot.ts'
import { EmbeddedTexts } from '../../../../../src/know/readers/secrets/codes/embedded.ts'
import { Text } from '../../../../../src/know/readers/secrets/text.ts'
import { engine, rules } from '../rules/rule-directory.ts'
import { processorTime } from '../../../../processor-time.ts'

const tokenOf = (id: string) => rules.find(rule => rule.id === id)!.examples.positive[0]!.value
const token = tokenOf('github-token')
const other = tokenOf('stripe-key')

/** Each find once, read back from its slot; the kinds with their values. */
function scan(content: string | Uint8Array, path = 'note.txt', windowBytes?: number): string[] {
  const bytes = Buffer.from(content)
  const finds = [...engine.scan(bytes, { path, ...(windowBytes && { windowBytes }) })]
  for (const find of finds)
    expect(Buffer.from(decodeSlot(bytes, find.slots[0]!)).toString('latin1')).toBe(
      Buffer.from(find.secret.reveal()).toString('latin1'),
    )
  return finds.map(find => `${find.rule} ${find.secret.revealText()}`)
}

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64')
const hex = (text: string) => Buffer.from(text).toString('hex')
const each = (text: string, code: (point: number) => string) =>
  [...text].map(letter => code(letter.charCodeAt(0))).join('')
const digits = (point: number, length: number) => point.toString(16).padStart(length, '0')
const wrapped = (text: string, width: number, between: string) =>
  text.replace(new RegExp(`.{${width}}(?=.)`, 'g'), `$&${between}`)
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16()
const jwt = (claims: object) =>
  [JSON.stringify({ alg: 'HS256', typ: 'JWT' }), JSON.stringify(claims)]
    .map(part => Buffer.from(part).toString('base64url'))
    .join('.') + '.c2lnbmF0dXJlLW9mLW5vLWtleS1hdC1hbGwtMDEyMzQ1Njc4OQ'
const filler = 'a line of no importance, to be longer than one line of base64 is\n'.repeat(4)

describe('a token that is written in codes is found, once, at its place', () => {
  test.each([
    ['base64', `x: ${base64(`KEY=${token}`)}`],
    ['base64 twice', `x: ${base64(base64(`KEY=${token}\n`))}`],
    ['base64url', `x: ${Buffer.from(`??>> ${token} ~~~`).toString('base64url')}`],
    ['base64 over lines', `x:\n${wrapped(base64(`${filler}${token}\n${filler}`), 76, '\n')}\n`],
    [
      'base64 over lines of Windows',
      `x:\r\n${wrapped(base64(`${filler}${token}\n${filler}`), 64, '\r\n')}\r\n`,
    ],
    [
      'base64 over indented lines',
      `x: |\n  ${wrapped(base64(`${filler}${token}\n${filler}`), 60, '\n  ')}\n`,
    ],
    ['much base64', `x: ${base64(filler.repeat(400) + token)}`],
    ['hex', `x=${hex(`KEY=${token}`)}`],
    ['hex in capitals', `x=${hex(`KEY=${token}`).toUpperCase()}`],
    ['every character as a code of a URL', `q=${each(token, point => `%${digits(point, 2)}`)}&a=b`],
    ['special characters as codes of a URL', `https://h/?u=${encodeURIComponent(`k=${token}&x`)}`],
    ['codes of a URL, twice', `https://h/?u=${encodeURIComponent(encodeURIComponent(`(${token})`))}`],
    ['every character as a code of JSON', `{"a": "${each(token, point => `\\u${digits(point, 4)}`)}"}`],
    ['codes of C', `char *t = "${each(token, point => `\\x${digits(point, 2)}`)}";`],
    ['every character as an entity', `<a>${each(token, point => `&#${point};`)}</a>`],
    ['every character as a hexadecimal entity', `<a>${each(token, point => `&#x${digits(point, 2)};`)}</a>`],
    ['JSON in JSON', JSON.stringify({ a: JSON.stringify({ b: JSON.stringify({ c: token }) }) })],
    ['gzip in base64', `x: ${base64(gzipSync(`KEY=${token}`))}`],
    ['gzip in base64 in base64', `release: ${base64(base64(gzipSync(`KEY=${token}`)))}`],
  ])('%s', (_, content) => {
    expect(scan(content)).toEqual([`github-token ${token}`])
  })

  test('mail, as quoted-printable', () => {
    const line = `${'word '.repeat(10)}key=3D${token.slice(0, 18)}=\n${token.slice(18)} and more words\n`
    expect(scan(`Subject: x\n\n${line}`, 'a.eml')).toEqual([`github-token ${token}`])
    // No line of mail is so long: it is base64 that ends in an equals sign.
    const key = `ABSKQmVkcm9ja${'k7Qx02mzq77LwPd8'.repeat(6)}`
    expect(scan(`1. ${key}=\n2. the other\n`)).toEqual([`aws-bedrock-key ${key}=`])
    expect(scan('db_password=3Dk7-Zp2qLw=21x\n', 'a.eml')).toEqual(['generic-password k7-Zp2qLw!x'])
  })
})

test('a token between colours of a terminal', () => {
  expect(scan(`\x1b[0;32m${token}\x1b[0m\n`, 'build.log')).toEqual([`github-token ${token}`])
  expect(scan(`{"log":"\\u001b[1m${token}\\u001b[0m"}`, 'build.json')).toEqual([`github-token ${token}`])
  expect(scan(`[0;32m${token}x m${token}`, 'build.log')).toEqual([])
})

describe('assignments in codes', () => {
  test.each([
    ['api_password%3Dk7Zp2qLw99x%26user%3Dapp', 'k7Zp2qLw99x'],
    ['<a>db_password=k7&amp;Zp2qLw99x</a>', 'k7&Zp2qLw99x'],
    ['<a>password=&quot;k7Zp2qLw99x&quot;</a>', 'k7Zp2qLw99x'],
    ['{"env": "db_password=k7Zp2qLw99x\\nUSER=app"}', 'k7Zp2qLw99x'],
  ])('%s', (content, value) => {
    expect(scan(content).map(found => found.split(' ')[1])).toEqual([value])
  })
})

test('a release that Helm keeps: a secret in a manifest in JSON in gzip in base64 in base64', () => {
  const manifest = `---\nkind: Secret\napiVersion: v1\ndata:\n  token: ${base64(token)}\n`
  const release = JSON.stringify({ name: 'app', manifest, chart: { text: filler.repeat(2000) } })
  const noise = Array.from({ length: 60_000 }, (_, i) => Math.imul(i, 2654435761).toString(36)).join(' ')
  for (const text of [release, JSON.stringify({ noise, manifest })])
    expect(
      scan(`kind: Secret\ndata:\n  release: ${base64(base64(gzipSync(text)))}\n`, 'release.yaml'),
    ).toContain(`github-token ${token}`)
})

describe('as docs/scan.md says, an encoded text is decoded', () => {
  const KIB = 1024
  const lines = (bytes: number) => 'a line of nothing much\n'.repeat(bytes / 23)
  const holding = (bytes: number) => {
    const half = lines((bytes * 3) / 8)
    return base64(`${half}TOKEN=${token}\n${half}`)
  }
  const found = [`github-token ${token}`]
  test.each([
    { encoded: 1900 * KIB, beside: 0, expected: found },
    { encoded: 2100 * KIB, beside: 0, expected: [] },
    { encoded: 1900 * KIB, beside: 2000 * KIB, expected: found },
    { encoded: 1900 * KIB, beside: 2300 * KIB, expected: [] },
    { encoded: 15 * KIB, beside: 4500 * KIB, expected: found },
    { encoded: 20 * KIB, beside: 4500 * KIB, expected: [] },
  ])('of $encoded bytes beside $beside', ({ encoded, beside, expected }) => {
    expect(scan(`x: ${holding(encoded)}\n${lines(beside)}`)).toEqual(expected)
  })
})

describe('a JWT and what it carries', () => {
  test('are two secrets', () => {
    const text = `auth: ${jwt({ sub: 'app', upstream: token })}`
    expect(scan(text).sort()).toEqual([`github-token ${token}`, expect.stringMatching(/^jwt /)])
  })
  test('without a secret in it, it is one', () => {
    expect(scan(`auth: ${jwt({ sub: 'app' })}`)).toEqual([expect.stringMatching(/^jwt /)])
  })
})

describe('UTF-16', () => {
  const text = `# settings\r\nDB_PASSWORD=k7-Zp2qLw99\r\nTOKEN=${token}\r\nnaïve ☃ 😀 ${other}\r\nX=${base64(`K=${token}`)}\r\n`
  const expected = [
    'generic-password k7-Zp2qLw99',
    `github-token ${token}`,
    `stripe-key ${other}`,
    `github-token ${token}`,
  ]
  test.each([
    [
      'little end first, with a mark',
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]),
    ],
    ['little end first', Buffer.from(text, 'utf16le')],
    ['big end first, with a mark', Buffer.concat([Buffer.from([0xfe, 0xff]), utf16be(text)])],
    ['big end first', utf16be(text)],
  ])('%s', (_, bytes) => {
    expect(scan(bytes, '.env')).toEqual(expected)
    const lines = [...engine.scan(bytes, { path: '.env' })].map(find => find.slots[0]!.line)
    expect(lines).toEqual([2, 3, 4, 5])
  })

  test.each([false, true])('over the ends of windows, with characters of all lengths: %s', isWide => {
    const line = `${'word '.repeat(9)}${isWide ? 'ü☃😀' : ''}\n`
    const long = `${line.repeat(3000)}TOKEN=${token}\n`.repeat(3)
    const bytes = Buffer.from(long, 'utf16le')
    expect(scan(bytes, 'a.txt', 131_073)).toEqual(Array(3).fill(`github-token ${token}`))
    const lines = [...engine.scan(bytes, { path: 'a.txt', windowBytes: 131_073 })].map(f => f.slots[0]!.line)
    expect(lines).toEqual([3001, 6002, 9003])
  })

  test('within a program', () => {
    const bytes = Buffer.concat([
      Buffer.from([0x4d, 0x5a, 0, 0xff, 1, 2, 3]),
      Buffer.from(`https://h/ ${token}`, 'utf16le'),
      Buffer.from([0, 0, 0xff]),
      Buffer.alloc(5000, 0x90),
    ])
    expect(scan(bytes, 'a.exe')).toEqual([`github-token ${token}`])
  })

  test('a value is written as UTF-16 again', () => {
    const bytes = Buffer.from(`\ufeffA=1\nTOKEN=${token}\n`, 'utf16le')
    const [find] = [...engine.scan(bytes, { path: '.env' })]
    const now = replaceSlot(bytes, find!.slots[0]!, Buffer.from('new-ü-value'))
    expect(Buffer.from(now).toString('utf16le')).toBe('\ufeffA=1\nTOKEN=new-ü-value\n')
  })

  test('UTF-8 with a mark is UTF-8', () => {
    expect(scan(`\ufeffTOKEN=${token}\n`, '.env')).toEqual([`github-token ${token}`])
    expect(scan(`\ufeff{"db_password": "k7-Zp2qLw99"}`, 'a')).toEqual(['generic-password k7-Zp2qLw99'])
  })
})

test('several secrets in one string with escapes are several, and each is written by itself', () => {
  const text = `{"a": "x=1\\nTOKEN=${token}\\nDB_PASSWORD=k7\\u002dZp2qLw99\\n"}`
  expect(scan(text, 'a.json')).toEqual([`github-token ${token}`, 'generic-password k7-Zp2qLw99'])
  const bytes = Buffer.from(text)
  const find = [...engine.scan(bytes, { path: 'a.json' })][1]!
  expect(Buffer.from(replaceSlot(bytes, find.slots[0]!, Buffer.from('a"b'))).toString()).toBe(
    text.replace('k7\\u002dZp2qLw99', 'a\\"b'),
  )
})

test('text that can be decoded in every way, again and again, ends', () => {
  let text = `password%3Dx &amp;password \\u0070\\u0061 =3D ${hex('password')} ${base64('password password')}`
  for (let i = 0; i < 5; i++)
    text = `${text} ${encodeURIComponent(text)} ${JSON.stringify(text)}`.slice(0, 10_000)
  const worked = processorTime()
  scan(text.repeat(5))
  expect(worked()).toBeLessThan(20_000)
})

test('each encoded text is decoded once, however many hits are in it', () => {
  const text = new Text(Buffer.from(hex('password password')), 'a', 'text')
  const embedded = new EmbeddedTexts(text, true, false, { left: 0 })
  const taken: string[] = []
  for (const hit of [0, 18])
    embedded.aroundEncoded(hit, 'hex', ({ bytes }) => taken.push(Buffer.from(bytes).toString()))
  expect(taken).toEqual(['password password'])
})
