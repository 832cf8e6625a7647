import { headText } from '../head-text.ts'

export type Form =
  | 'authorized-keys'
  | 'known-hosts'
  | 'ssh-config'
  | 'sshd-config'
  | 'public-keys'
  | 'hostname'

/** By how OpenSSH calls its files, also with a host's or a role's name beside it: `files/authorized_keys.deploy`. */
const NAMES: readonly (readonly [Form, RegExp])[] = [
  ['authorized-keys', /(?:^|\/)(?:authorized[_-]keys2?(?:\.[\w.-]+)?|[\w.-]+\.authorized_keys)$/i],
  ['authorized-keys', /(?:^|\/)etc\/ssh\/authorized_keys(?:\.d)?\/[^/]+(?:\/[^/]+)?$/],
  ['known-hosts', /(?:^|\/)(?:ssh_)?known_hosts2?(?:\.[\w.-]+)?$/i],
  ['sshd-config', /(?:^|\/)(?:sshd_config(?:\.[\w.-]+)?|sshd_config\.d\/[^/]+\.conf)$/i],
  [
    'ssh-config',
    /(?:^|\/)(?:\.ssh\/config|\.ssh\/config\.d\/[^/]+|ssh_config(?:\.d\/[^/]+\.conf)?|ssh-config)$/i,
  ],
  ['hostname', /(?:^|\/)etc\/hostname$/],
]
const ABOUT = /\.(?:md|txt|html?|rst|j2|erb|tmpl|go|py|rb|c|h|[jt]s|sh|1|5|8)$/i
const KEY = /^(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+|sk-[a-z0-9-]+@openssh\.com)[ \t]+AAAA/

/** What a file is to OpenSSH; undefined for others. A list of public keys may have any name: it begins with one. */
export function formOf(path: string, head: Uint8Array): Form | undefined {
  if (head.length === 0) return undefined
  const named = byName(path)
  if (named) return named
  if (!isLikeKeys(head)) return undefined
  const written = headText(head).replace(/^(?:\s*(?:#.*)?\r?\n)*/, '')
  return KEY.test(written) ? 'public-keys' : undefined
}

/** Whether it is one by its name alone. */
export function isOfOpenSsh(path: string): boolean {
  return byName(path) !== undefined
}

function byName(path: string): Form | undefined {
  return NAMES.find(([, name]) => name.test(path) && !ABOUT.test(path))?.[0]
}

/** By its first byte: an `s`, an `e`, a comment, or space before one of them. */
function isLikeKeys(head: Uint8Array): boolean {
  return [0x73, 0x65, 0x23, 0x0a, 0x0d, 0x20].includes(head[0]!)
}
