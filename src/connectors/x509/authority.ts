import 'reflect-metadata'
import { createHash, createPrivateKey, type webcrypto, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import type { Certifier } from '../../core/contract/certified.ts'
import type { Trust } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { type Certified, IssueLedger } from '../../core/contract/issue-ledger.ts'
import { DAY_MS, type CredentialRef, type Ms, type Ref } from '../../core/contract/ref.ts'
import type { X509Config } from './config.ts'
import { reload } from './reload.ts'

/** An authority's folder, opened: its certificate, the book of what it signed, and the list of what is refused. */
export interface Authority extends Certifier {
  readonly config: X509Config
  readonly certificate: X509Certificate
  /** Its certificate as PEM, for whoever checks what it signed. */
  readonly pem: string
  /** As those who read certificates in files call it. */
  readonly name: string
}

export async function openAuthority(config: X509Config, io: Io): Promise<Authority> {
  const { certificate, pem, instance, name } = await certificateIn(config)
  const authority: Authority = {
    config,
    io,
    certificate,
    pem,
    instance,
    name,
    ledger: new IssueLedger(join(config.path, 'issued.db')),
    holder: 'subject',
    signs: 'certificate',
    mustBeOurs: ref => mustBeOurs(instance, ref),
    mustBeSame: async () => {
      const now = await certificateIn(config)
      if (now.instance !== instance)
        throw new FirebreakError(
          'CONFLICT',
          `${config.path} holds another authority now: ${now.name}`,
          'Find out whose it is; connect it anew if it is meant.',
        )
    },
    publish: () => publishCrl(authority),
  }
  await renewCrl(authority)
  return authority
}

async function certificateIn({ path }: X509Config) {
  const file = join(path, 'ca.pem')
  const pem = await readFile(file, 'utf8').catch(() => {
    throw new FirebreakError(
      'UNREACHABLE',
      `${file} cannot be read`,
      'The authority’s certificate has to lie there.',
    )
  })
  try {
    const certificate = new X509Certificate(pem)
    const parsed = new x509.X509Certificate(pem)
    const keyId = parsed.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId
    if (!certificate.ca || keyId === undefined) throw new TypeError('it is of no authority')
    const name = certificate.subject.split('\n').join(', ')
    // The same authority is told of by files that trust it, under this id.
    const instance = createHash('sha256').update(`${name}\n${keyId.toLowerCase()}`).digest('hex').slice(0, 40)
    return { certificate, pem, instance, name }
  } catch {
    throw new FirebreakError(
      'INVALID_CONFIG',
      `${file} is no certificate of an authority`,
      'It needs basicConstraints CA:TRUE and a subjectKeyIdentifier, as openssl req -x509 writes them.',
    )
  }
}

const ALGORITHMS: Readonly<
  Record<string, webcrypto.Algorithm | webcrypto.EcKeyImportParams | webcrypto.RsaHashedImportParams>
> = {
  'ec prime256v1': { name: 'ECDSA', namedCurve: 'P-256' },
  'ec secp384r1': { name: 'ECDSA', namedCurve: 'P-384' },
  'rsa ': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  'ed25519 ': { name: 'Ed25519' },
}

/** The key is read for each signature, and forgotten. */
async function signer({
  config,
}: Authority): Promise<{ key: webcrypto.CryptoKey; algorithm: webcrypto.Algorithm | webcrypto.EcdsaParams }> {
  const file = join(config.path, 'ca.key')
  try {
    const key = createPrivateKey(await readFile(file))
    const kind = `${key.asymmetricKeyType} ${key.asymmetricKeyDetails?.namedCurve ?? ''}`
    const algorithm = ALGORITHMS[kind]
    if (!algorithm) throw new TypeError(kind)
    const der = key.export({ type: 'pkcs8', format: 'der' })
    return {
      key: await crypto.subtle.importKey('pkcs8', new Uint8Array(der), algorithm, false, ['sign']),
      algorithm: algorithm.name === 'ECDSA' ? { name: 'ECDSA', hash: 'SHA-256' } : { name: algorithm.name },
    }
  } catch {
    throw new FirebreakError(
      'DENIED',
      `${file} cannot be used`,
      'Our account must be able to read it: an unencrypted key of EC (P-256, P-384), RSA or Ed25519.',
    )
  }
}

/** The certificate for a public key, as PEM, and of a SPIFFE ID as an X.509-SVID. */
export async function sign(
  authority: Authority,
  publicKey: webcrypto.CryptoKey,
  about: { serial: string; name: string; from: Ms; until: Ms },
): Promise<string> {
  const { key, algorithm } = await signer(authority)
  const issuer = new x509.X509Certificate(authority.pem)
  const names: x509.JsonGeneralNames = about.name.startsWith('spiffe://')
    ? [{ type: 'url', value: about.name }]
    : /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(about.name)
      ? [{ type: 'dns', value: about.name }]
      : []
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: about.serial,
    issuer: issuer.subjectName,
    subject: new x509.Name([{ CN: [{ utf8String: about.name }] }]),
    notBefore: new Date(about.from),
    notAfter: new Date(about.until),
    publicKey,
    signingKey: key,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.clientAuth,
        ...(about.name.startsWith('spiffe://') ? [x509.ExtendedKeyUsage.serverAuth] : []),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      new x509.AuthorityKeyIdentifierExtension(keyIdOf(issuer)),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  })
  return `${certificate.toString('pem')}\n`
}

