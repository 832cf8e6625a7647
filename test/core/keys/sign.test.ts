import { expect, test } from 'vitest'
import { Secret } from '../../../src/core/contract/secret.ts'
import { signer, verifySignature } from '../../../src/core/keys/sign.ts'

/** RFC 8032, section 7.1, test 1: an empty message. */
test('signs as RFC 8032 says', () => {
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
  const { publicKey, sign } = signer(new Secret(seed))
  const key = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex')
  expect(publicKey).toBe(key.toString('base64url'))
  const signature = Buffer.from(
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155' +
      '5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    'hex',
  )
  expect(sign('')).toBe(signature.toString('base64url'))
})

test('a signature holds for its text and key alone, and nonsense for nothing', () => {
  const one = signer(new Secret(new Uint8Array(32).fill(1)))
  const two = signer(new Secret(new Uint8Array(32).fill(2)))
  const signature = one.sign('text')
  expect(verifySignature(one.publicKey, 'text', signature)).toBe(true)
  expect(verifySignature(one.publicKey, 'texts', signature)).toBe(false)
  expect(verifySignature(two.publicKey, 'text', signature)).toBe(false)
  for (const nonsense of ['', 'x', '*', signature.slice(1), `${signature}AAAA`])
    expect(verifySignature(one.publicKey, 'text', nonsense), nonsense).toBe(false)
  for (const nonsense of ['', 'x', '*', one.publicKey.slice(1)])
    expect(verifySignature(nonsense, 'text', signature), nonsense).toBe(false)
})
