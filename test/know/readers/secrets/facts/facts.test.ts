import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { awsAccount } from '../../../../../src/know/readers/secrets/facts/aws-account.ts'
import { jwtFacts } from '../../../../../src/know/readers/secrets/facts/json-part.ts'
import { opensshFacts, sshFingerprint } from '../../../../../src/know/readers/secrets/facts/openssh.ts'
import { privateKeyFacts } from '../../../../../src/know/readers/secrets/facts/private-key.ts'
import { engine, rules } from '../rules/rule-directory.ts'
import { certificateFor } from './certificate-for.ts'
import { opensshFile } from './openssh-file.ts'

function factsOf(text: string, path = 'note.txt'): Record<string, unknown>[] {
  return [...engine.scan(Buffer.from(text), { path })].map(({ facts }) =>
    Object.fromEntries(Object.entries(facts ?? {}).map(([name, { value }]) => [name, value])),
  )
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const token = (claims: object, header: object = { alg: 'RS256', kid: 'k1' }) =>
  `${part(header)}.${part(claims)}.${'Zq7x-'.repeat(12)}`

function keyOf(type: 'rsa' | 'ec' | 'ed25519' | 'dsa'): KeyObject {
  switch (type) {
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    case 'ec':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey
    case 'dsa':
      return generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).privateKey
  }
}
const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8') =>
  key.export({ format: 'pem', type: type as 'pkcs8' }).toString()

describe('an AWS access key id', () => {
  // Both pairs were published with the account that `aws sts get-access-key-info` gives.
  test.each([
    ['ASIAY34FZKBOKMUTVV7A', '609629065308'],
    ['ASIAQNZGKIQY56JQ7WML', '029608264753'],
  ])('%s is of account %s', (id, account) => {
    expect(awsAccount(id)).toBe(account)
  })

  test('of before 2019 does not say', () => {
    expect(awsAccount('AKIAIOSFODNN7EXAMPLE')).toBeUndefined()
    expect(awsAccount('AKIA')).toBeUndefined()
  })
})

describe('a JSON Web Token', () => {
  test('tells whose it is and when it ends', () => {
    const claims = {
      iss: 'https://issuer.test',
      sub: 'ci',
      aud: ['a', 'b'],
      iat: 1_700_000_000,
      exp: 1_700_003_600,
    }
    expect(factsOf(`token: ${token(claims)}`)).toEqual([
      {
        issuer: 'https://issuer.test',
        subject: 'ci',
        audience: 'a b',
        issued: '2023-11-14T22:13:20.000Z',
        expires: '2023-11-14T23:13:20.000Z',
        algorithm: 'RS256',
        keyId: 'k1',
      },
    ])
  })

  test.each([
    [
      'a time beyond all calendars',
      { exp: 1e300, sub: 'x' },
      { subject: 'x', algorithm: 'RS256', keyId: 'k1' },
    ],
    ['no text', { sub: { a: 1 }, iss: null, exp: [] }, { algorithm: 'RS256', keyId: 'k1' }],
    ['a line break and a bell', { sub: 'a\nb', iss: '\u0007' }, { algorithm: 'RS256', keyId: 'k1' }],
    ['a book', { sub: 'x'.repeat(1000) }, { algorithm: 'RS256', keyId: 'k1' }],
  ])('says nothing where there is %s', (_, claims, expected) => {
    expect(factsOf(`token: ${token(claims)}`)).toEqual([expected])
  })
})

describe('a private key', () => {
  test.each([
    ['RSA in PKCS#8', () => pem(keyOf('rsa')), { keyType: 'rsa', keyBits: 2048 }],
    ['RSA in PKCS#1', () => pem(keyOf('rsa'), 'pkcs1'), { keyType: 'rsa', keyBits: 2048 }],
    ['EC in SEC 1', () => pem(keyOf('ec'), 'sec1'), { keyType: 'ec', curve: 'prime256v1' }],
    ['Ed25519', () => pem(keyOf('ed25519')), { keyType: 'ed25519' }],
  ])('%s has a type and a fingerprint', (_, make, expected) => {
    const [facts] = factsOf(make(), 'id')
    expect(facts).toEqual({
      ...expected,
      sshFingerprint: expect.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}$/),
    })
  })

  test('of an algorithm whose public half would have to be computed is not read', () => {
    const key = pem(keyOf('dsa'))
    expect(privateKeyFacts(key, key)).toEqual({ keyType: undefined })
  })

  test('under a passphrase says so', () => {
    const key = keyOf('rsa')
    const options = { cipher: 'aes-256-cbc', passphrase: 'x', format: 'pem' } as const
    expect(factsOf(key.export({ ...options, type: 'pkcs8' }).toString())).toEqual([{ encrypted: true }])
    expect(factsOf(key.export({ ...options, type: 'pkcs1' }).toString())).toEqual([
      { keyType: 'rsa', encrypted: true },
    ])
  })

  test('in OpenSSH’s format is the same key, with its comment', () => {
    const key = keyOf('ed25519')
    const { sshFingerprint: fingerprint } = privateKeyFacts(pem(key), '')
    expect(factsOf(opensshFile(key, 'deploy@ci'), 'id_ed25519')).toEqual([
      { keyType: 'ssh-ed25519', sshFingerprint: fingerprint, comment: 'deploy@ci' },
    ])
    expect(factsOf(opensshFile(key, 'deploy@ci', 'aes256-ctr'), 'id_ed25519')).toEqual([
      { keyType: 'ssh-ed25519', sshFingerprint: fingerprint, encrypted: true },
    ])
  })

  test('has the fingerprint that ssh-keygen prints', () => {
    // GitHub's host keys: https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/githubs-ssh-key-fingerprints
    const ed25519 = Buffer.from(
      'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
      'base64',
    )
    const x = ed25519.subarray(-32).toString('base64url')
    expect(sshFingerprint({ kty: 'OKP', crv: 'Ed25519', x })).toBe(
      'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU',
    )
    const ecdsa = Buffer.from(
      'AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=',
      'base64',
    )
    expect(
      sshFingerprint({
        kty: 'EC',
        crv: 'P-256',
        x: ecdsa.subarray(-64, -32).toString('base64url'),
        y: ecdsa.subarray(-32).toString('base64url'),
      }),
    ).toBe('SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM')
  })
})