/** The authority, and the list as it stands. */
export async function trust(authority: Authority): Promise<Trust> {
  await authority.mustBeSame()
  await renewCrl(authority)
  const text = await readFile(join(authority.config.path, 'crl.pem'), 'utf8')
  const list = new x509.X509Crl(text)
  return { certificates: [authority.certificate.raw], revocationLists: [new Uint8Array(list.rawData)] }
}

function keyIdOf(certificate: x509.X509Certificate): string {
  return certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId ?? ''
}

/** Servers refuse everybody when the list that they have is too old: a new one is made when half of its time is over. */
export async function renewCrl(authority: Authority): Promise<void> {
  const { config, io } = authority
  const age = await stat(join(config.path, 'crl.pem')).then(
    ({ mtimeMs }) => io.now().getTime() - mtimeMs,
    () => Number.POSITIVE_INFINITY,
  )
  if (age > (config.listDays * DAY_MS) / 2) await publishCrl(authority)
}

/** Makes the list what the book says, and has the server that reads it go by it. */
async function publishCrl(authority: Authority): Promise<void> {
  const { config, io, ledger } = authority
  const now = io.now().getTime()
  await ledger.publish(join(config.path, 'crl.pem'), now, async (refused, number) => {
    const { key, algorithm } = await signer(authority)
    const issuer = new x509.X509Certificate(authority.pem)
    const crl = await x509.X509CrlGenerator.create({
      issuer: issuer.subjectName,
      thisUpdate: new Date(now - 60_000),
      nextUpdate: new Date(now + config.listDays * DAY_MS),
      signingKey: key,
      signingAlgorithm: algorithm,
      entries: refused.map(entryOf),
      extensions: [
        new x509.AuthorityKeyIdentifierExtension(keyIdOf(issuer)),
        new x509.Extension('2.5.29.20', false, derInteger(number)),
      ],
    })
    return Buffer.from(pem('X509 CRL', Buffer.from(crl.rawData)))
  })
  if (config.pidFile !== undefined) await reload(config.pidFile, io)
}

function entryOf({ serial, state, changedAt }: Certified): x509.X509CrlEntryParams {
  return {
    serialNumber: serial,
    revocationDate: new Date(changedAt),
    reason:
      state === 'suspended' ? x509.X509CrlReason.certificateHold : x509.X509CrlReason.cessationOfOperation,
  }
}

export function pem(label: string, der: Buffer): string {
  const body = der.toString('base64').replace(/(.{64})(?=.)/g, '$1\n')
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`
}

function derInteger(number: number): Uint8Array<ArrayBuffer> {
  let hex = number.toString(16)
  if (hex.length % 2 === 1) hex = `0${hex}`
  if (Number.parseInt(hex.slice(0, 2), 16) >= 0x80) hex = `00${hex}`
  const bytes = Buffer.from(hex, 'hex')
  return new Uint8Array([2, bytes.length, ...bytes])
}

export function subjectRef(instance: string, name: string): Ref {
  return { system: 'x509', instance, kind: 'subject', id: `CN=${name}` }
}

export function certificateRef(instance: string, serial: string, subject: Ref): CredentialRef {
  return { system: 'x509', instance, kind: 'certificate', id: serial, identity: subject }
}

function mustBeOurs(instance: string, ref: Ref): void {
  if (ref.system !== 'x509' || !['subject', 'certificate'].includes(ref.kind))
    throw new FirebreakError(
      'UNSUPPORTED',
      `${ref.system} ${ref.kind} is neither a subject nor a certificate`,
    )
  if (ref.instance !== instance)
    throw new FirebreakError(
      'CONFLICT',
      'the reference is to another authority',
      'Use the connection of that one.',
    )
  if (ref.kind === 'certificate' && !/^[0-9A-F]{1,40}$/.test(ref.id))
    throw new FirebreakError('UNSUPPORTED', `${ref.id} is no serial number`)
}
