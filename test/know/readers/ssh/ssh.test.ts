import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Observation } from '../../../../src/core/contract/observation.ts'
import { sshReader } from '../../../../src/know/readers/ssh/ssh.ts'
import { observed } from '../both-ways.ts'
import { publicLine } from './public-line.ts'

const key = () => createPublicKey(generateKeyPairSync('ed25519').privateKey)
const [first, second] = [publicLine(key()), publicLine(key())]

const edges = (found: readonly Observation[]) =>
  found.flatMap(one =>
    one.see === 'edge' && one.crossing !== 'may-read'
      ? [
          {
            from: one.from.id,
            crossing: one.crossing,
            to: one.to.id,
            certainty: one.certainty,
            when: one.when,
          },
        ]
      : [],
  )
const read = async (path: string, text: string) => edges(await observed(sshReader, path, text))

describe('authorized_keys', () => {
  test('in its place is of a user at a host; each line is a key that logs in', async () => {
    const text = `# of the team\n\n${first.line} ci@acme\nnot a key\n`
    expect(await read(['web1', 'home/deploy/.ssh/authorized_keys'].join('/'), text)).toEqual([
      { from: 'web1/deploy', crossing: 'logs-in-to', to: 'web1/', certainty: 'proven' },
      {
        from: `web1/deploy#${first.fingerprint}`,
        crossing: 'logs-in-as',
        to: 'web1/deploy',
        certainty: 'proven',
      },
    ])
    const [, ofRoot] = [null, await read('root/.ssh/authorized_keys', first.line)]
    expect(ofRoot[0]).toMatchObject({ from: 'root', crossing: 'administers', to: '/' })
    const [own] = await read('etc/ssh/authorized_keys.d/backup', first.line)
    expect(own).toMatchObject({ from: 'backup', to: '/' })
  })

  test('elsewhere it is of whatever host it is put on', async () => {
    expect(await read('roles/web/files/authorized_keys', first.line)).toEqual([
      {
        from: `roles/web/files/authorized_keys#${first.fingerprint}`,
        crossing: 'logs-in-as',
        to: 'roles/web/files/authorized_keys',
        certainty: 'conditional',
        when: 'the file is put in its place at a host',
      },
    ])
  })

  test('what a line asks for is a condition, and a CA key is no key that logs in', async () => {
    const text = [
      `restrict,from="10.0.0.0/8",command="rsync --server \\"a, b\\"" ${first.line} backup`,
      `cert-authority,principals="ops" ${second.line} ca`,
    ].join('\n')
    const [, limited, authority] = await read('home/a/.ssh/authorized_keys', text)
    expect(limited).toMatchObject({
      certainty: 'conditional',
      when: 'it is used from 10.0.0.0/8; the command that its line forces gives a way on',
    })
    expect(authority).toEqual({
      from: second.fingerprint,
      crossing: 'signs-logins-of',
      to: 'a',
      certainty: 'conditional',
      when: 'the certificate is for ops',
    })
  })
})

test('known_hosts tells hosts by their keys; a hashed name is a host of its own, revoked keys tell nothing', async () => {
  const text = [
    `web1.example.com,[10.0.0.1]:2222 ${first.line}`,
    `|1|c2FsdHNhbHQ=|aGFzaGhhc2g= ${first.line}`,
    `|1|no-base64|x ${first.line}`,
    `@revoked old.example.com ${first.line}`,
    `@cert-authority *.example.com ${second.line}`,
  ].join('\n')
  expect(await read('home/a/.ssh/known_hosts', text)).toEqual([
    { from: '?web1.example.com:22', crossing: 'has-host-key', to: first.fingerprint, certainty: 'proven' },
    { from: '?10.0.0.1:2222', crossing: 'has-host-key', to: first.fingerprint, certainty: 'proven' },
    {
      from: '?|1|c2FsdHNhbHQ=|aGFzaGhhc2g=',
      crossing: 'has-host-key',
      to: first.fingerprint,
      certainty: 'proven',
    },
    { from: second.fingerprint, crossing: 'vouches-for-host', to: '?*.example.com:22', certainty: 'proven' },
  ])
})

