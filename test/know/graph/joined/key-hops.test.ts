import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { directory } from '../../../../src/connectors/directory/connector.ts'
import { memoryGithub } from '../../../../src/connectors/github/memory.ts'
import { Secret } from '../../../../src/core/contract/secret.ts'
import { listCredentials } from '../../../../src/know/inventory/queries.ts'
import { observe } from '../../../../src/serve/operations/observe.ts'
import { paths } from '../../../../src/serve/operations/paths.ts'
import { openWorld } from '../../../serve/operations/open-world.ts'
import { certificateFor } from '../../readers/secrets/facts/certificate-for.ts'
import { opensshFile } from '../../readers/secrets/facts/openssh-file.ts'
import { publicLine } from '../../readers/ssh/public-line.ts'

const ed25519 = () => generateKeyPairSync('ed25519').privateKey
const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const pem = (key: ReturnType<typeof ec>) => key.export({ format: 'pem', type: 'pkcs8' }).toString()
const notAfter = new Date('2031-02-03T04:05:06Z')

const keys = {
  deploy: ed25519(),
  locked: ed25519(),
  stranger: ed25519(),
  config: ed25519(),
  userCa: ed25519(),
  accountCa: ed25519(),
  host: ed25519(),
  hidden: ed25519(),
  other: ed25519(),
}
const lines = Object.fromEntries(
  Object.entries(keys).map(([name, key]) => [name, publicLine(createPublicKey(key))]),
) as Record<keyof typeof keys, ReturnType<typeof publicLine>>
const [root, leaf, unrelated] = [ec(), ec(), ec()]

