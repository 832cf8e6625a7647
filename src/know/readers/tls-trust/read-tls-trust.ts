import { basename, dirname, posix } from 'node:path'
import type { Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { readText } from '../read-text.ts'
import { withinRepository } from '../within-repository.ts'

/** How a server says whose certificates it takes, and where it says that it asks for one. */
interface Form {
  readonly server: string
  /** The setting, with the file as its group. */
  readonly names: RegExp
  /** Found in the text where a client must show a certificate; without it that is told elsewhere. */
  readonly asks?: RegExp
  /** In words, what lets a certificate in where the text does not say so. */
  readonly when: string
}

const FILE = String.raw`["']?([^\s"';,]+)["']?`
const FORMS: readonly Form[] = [
  {
    // https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_verify_client
    server: 'nginx',
    names: new RegExp(String.raw`^\s*ssl_client_certificate\s+${FILE}\s*;`),
    asks: /^\s*ssl_verify_client\s+on\s*;/m,
    when: 'nginx asks for a client certificate',
  },
  {
    // https://httpd.apache.org/docs/current/mod/mod_ssl.html#sslverifyclient
    server: 'Apache',
    names: new RegExp(String.raw`^\s*SSLCACertificateFile\s+${FILE}`, 'i'),
    asks: /^\s*SSLVerifyClient\s+require\b/im,
    when: 'Apache asks for a client certificate',
  },
  {
    // https://docs.haproxy.org/3.0/configuration.html#5.1-ca-file
    server: 'HAProxy',
    names: new RegExp(String.raw`^\s*bind\s[^#\n]*\sca-file\s+${FILE}`),
    asks: /^\s*bind\s[^#\n]*\sverify\s+required\b/m,
    when: 'HAProxy asks for a client certificate',
  },
  {
    // https://www.postgresql.org/docs/current/ssl-tcp.html#SSL-CLIENT-CERTIFICATES
    server: 'PostgreSQL',
    names: new RegExp(String.raw`^\s*ssl_ca_file\s*=\s*${FILE}`),
    when: 'pg_hba.conf lets certificates in (cert, or clientcert=verify-full), for the role that is their common name',
  },
  {
    // https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
    server: 'Kubernetes',
    names: new RegExp(String.raw`--(?:client-ca-file|requestheader-client-ca-file)[= ]${FILE}`),
    asks: /--(?:client-ca-file|requestheader-client-ca-file)[= ]/,
    when: '',
  },
  {
    // https://etcd.io/docs/v3.5/op-guide/security/
    server: 'etcd',
    names: new RegExp(String.raw`(?:--(?:peer-)?trusted-ca-file[= ]|^\s*trusted-ca-file:\s*)${FILE}`),
    asks: /--(?:peer-)?client-cert-auth(?:=true|\s|$)|^\s*client-cert-auth:\s*true\b/m,
    when: 'etcd asks for a client certificate',
  },
  {
    // https://redis.io/docs/latest/operate/oss_and_stack/management/security/encryption/
    server: 'Redis',
    names: new RegExp(String.raw`^\s*tls-ca-cert-file\s+${FILE}`),
    when: 'Redis asks for a client certificate, and its user needs no password',
  },
  {
    // https://mosquitto.org/man/mosquitto-conf-5.html
    server: 'Mosquitto',
    names: new RegExp(String.raw`^\s*cafile\s+${FILE}`),
    asks: /^\s*require_certificate\s+true\b/m,
    when: 'Mosquitto asks for a client certificate',
  },
  {
    // https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html#sysvar_ssl_ca
    server: 'MySQL',
    names: new RegExp(String.raw`^\s*ssl[-_]ca\s*=\s*${FILE}`),
    when: 'the account is one of X.509 (REQUIRE SUBJECT, ISSUER or X509), and its password is known or empty',
  },
]

/** The servers that a file sets up, and in which files the authorities stand whose certificates they take from clients. */
export async function* readTlsTrust(
  document: { readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const { path, in: container } = document
  const text = yield* readText('tls-trust', path, bytes)
  if (text === undefined) return
  const told = new Set<string>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*#/.test(line)) continue
    for (const { server, names, asks, when } of FORMS) {
      const written = names.exec(line)?.[1]
      const file = written === undefined ? undefined : meantBy(written, path)
      if (file === undefined || told.has(`${server} ${file}`)) continue
      told.add(`${server} ${file}`)
      const from = withinRepository(container, 'tls-server', path)
      const to = withinRepository(container, 'file', file)
      yield { see: 'resource', ref: from, names: [path], facts: { server: { value: server } } }
      yield { see: 'resource', ref: to, names: [file], facts: {} }
      const sure = asks?.test(text) === true
      yield {
        see: 'edge',
        from,
        to,
        crossing: 'trusts-clients-of',
        ...(sure ? { certainty: 'proven' } : { certainty: 'conditional', when }),
        why: `${path}:${index + 1} takes client certificates of the authorities in ${basename(file)}`,
      }
    }
  }
}

/**
 * Where the file lies within what holds the settings: below the root of the host where their own place tells it, else beside
 * them. What is computed is not told.
 */
function meantBy(written: string, path: string): string | undefined {
  if (/[$%{}]/.test(written)) return undefined
  if (!written.startsWith('/')) return posix.normalize(`${dirname(path)}/${written}`).replace(/^\.\//, '')
  const root = /^(?<root>|.*\/)(?:etc|var|opt|usr|srv)\//.exec(path)?.groups?.['root']
  return root === undefined
    ? posix.join(dirname(path), basename(written)).replace(/^\.\//, '')
    : root + written.slice(1)
}