test('ssh_config tells which key logs in where, as whom: of each setting the first that fits', async () => {
  const text = `
User nobody-yet
Host web1 w1
  HostName = web1.example.com
  IdentityFile ~/.ssh/id_deploy # the team's
Host bastion
  Hostname bastion.example.com
  User root
  Port 2200
  IdentityFile "/etc/ssh/bastion_key"
Host !web1 w* *
  User other
Match host db exec "true"
  User postgres
`
  expect(await read('home/a/.ssh/config', text.replace('User nobody-yet\n', ''))).toEqual(
    [
      { from: '?other', crossing: 'logs-in-to', to: '?web1.example.com:22', certainty: 'proven' },
      { from: 'home/a/.ssh/id_deploy', crossing: 'identity-for', to: '?other', certainty: 'proven' },
      { from: '?other', crossing: 'logs-in-to', to: '?web1.example.com:22', certainty: 'proven' },
      { from: 'home/a/.ssh/id_deploy', crossing: 'identity-for', to: '?other', certainty: 'proven' },
      { from: '?root', crossing: 'administers', to: '?bastion.example.com:2200', certainty: 'proven' },
      { from: 'etc/ssh/bastion_key', crossing: 'identity-for', to: '?root', certainty: 'proven' },
      {
        from: '?other',
        crossing: 'logs-in-to',
        to: '?db:22',
        certainty: 'conditional',
        when: 'the Match of the configuration holds: exec true',
      },
    ].map((edge, index) =>
      index < 2 ? { ...edge, ...(index === 0 ? { from: '?a' } : { to: '?a' }) } : edge,
    ),
  )
  expect((await read('home/a/.ssh/config', text))[0]).toMatchObject({ from: '?nobody-yet' })
})

test('a Match of a host is for that host; one that asks more is a condition, beside what holds without it', async () => {
  const text = `Host db
  HostName db.example.com
  User app
  IdentityFile ~/.ssh/id_app
Match originalhost db,web exec "on-call"
  IdentityFile ~/.ssh/id_admin
Match host bastion
  User root
Match all
  Port 2200
`
  const told = (await read('home/a/.ssh/config', text)).map(
    ({ from, crossing, to, certainty }) => `${from} ${crossing} ${to} ${certainty}`,
  )
  expect(told).toEqual([
    '?app logs-in-to ?db.example.com:2200 proven',
    'home/a/.ssh/id_app identity-for ?app proven',
    '?app logs-in-to ?db.example.com:2200 conditional',
    'home/a/.ssh/id_app identity-for ?app conditional',
    'home/a/.ssh/id_admin identity-for ?app conditional',
    '?a logs-in-to ?web:2200 conditional',
    'home/a/.ssh/id_admin identity-for ?a conditional',
    '?root administers ?bastion:2200 proven',
  ])
})

describe('sshd_config', () => {
  test('tells whose certificates the host trusts', async () => {
    expect(
      await read('etc/ssh/sshd_config', 'PermitRootLogin no\nTrustedUserCAKeys /etc/ssh/ca.pub\n'),
    ).toEqual([{ from: '/', crossing: 'trusts-signers-in', to: 'etc/ssh/ca.pub', certainty: 'proven' }])
    expect(await read('etc/ssh/sshd_config', 'TrustedUserCAKeys none\n')).toEqual([])
    const ofSome =
      'Match User deploy\n  TrustedUserCAKeys /etc/ssh/ca.pub\nMatch all\n  TrustedUserCAKeys /etc/ssh/ops.pub\n'
    expect(await read('etc/ssh/sshd_config', ofSome)).toMatchObject([
      { certainty: 'conditional', when: 'the login is one of User deploy' },
      { certainty: 'proven' },
    ])
  })

  test('limits of principals, and a file that lies where no host has it, make it conditional', async () => {
    const text = 'AuthorizedPrincipalsFile /etc/ssh/principals/%u\nTrustedUserCAKeys /etc/ssh/ca.pub\n'
    expect(await read('etc/ssh/sshd_config', text)).toMatchObject([
      { certainty: 'conditional', when: expect.stringContaining('/etc/ssh/principals/%u') },
    ])
    expect(await read('ansible/sshd_config', 'TrustedUserCAKeys /etc/ssh/ca.pub')).toMatchObject([
      { from: 'ansible/sshd_config', to: 'ansible/ca.pub', certainty: 'conditional' },
    ])
  })
})

test('a list of public keys has any name; a host’s own keys are known by theirs', async () => {
  expect(await read('keys/ca.txt', `# ours\n${first.line} ca\n`)).toEqual([
    { from: 'keys/ca.txt', crossing: 'lists-key', to: first.fingerprint, certainty: 'proven' },
  ])
  expect(await read('etc/ssh/ssh_host_ed25519_key.pub', `${first.line} root@web1\n`)).toEqual([
    { from: '/', crossing: 'has-host-key', to: first.fingerprint, certainty: 'proven' },
  ])
  for (const [path, text] of [
    ['notes.txt', `see ${first.line}`],
    ['docs/authorized_keys.md', 'x'],
    ['src/known_hosts.go', 'package x'],
  ] as const)
    expect(sshReader.reads({ path }, Buffer.from(text)), path).toBe(false)
})

test('a key whose blob is of another type, or cut off, is none', async () => {
  const other = first.line.replace('ssh-ed25519', 'ssh-rsa')
  expect(await read('home/a/.ssh/authorized_keys', `${other}\nssh-ed25519 AAAA\n`)).toEqual([])
})