describe('a certificate beside a key', () => {
  const key = keyOf('ec')
  const about = {
    subject: 'api.acme.test',
    issuer: 'Acme CA',
    serial: 0x2a,
    notAfter: new Date('2024-05-06T07:08:09Z'),
  }
  const facts = {
    subject: 'CN=api.acme.test',
    issuer: 'CN=Acme CA',
    serial: '2A',
    expires: '2024-05-06T07:08:09.000Z',
  }

  test('is told where it was issued for the key, whatever else stands there', () => {
    const other = certificateFor(keyOf('ec'), { ...about, subject: 'other', serial: 7 })
    const file = `${other}${certificateFor(key, about)}${pem(key)}`
    expect(factsOf(file, 'tls.pem')).toEqual([expect.objectContaining(facts)])
    expect(factsOf(`${pem(key)}${certificateFor(key, about)}`, 'tls.pem')).toEqual([
      expect.objectContaining(facts),
    ])
  })

  test('of another key is not its', () => {
    const [said] = factsOf(`${certificateFor(keyOf('ec'), about)}${pem(key)}`, 'tls.pem')
    expect(said).not.toHaveProperty('expires')
  })

  test('is told of a key under a passphrase where it is the only one', () => {
    const locked = key
      .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })
      .toString()
    expect(factsOf(`${locked}${certificateFor(key, about)}`)).toEqual([{ encrypted: true, ...facts }])
    const both = certificateFor(key, about) + certificateFor(keyOf('ec'), about)
    expect(factsOf(`${locked}${both}`)).toEqual([{ encrypted: true }])
  })
})

describe('what stands around', () => {
  test('names the project and key of a service account', () => {
    const file = JSON.stringify({
      type: 'service_account',
      project_id: 'acme-prod',
      private_key_id: 'a1b2c3d4e5f60718293a4b5c6d7e8f9001122334',
      private_key: pem(keyOf('rsa')),
      client_email: 'deploy@acme-prod.iam.gserviceaccount.com',
    })
    expect(factsOf(file, 'sa.json')).toEqual([
      {
        project: 'acme-prod',
        keyId: 'a1b2c3d4e5f60718293a4b5c6d7e8f9001122334',
        serviceAccount: 'deploy@acme-prod.iam.gserviceaccount.com',
      },
    ])
  })

  test('names the machine and login of a netrc, each its own, and the user of a kubeconfig', () => {
    const [one, two] = ['Nr-44-zz', 'Kq7-zz-1A']
    const netrc = `machine git.acme.test login ci password ${one}\nmachine api.acme.test:8443\n  login ops\n  password ${two}\ndefault login anonymous password Qm2kd-77\n`
    expect(factsOf(netrc, '.netrc')).toEqual([
      { machine: 'git.acme.test', login: 'ci' },
      { machine: 'api.acme.test:8443', login: 'ops' },
      { machine: 'default', login: 'anonymous' },
    ])
    const user = (name: string, token: string) => `- name: ${name}\n  user:\n    token: ${token}\n`
    const tokens = ['a8Kd02mm3', 'Qz7m5vXw2'].map(piece => piece.repeat(5))
    const kubeconfig = `kind: Config\nusers:\n${user('ops', tokens[0]!)}${user('"ci"', tokens[1]!)}`
    expect(factsOf(kubeconfig, '.kube/config')).toEqual([{ kubeconfigUser: 'ops' }, { kubeconfigUser: 'ci' }])
  })

  test('is taken from what is nearest', () => {
    const account = (name: string, key: string) => `AccountName=${name};AccountKey=${key}==;`
    const [one, two] = ['Qz7', 'Kp3'].map(three => `${three}m/5vXw2+`.repeat(9).slice(0, 86)) as [
      string,
      string,
    ]
    expect(factsOf(`${account('firststore', one)}\n${account('secondstore', two)}`)).toEqual([
      { account: 'firststore' },
      { account: 'secondstore' },
    ])
  })
})

test('a rule names no fact that could hold the secret', () => {
  for (const rule of rules)
    for (const example of rule.facts ? rule.examples.positive : []) {
      const found = factsOf(example.text, example.path ?? 'note.txt')
      expect(JSON.stringify(found)).not.toContain(JSON.stringify(example.value).slice(1, -1))
    }
})

test('hostile input gives no fact, and no error', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom('RSA ', 'EC ', 'OPENSSH ', ''),
      (bytes, label) => {
        const body = Buffer.from(bytes).toString('base64')
        const text = `-----BEGIN ${label}PRIVATE KEY-----\n${body}\n-----END ${label}PRIVATE KEY-----`
        expect(privateKeyFacts(text, text)).not.toHaveProperty('sshFingerprint')
        expect(jwtFacts(`eyJ${body}.eyJ${body}.x`)).toBeDefined()
        expect(opensshFacts(Buffer.concat([Buffer.from('openssh-key-v1\0'), bytes]))).toBeDefined()
      },
    ),
    { seed: 3, numRuns: 500 },
  )
})