/** As OpenSSH hides a name. */
function hashed(name: string): string {
  const salt = Buffer.from('a salt of 20 octets.')
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`
}

/** Where hosts have them; no machine's path. */
const HOMES = 'home'

/** A host's files, what a developer has, and keys that leaked. */
const FILES = {
  'web1/etc/hostname': 'web1\n',
  'web1/etc/ssh/sshd_config': 'TrustedUserCAKeys /etc/ssh/user_ca.pub\n',
  'web1/etc/ssh/user_ca.pub': `${lines.userCa.line} ca\n`,
  'web1/etc/ssh/ssh_host_ed25519_key.pub': `${lines.host.line} root@web1\n`,
  [`web1/${HOMES}/app/.ssh/authorized_keys`]: `${lines.deploy.line} ci\n${lines.locked.line} admin\ncert-authority ${lines.accountCa.line} ca\n`,
  [`laptop/${HOMES}/ann/.ssh/known_hosts`]: [
    `web1.example.com ${lines.host.line}`,
    `${hashed('db.example.com')} ${lines.hidden.line}`,
    `${hashed('nobody.example.com')} ${lines.other.line}`,
    '',
  ].join('\n'),
  [`laptop/${HOMES}/ann/.ssh/config`]:
    'Host db\n  HostName db.example.com\n  User ops\n  IdentityFile ~/.ssh/id_db\n',
  [`laptop/${HOMES}/ann/.ssh/id_db`]: opensshFile(keys.config, 'ann'),
  'tls/api.crt': certificateFor(leaf, {
    subject: 'api.example.com',
    issuer: 'Shop CA',
    serial: 9,
    notAfter,
    signedWith: root,
    issuerKeyId: 'abcd',
  }),
  'tls/ca.crt': certificateFor(root, {
    subject: 'Shop CA',
    issuer: 'Shop CA',
    serial: 1,
    notAfter,
    authority: true,
    keyId: 'abcd',
  }),
  'leaked/deploy': opensshFile(keys.deploy, 'ci'),
  'leaked/locked': opensshFile(keys.locked, 'ci', 'aes256-ctr'),
  'leaked/stranger': opensshFile(keys.stranger, 'x'),
  'leaked/user-ca': opensshFile(keys.userCa, 'ca'),
  'leaked/account-ca': opensshFile(keys.accountCa, 'ca'),
  'leaked/host': opensshFile(keys.host, 'web1'),
  'leaked/hidden': opensshFile(keys.hidden, 'db'),
  'leaked/other': opensshFile(keys.other, 'nobody'),
  'web1/etc/nginx/conf.d/shop.conf':
    'server {\n  ssl_verify_client on;\n  ssl_client_certificate /etc/nginx/ca.crt;\n}\n',
  'web1/etc/nginx/ca.crt': certificateFor(root, {
    subject: 'Shop CA',
    issuer: 'Shop CA',
    serial: 1,
    notAfter,
    authority: true,
    keyId: 'abcd',
  }),
  'db/postgresql.conf': "ssl_ca_file = 'ca.crt'\n",
  'db/ca.crt': certificateFor(root, {
    subject: 'Shop CA',
    issuer: 'Shop CA',
    serial: 1,
    notAfter,
    authority: true,
    keyId: 'abcd',
  }),
  'other/etc/nginx/nginx.conf': 'ssl_client_certificate /etc/nginx/none.crt;\nssl_verify_client on;\n',
  'leaked/root.key': pem(root),
  'leaked/leaf.key': pem(leaf),
  'leaked/unrelated.key': pem(unrelated),
}

let opened: Awaited<ReturnType<typeof openWorld>>
let credentials: Awaited<ReturnType<typeof listCredentials>>
const github = memoryGithub()

beforeAll(async () => {
  opened = await openWorld([directory, github.connector], ['private-key'])
  const { world } = opened
  const repository = github.server.addRepository('app')
  repository.keys.push({ id: 77, key: lines.deploy.line, title: 'ci', read_only: false })
  const path = join(world.home, 'tree')
  for (const [file, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(path, file)), { recursive: true })
    await writeFile(join(path, file), text)
  }
  await world.connections.add(world.db, 'directory', { path })
  await world.connections.add(world.db, 'github', {
    owner: github.server.owner.login,
    token: new Secret(github.server.admin),
  })
  await observe.run(world, observe.input.parse({}))
  credentials = await listCredentials(world.db, world.keys)
})
afterAll(async () => {
  await opened?.close()
})

/** From the key that stands there. */
const wayTo = async (path: string, to: string) => {
  const key = credentials.find(({ copies }) => copies.some(({ place }) => place.path === path))!
  const { ways } = await paths.run(opened.world, paths.input.parse({ from: key.id, to, most: 1 }))
  return ways[0]?.hops.map(({ crossing, certainty }) => `${crossing} ${certainty}`).join(', ')
}

test.each([
  ['leaked/deploy', 'web1', 'ssh-key-logs-in proven, logs-in-to proven'],
  ['leaked/deploy', 'web1.example.com', 'ssh-key-logs-in proven, logs-in-to proven, ssh-same-host proven'],
  ['leaked/locked', 'web1', 'ssh-key-logs-in conditional, logs-in-to proven'],
  ['leaked/user-ca', 'web1', 'ssh-ca-signs-for-host proven'],
  ['leaked/account-ca', 'web1', 'ssh-ca-signs-for-account proven, logs-in-to proven'],
  ['leaked/host', 'web1', 'ssh-host-key-poses-as-host potential'],
  ['leaked/leaf.key', 'api.example.com', 'x509-key-of-certificate proven, authenticates-as conditional'],
  ['leaked/root.key', 'api.example.com', 'x509-key-of-authority proven, x509-authority-issues proven'],
  [`laptop/${HOMES}/ann/.ssh/id_db`, 'ops@db.example.com', 'ssh-identity-file conditional'],
  ['leaked/hidden', 'db.example.com', 'ssh-host-key-poses-as-host potential, ssh-hashed-name proven'],
  [
    'leaked/root.key',
    'web1/etc/nginx/conf.d/shop.conf',
    'x509-key-of-authority proven, x509-authority-accepted proven',
  ],
  [
    'leaked/root.key',
    'db/postgresql.conf',
    'x509-key-of-authority proven, x509-authority-accepted conditional',
  ],
  [
    'leaked/leaf.key',
    'web1/etc/nginx/conf.d/shop.conf',
    'x509-key-of-certificate proven, authenticates-as conditional, x509-certificate-accepted conditional',
  ],
])('%s opens %s', async (from, to, hops) => {
  expect(await wayTo(from, to)).toBe(hops)
})

test.each([
  ['leaked/stranger', 'web1'],
  ['leaked/stranger', 'acme/app'],
  ['leaked/deploy', 'ops@db.example.com'],
  ['leaked/unrelated.key', 'api.example.com'],
  ['leaked/leaf.key', 'Shop CA'],
  ['leaked/other', 'db.example.com'],
  ['leaked/root.key', 'other/etc/nginx/nginx.conf'],
  ['leaked/unrelated.key', 'web1/etc/nginx/conf.d/shop.conf'],
])('%s does not open %s', async (from, to) => {
  expect(await wayTo(from, to)).toBeUndefined()
})

test('a private key that was found is the deploy key that GitHub lists', async () => {
  expect(await wayTo('leaked/deploy', 'acme/app')).toBe('authenticates-as conditional, may-push proven')
  const found = credentials.filter(({ ref }) => ref.system === 'github' && ref.kind === 'ssh-key')
  expect(found).toMatchObject([{ copies: [{ place: { path: 'leaked/deploy' } }] }])
})
