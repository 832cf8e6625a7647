import { createPublicKey, type KeyObject, sign } from 'node:crypto'

/** A certificate in PEM for this EC key, signed by itself: X.509 version 3 with the few fields that one must have. */
export function certificateFor(
  key: KeyObject,
  { subject, issuer, serial, notAfter }: { subject: string; issuer: string; serial: number; notAfter: Date },
): string {
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
  )
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', body, key)])
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
