import { type KeyObject, X509Certificate } from 'node:crypto'

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{100,12000}?-----END CERTIFICATE-----/g
/** A chain is seldom longer. */
const MOST = 8

/**
 * Whose certificate stands beside a key, and until when it is valid: the one that was issued for the key, or, where the
 * key cannot be read, the only one there is. The issuer and the serial number name it at its authority.
 */
export function certificateBeside(around: string, key?: KeyObject): Record<string, unknown> {
  const found: X509Certificate[] = []
  for (const [pem] of around.matchAll(CERTIFICATE)) {
    if (found.length === MOST) break
    const certificate = read(pem)
    if (certificate) found.push(certificate)
  }
  const own = key
    ? found.find(certificate => belongs(certificate, key))
    : found.length === 1
      ? found[0]
      : undefined
  if (!own) return {}
  return {
    subject: nameOf(own.subject),
    names: own.subjectAltName,
    issuer: nameOf(own.issuer),
    serial: own.serialNumber,
    expires: own.validTo,
  }
}

function read(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

function belongs(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key)
  } catch {
    return false
  }
}

/** One attribute stands on each line. */
function nameOf(name: string): string {
  return name.split('\n').join(', ')
}
