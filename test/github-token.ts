import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** With the checksum that GitHub's tokens carry. */
export function githubToken(): string {
  const body = [...randomBytes(30)].map(byte => BASE62[byte % 62]).join('')
  let rest = crc32(body)
  let sum = ''
  for (; rest > 0; rest = Math.floor(rest / 62)) sum = `${BASE62[rest % 62]}${sum}`
  return `ghp_${body}${sum.padStart(6, '0')}`
}
