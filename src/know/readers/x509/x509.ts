import type { Reader } from '../reader.ts'

const MARK = Buffer.from('-----BEGIN CERTIFICATE-----')
/** Roots that came with a system or a library say nothing of who runs it. */
const BUNDLE =
  /(?:^|\/)(?:etc\/ssl\/certs|etc\/pki\/ca-trust|usr\/share\/(?:ca-certificates|pki)|usr\/local\/share\/certs)\/|(?:^|\/)(?:cacert\.pem|ca-bundle\.crt|ca-certificates\.crt)$/

/** Where a system keeps those that its owner added to them: update-ca-certificates(8), update-ca-trust(8). */
export const ANCHORS =
  /^(?<root>|.*\/)(?:usr\/local\/share\/ca-certificates|etc\/pki\/(?:ca-trust\/source|trust)\/anchors|etc\/ca-certificates\/trust-source\/anchors|usr\/share\/pki\/(?:ca-trust-source|trust)\/anchors)\//

/** X.509 certificates, in PEM or DER: whose each is, until when, who issued it, and by which key. RFC 5280. */
export const x509Reader: Reader = {
  format: 'x509',
  reads({ path, format }, head) {
    if (format !== undefined) return format === 'x509'
    if (BUNDLE.test(path) && !ANCHORS.test(path)) return false
    const bytes = Buffer.from(head.buffer, head.byteOffset, head.length)
    if (bytes.includes(MARK)) return true
    // A sequence whose length takes more than one byte.
    return bytes[0] === 0x30 && (bytes[1] === 0x81 || bytes[1] === 0x82) && /\.(?:crt|cer|der)$/i.test(path)
  },
  async *read(document, bytes) {
    const { readCertificates } = await import('./read-certificates.ts')
    yield* readCertificates(document, bytes)
  },
}
