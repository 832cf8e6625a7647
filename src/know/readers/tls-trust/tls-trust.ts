import { headText } from '../head-text.ts'
import type { Reader } from '../reader.ts'

const NAMES =
  /(?:^|\/)(?:(?:nginx|httpd|apache2|ssl|haproxy|postgresql(?:\.auto)?|redis|mosquitto|mysqld?|my|mongod|server|etcd|kube-apiserver)\.(?:conf|cfg|cnf|ya?ml)|(?:sites-(?:available|enabled)|conf\.d|mysql\.conf\.d)\/[^/]+|kube-apiserver[\w.-]*|etcd[\w.-]*\.ya?ml)$/i

/** Whether it may be one, by its path. */
export function isServerSettings(path: string): boolean {
  return NAMES.test(path)
}

/** Settings of servers that name the authorities whose client certificates they take. */
export const tlsTrustReader: Reader = {
  format: 'tls-trust',
  reads({ path, format }, head) {
    if (format !== undefined) return format === 'tls-trust'
    return isServerSettings(path) && !headText(head).includes('\0')
  },
  async *read(document, bytes) {
    const { readTlsTrust } = await import('./read-tls-trust.ts')
    yield* readTlsTrust(document, bytes)
  },
}
