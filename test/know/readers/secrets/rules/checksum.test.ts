import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { checksums, holds } from '../../../../../src/know/readers/secrets/rules/checksum.ts'
import { engine, rules } from './rule-directory.ts'

/** Of each kind one that its specification gives, or one made as it says; in pieces. */
const genuine: Record<(typeof checksums)[number], string> = {
  // One of an application, made for this
  'azure-devops': ['h66akylfvsl23aaxnt', 'oqfu5ylrokhevwqciz', 't73hxniwa52tfgqq'].join(''),
  // BIP 32, test vector 1, chain m
  base58check: [
    'xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6',
    'cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi',
  ].join(''),
  // BIP 173, valid strings
  bech32: 'an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs',
  'crc32-base62': ['npm_PxoNirbY', 'h5uM2rFeKw8UDMtWJP', 'SRcS0EOPjj'].join(''),
  // As Synapse's generate_access_token makes it
  'crc32-in-base62': ['syt_b3BzYm90_', 'qWeRtYuIoPaSdFgHjKlZ', '_', '40jBh7'].join(''),
  // As Grafana's tokengen makes it, in pieces
  'crc32-in-hex': ['glsa_', 'aB3dE5gH7jK9mN1pQ3sTuV5wX7yZ9aB1', '_', '9e0093b4'].join(''),
  der: `0\x81\x80\x02\x01\x00${'\xff'.repeat(125)}`,
  discord: `${Buffer.from('1098765432109876543').toString('base64url')}.GkZw1a.${'qW8x'.repeat(9)}`,
  'gitlab-routable': routable(['gl', 'pat-'].join(''), 'o:1\nu:2a'),
  'gitlab-own-prefix': routable('acme_', 'o:1\nu:2a'),
  // As NuGet's gallery shows one, in pieces
  marvin: ['a'.repeat(52), 'JQQJ99ALN5Z0000', 'LZENeS003NUGT', '3OrW'].join(''),
  nkey: crc16Made(Buffer.concat([Buffer.from([(18 << 3) | (20 >> 2), (20 & 3) << 6]), Buffer.alloc(32, 7)])),
  'sentry-org': `sntrys_${Buffer.from('{"iat":1.5,"url":"https://sentry.io","org":"acme"}').toString('base64')}_x`,
  stellar: crc16Made(Buffer.concat([Buffer.from([18 << 3]), Buffer.alloc(32, 9)])),
}

function routable(prefix: string, payload: string): string {
  const bytes = Buffer.concat([Buffer.alloc(16, 5), Buffer.from(payload), Buffer.from([payload.length])])
  const encoded = bytes.toString('base64url')
  const body = `${prefix}${encoded}.01.${encoded.length.toString(36).padStart(2, '0')}`
  return body + crc32(body).toString(36).padStart(7, '0')
}

/** By its table, where the code under test goes bit by bit. */
function crc16Made(bytes: Buffer): string {
  const table = Array.from({ length: 256 }, (_, index) => {
    let value = index << 8
    for (let bit = 0; bit < 8; bit++) value = ((value << 1) ^ (value & 0x8000 ? 0x1021 : 0)) & 0xffff
    return value
  })
  const sumOf = (data: Uint8Array) =>
    data.reduce((sum, byte) => ((sum << 8) & 0xffff) ^ table[(sum >> 8) ^ byte]!, 0)
  // The catalogue's check value of CRC-16/XMODEM
  expect(sumOf(Buffer.from('123456789'))).toBe(0x31c3)
  const sum = sumOf(bytes)
  const all = Buffer.concat([bytes, Buffer.from([sum & 0xff, sum >> 8])])
  const bits = [...all].map(byte => byte.toString(2).padStart(8, '0')).join('')
  return bits
    .padEnd(Math.ceil(bits.length / 5) * 5, '0')
    .match(/.{5}/g)!
    .map(digit => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(digit, 2)])
    .join('')
}

describe.each(checksums)('%s', checksum => {
  test('holds for a genuine token', () => {
    expect(holds(checksum, genuine[checksum])).toBe(true)
  })
})

