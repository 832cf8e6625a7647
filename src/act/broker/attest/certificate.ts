import type { X509Certificate } from 'node:crypto'
import { fitsPattern } from './attest.ts'
import type { BrokerConfig } from '../broker-config.ts'
import type { Workload } from '../workload.ts'

/** The issuer of workloads that a client certificate is of, which TLS has verified by the authorities of the configuration. */
const X509 = 'x509'

/**
 * Whose certificate this is, where its subject may come: the SPIFFE ID of an X.509-SVID, which has exactly one URI, else its
 * common name.
 */
export function attestCertificate(
  { tls }: Pick<BrokerConfig, 'tls'>,
  certificate: X509Certificate,
): Workload | undefined {
  const uris = (certificate.subjectAltName ?? '').split(', ').filter(name => name.startsWith('URI:'))
  const [, commonName] = /^CN=(.+)$/m.exec(certificate.subject) ?? []
  const isSvid = uris.some(uri => uri.startsWith('URI:spiffe://'))
  const subject = isSvid ? (uris.length === 1 ? uris[0]!.slice('URI:'.length) : undefined) : commonName
  // An authority signs nothing else with its key (X.509-SVID, section 4.3).
  if (subject === undefined || certificate.ca) return undefined
  if (!tls?.subjects.some(pattern => fitsPattern(subject, pattern))) return undefined
  return { issuer: X509, subject, claims: { serial: certificate.serialNumber } }
}
