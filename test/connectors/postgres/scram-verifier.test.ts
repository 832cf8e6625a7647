import { expect, test } from 'vitest'
import { scramVerifier } from '../../../src/connectors/postgres/scram-verifier.ts'

test('is what RFC 7677, section 3, computes for its example', async () => {
  const verifier = await scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'))
  // The RFC gives the proof and the server's signature; both follow from these two keys.
  expect(verifier).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  )
})

test('refuses what SASLprep could change', async () => {
  await expect(scramVerifier('caf\u00e9', Buffer.alloc(16))).rejects.toThrow(TypeError)
  await expect(scramVerifier('', Buffer.alloc(16))).rejects.toThrow(TypeError)
})
