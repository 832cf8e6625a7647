import { createHash, X509Certificate } from 'node:crypto'
import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { CredentialRef, Ref } from '../../../core/contract/ref.ts'
import { unread } from '../read-text.ts'
import { withinRepository } from '../within-repository.ts'
import { sshFingerprint } from '../secrets/facts/openssh.ts'
import { hostOf, hostSeen } from '../ssh/place.ts'
import { ANCHORS } from './x509.ts'

const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]{100,24000}?)-----END CERTIFICATE-----/g
const MOST_BYTES = 4 * 2 ** 20
/** More of them are a store of roots that somebody else issued. */
const MOST = 32
/** The identifiers of the issuer's key, and of the subject's: RFC 5280, sections 4.2.1.1 and 4.2.1.2. */
const [ISSUER_KEY, SUBJECT_KEY] = ['551d23', '551d0e'] as const

/** All certificates of a document, each as whom it names and who issued it. */
export async function* readCertificates(
  { in: container, path }: { readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    size += chunk.length
    if (size > MOST_BYTES)
      return yield unread('x509', path, 1, `it has more than ${MOST_BYTES / 2 ** 20} MiB`)
    chunks.push(chunk)
  }
  const whole = Buffer.concat(chunks)
  const text = whole.toString('latin1')
  const found = [...text.matchAll(PEM)].map(([, body = ''], index, all) => ({
    der: Buffer.from(body.replace(/\s+/g, ''), 'base64'),
    line: text.slice(0, all[index]!.index).split('\n').length,
  }))
  if (found.length > MOST) return
  if (found.length === 0 && whole[0] === 0x30) found.push({ der: whole, line: 1 })
  yield* trustedBy(container, path)
  for (const { der, line } of found) {
    const certificate = parsed(der)
    if (certificate) {
      yield* certificateSeen(certificate)
      if (certificate.ca) yield* listedIn(certificate, withinRepository(container, 'file', path), path)
    } else yield unread('x509', path, line, 'it is no certificate that can be read')
  }
}

/** The host whose programs take any server for what a certificate of an authority in the file says. */
function* trustedBy(container: Ref, path: string): Generator<Observation> {
  const root = ANCHORS.exec(path)?.groups?.['root']
  if (root === undefined) return
  yield* hostSeen(container, root)
  yield {
    see: 'edge',
    from: hostOf(container, root),
    to: withinRepository(container, 'file', path),
    crossing: 'trusts-servers-of',
    certainty: 'proven',
    why: `${path} is among the authorities that the host’s owner trusts`,
  }
}

/** Whoever trusts the file trusts each authority in it. */
function* listedIn(certificate: X509Certificate, file: Ref, path: string): Generator<Observation> {
  const to = authorityRef(nameOf(certificate.subject), keyIdOf(certificate.raw, SUBJECT_KEY))
  yield { see: 'resource', ref: file, names: [path], facts: {} }
  yield {
    see: 'edge',
    from: file,
    to,
    crossing: 'lists-authority',
    certainty: 'proven',
    why: `the certificate of ${nameOf(certificate.subject)} stands in ${path}`,
  }
}

function parsed(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der)
  } catch {
    return undefined
  }
}

function* certificateSeen(certificate: X509Certificate): Generator<Observation> {
  const [subject, issuer] = [nameOf(certificate.subject), nameOf(certificate.issuer)]
  const authority = authorityRef(issuer, keyIdOf(certificate.raw, ISSUER_KEY))
  const isOwnIssuer = certificate.subject === certificate.issuer
  const identity: Ref = { system: 'x509', instance: authority.id, kind: 'subject', id: subject }
  const ref: CredentialRef = {
    system: 'x509',
    instance: authority.id,
    kind: 'certificate',
    id: certificate.serialNumber,
    identity,
  }
  const names = certificate.subjectAltName
  yield { see: 'identity', ref: identity, names: namesOf(certificate), facts: factsOf({ subject }) }
  yield {
    see: 'credential',
    ref,
    facts: factsOf({
      subject,
      names: names === undefined ? undefined : names.slice(0, 500),
      issuer,
      serial: certificate.serialNumber,
      issued: timeOf(certificate.validFrom),
      expires: timeOf(certificate.validTo),
      authority: certificate.ca,
      keyType: keyTypeOf(certificate),
      sshFingerprint: fingerprintOf(certificate),
    }),
  }
  if (certificate.ca) {
    const keyId = keyIdOf(certificate.raw, SUBJECT_KEY)
    const told = { see: 'edge', from: ref, crossing: 'is-authority' } as const
    const why = `it is the certificate of ${subject}`
    for (const own of [keyId, ...(keyId === undefined ? [] : [undefined])]) {
      const to = authorityRef(subject, own)
      yield { see: 'resource', ref: to, names: [subject], facts: {} }
      // By its name alone it could be another one that is called so.
      if (own !== undefined) yield { ...told, to, certainty: 'proven', why }
      else yield { ...told, to, certainty: 'conditional', when: 'no other authority has its name', why }
    }
  }
  if (isOwnIssuer) return
  yield { see: 'resource', ref: authority, names: [issuer], facts: {} }
  yield {
    see: 'edge',
    from: identity,
    to: authority,
    crossing: 'issued-by',
    certainty: 'proven',
    why: `${issuer} issued the certificate ${certificate.serialNumber}`,
  }
}

/** One is told by its name and the identifier of its key: several may have the name. */
function authorityRef(name: string, keyId: string | undefined): Ref {
  const id = createHash('sha256')
    .update(`${name}\n${keyId ?? ''}`)
    .digest('hex')
    .slice(0, 40)
  return { system: 'x509', instance: id, kind: 'authority', id }
}

/** One attribute stands on each line. */
function nameOf(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ')
}

function namesOf({ subject, subjectAltName = '' }: X509Certificate): string[] {
  const common = /^CN=(.+)$/m.exec(subject ?? '')?.[1]
  const others = [...subjectAltName.matchAll(/(?:DNS|URI|email):([^,\s"]+)/g)].map(([, name]) => name!)
  const names = [...new Set([...(common === undefined ? [] : [common]), ...others])]
  return names.length > 0 ? names.slice(0, 20) : [nameOf(subject)]
}

function timeOf(written: string): string | undefined {
  const time = new Date(written)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}

function keyTypeOf(certificate: X509Certificate): string | undefined {
  try {
    return certificate.publicKey.asymmetricKeyType
  } catch {
    return undefined
  }
}

/** As SSH would call its public key, which is how private keys tell theirs; undefined for what SSH has no keys of. */
function fingerprintOf(certificate: X509Certificate): string | undefined {
  try {
    return sshFingerprint(certificate.publicKey.export({ format: 'jwk' }))
  } catch {
    return undefined
  }
}

/** An identifier that an extension gives, in hexadecimal; undefined where there is none in the usual form. */
function keyIdOf(der: Buffer, extension: string): string | undefined {
  const name = Buffer.from(`0603${extension}04`, 'hex')
  const at = der.indexOf(name)
  if (at < 0) return undefined
  // An octet string of a short length, in it an octet string, or a sequence that begins with one.
  const value = der.subarray(at + name.length + 1, at + name.length + 1 + (der[at + name.length] ?? 0))
  const own = value[0] === 0x30 ? value.subarray(2) : value
  if (own[0] !== 0x04 && own[0] !== 0x80) return undefined
  return own.subarray(2, 2 + (own[1] ?? 0)).toString('hex')
}