describe.each([
  'base58check',
  'bech32',
  'crc32-in-base62',
  'crc32-in-hex',
  'gitlab-routable',
  'gitlab-own-prefix',
  'marvin',
  'nkey',
  'stellar',
] as const)('%s', checksum => {
  test('holds for none with one other character', () => {
    const token = genuine[checksum]
    // Where GitLab's has its own prefix, another version and another prefix are other forms.
    const [from, version] = checksum === 'gitlab-routable' ? [6, token.indexOf('.01.')] : [0, -9]
    const inUpper = token === token.toUpperCase()
    for (let at = from; at < token.length; at++) {
      if (at >= version && at < version + 4) continue
      const lower = /[0-9]/.test(token[at]!) ? (token[at] === '2' ? '3' : '2') : token[at] === 'a' ? 'c' : 'a'
      const other = inUpper ? lower.toUpperCase() : lower
      if (other === token[at]) continue
      expect([at, holds(checksum, token.slice(0, at) + other + token.slice(at + 1))]).toEqual([at, false])
    }
  })
})

test('of GitLab, what has no sum is no token of any prefix', () => {
  expect(holds('gitlab-own-prefix', `acme-${'aB3dE5gH7jK9mN1pQ3sT'.repeat(2)}`)).toBe(false)
})

test('a token of another form carries no sum', () => {
  expect(holds('gitlab-routable', ['glpat-', 'aB3dE5gH7jK9mN1pQ3sT'].join(''))).toBeUndefined()
  expect(holds('crc32-base62', ['ghr_', 'aB3d'.repeat(19)].join(''))).toBeUndefined()
  expect(holds('marvin', ['aB37', 'Q~', 'aB3d'.repeat(7)].join(''))).toBeUndefined()
  expect(holds('marvin', ['aB3d'.repeat(10), 'aB', 'Az', 'SeBaB3dE'].join(''))).toBeUndefined()
})

test('what is no such text at all holds nothing', () => {
  for (const checksum of [
    'azure-devops',
    'base58check',
    'bech32',
    'der',
    'marvin',
    'nkey',
    'stellar',
    'discord',
    'sentry-org',
  ] as const)
    for (const text of ['', '1', '\0', 'é', '0'.repeat(300), 'sntrys_e30=_x'])
      expect([checksum, text, holds(checksum, text)]).toEqual([checksum, text, false])
})

const loose = rules.filter(rule => rule.checks.withoutChecksum !== undefined)

test.each(loose.map(rule => ({ rule, id: rule.id })))(
  '$id: where its checksum does not hold it is less sure',
  ({ rule }) => {
    const summed = rule.examples.positive.find(({ value }) => holds(rule.checks.checksum!, value))
    const { text, path = 'a.txt', value } = summed!
    const broken = [...value]
      .flatMap((_, at) => ['3', '4'].map(digit => value.slice(0, at) + digit + value.slice(at + 1)))
      .findLast(text => holds(rule.checks.checksum!, text) === false)!
    const confidences = [value, broken].map(given => {
      const finds = [...engine.scan(Buffer.from(text.replace(value, given)), { path })]
      return finds.find(find => find.rule === rule.id && find.secret.revealText() === given)?.confidence
    })
    expect(confidences).toEqual([rule.confidence, rule.checks.withoutChecksum])
  },
)

test.each([
  ['counts up', 'ghp_', 'abcdefghijklmnopqrstuvwxyz0123456789'],
  ['counts up in both cases', 'ghp_', 'aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789'],
  ['counts up backwards', 'npm_', 'zyxwvutsrqponmlkjihgfedcba9876543210'],
  ['is words', 'ghp_', 'ThisIsAFakeTokenForTestingOnly000000'],
])('a token without the sum that %s is none', (_, prefix, body) => {
  const tokens = ['github-token', 'npm-token']
  const finds = [...engine.scan(Buffer.from(`see ${prefix}${body} there`), { path: 'a.txt' })]
  expect(finds.filter(find => tokens.includes(find.rule))).toEqual([])
})

test('nothing is said of a sum where the form has none', () => {
  const { text, value } = rules
    .find(rule => rule.id === 'github-token')!
    .examples.positive.find(example => example.value.startsWith('github_'))!
  const find = [...engine.scan(Buffer.from(text), { path: 'a.txt' })].find(
    each => each.secret.revealText() === value,
  )
  expect(find?.reasons.join()).not.toContain('checksum')
})
