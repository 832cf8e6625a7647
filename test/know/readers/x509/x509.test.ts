import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { x509Reader } from '../../../../src/know/readers/x509/x509.ts'
import { observed } from '../both-ways.ts'
import { certificateFor } from '../secrets/facts/certificate-for.ts'

const key = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const notAfter = new Date('2031-02-03T04:05:06Z')

test('a chain tells whose each certificate is, until when, and who issued it', async () => {
  const [root, leaf] = [key(), key()]
  const chain =
    certificateFor(leaf, {
      subject: 'api.example.com',
      issuer: 'Shop CA',
      serial: 9,
      notAfter,
      signedWith: root,
      issuerKeyId: 'abcd',
    }) +
    certificateFor(root, {
      subject: 'Shop CA',
      issuer: 'Shop CA',
      serial: 1,
      notAfter,
      authority: true,
      keyId: 'abcd',
    })
  const found = await observed(x509Reader, 'etc/tls/server.pem', chain)
  const credentials = found.flatMap(one => (one.see === 'credential' ? [one] : []))
  expect(credentials.map(({ facts }) => facts)).toMatchObject([
    {
      subject: { value: 'CN=api.example.com' },
      issuer: { value: 'CN=Shop CA' },
      serial: { value: '09' },
      expires: { value: '2031-02-03T04:05:06.000Z' },
      authority: { value: false },
      sshFingerprint: { value: expect.stringMatching(/^SHA256:/) },
    },
    { subject: { value: 'CN=Shop CA' }, authority: { value: true } },
  ])
  const edges = found.flatMap(one => (one.see === 'edge' ? [one] : []))
  const [issued, own, byName] = edges
  expect(edges.map(({ crossing, certainty }) => [crossing, certainty])).toEqual([
    ['issued-by', 'proven'],
    ['is-authority', 'proven'],
    ['is-authority', 'conditional'],
    ['lists-authority', 'proven'],
  ])
  expect(own!.to).toEqual(issued!.to)
  expect(byName!.to).not.toEqual(issued!.to)
})

test('DER is read by its name, what is none is told, and the roots of a system are left', async () => {
  const pem = certificateFor(key(), { subject: 'a', issuer: 'a', serial: 1, notAfter })
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  expect(await observed(x509Reader, 'a.cer', der)).toEqual(await observed(x509Reader, 'a.pem', pem))
  const broken = pem.replace(/\n(.{20})/, '\nAAAAAAAAAAAAAAAAAAAA')
  expect(await observed(x509Reader, 'a.pem', broken)).toMatchObject([{ see: 'covered', complete: false }])
  expect(x509Reader.reads({ path: 'etc/ssl/certs/a.pem' }, Buffer.from(pem))).toBe(false)
  expect(x509Reader.reads({ path: 'a.txt' }, Buffer.from('nothing of it'))).toBe(false)
})

test('an authority that the owner of a host added is trusted by the host, and what only stands there is not', async () => {
  const own = certificateFor(key(), {
    subject: 'Shop CA',
    issuer: 'Shop CA',
    serial: 1,
    notAfter,
    authority: true,
    keyId: 'abcd',
  })
  const trusts = async (path: string) =>
    (await observed(x509Reader, path, own)).flatMap(one =>
      one.see === 'edge' && one.crossing === 'trusts-servers-of' ? [`${one.from.id} ${one.to.id}`] : [],
    )
  for (const path of [
    'usr/local/share/ca-certificates/shop.crt',
    'web1/etc/pki/ca-trust/source/anchors/shop.pem',
    'etc/ca-certificates/trust-source/anchors/shop.crt',
  ])
    expect(await trusts(path)).toEqual([`${path.startsWith('web1') ? 'web1/' : '/'} ${path}`])
  expect(await trusts('home/me/ca-certificates/shop.crt')).toEqual([])
})
