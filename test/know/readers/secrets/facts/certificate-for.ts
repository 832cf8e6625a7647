import { createPublicKey, type KeyObject, sign } from 'node:crypto'

/**
 * A certificate in PEM for this EC key, signed by itself or by another: X.509 version 3 with the few fields that one must have.
 * `authority` makes it a CA's; the identifiers of the keys are extensions that authorities add.
 */
export function certificateFor(
  key: KeyObject,
  {
    subject,
    issuer,
    serial,
    notAfter,
    ...more
  }: {
    subject: string
    issuer: string
    serial: number
    notAfter: Date
    signedWith?: KeyObject
    authority?: boolean
    keyId?: string
    issuerKeyId?: string
  },
): string {
  const octets = (hex: string) => tlv(0x04, Buffer.from(hex, 'hex'))
  const extensions = [
    ...(more.authority ? [['551d13', tlv(0x30, tlv(0x01, Buffer.of(0xff)))] as const] : []),
    ...(more.keyId ? [['551d0e', octets(more.keyId)] as const] : []),
    ...(more.issuerKeyId
      ? [['551d23', tlv(0x30, tlv(0x80, Buffer.from(more.issuerKeyId, 'hex')))] as const]
      : []),
  ].map(([id, value]) => tlv(0x30, tlv(0x06, Buffer.from(id, 'hex')), tlv(0x04, value)))
  const signedBy = tlv(0x30, Buffer.from('06082a8648ce3d040302', 'hex'))
  const body = tlv(
    0x30,
    tlv(0xa0, tlv(0x02, Buffer.of(2))),
    tlv(0x02, Buffer.of(serial)),
    signedBy,
    nameOf(issuer),
    tlv(0x30, timeOf(new Date('2020-01-01T00:00:00Z')), timeOf(notAfter)),
    nameOf(subject),
    createPublicKey(key).export({ format: 'der', type: 'spki' }),
    ...(extensions.length > 0 ? [tlv(0xa3, tlv(0x30, ...extensions))] : []),
  )
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', body, more.signedWith ?? key)])
  const whole = tlv(0x30, body, signedBy, tlv(0x03, signature)).toString('base64')
  return `-----BEGIN CERTIFICATE-----\n${whole.match(/.{1,64}/g)!.join('\n')}\n-----END CERTIFICATE-----\n`
}

function nameOf(commonName: string): Buffer {
  const attribute = tlv(0x30, Buffer.from('0603550403', 'hex'), tlv(0x0c, Buffer.from(commonName)))
  return tlv(0x30, tlv(0x31, attribute))
}

function timeOf(date: Date): Buffer {
  return tlv(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`))
}

function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}
