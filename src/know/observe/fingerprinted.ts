import type { Observation } from '../../core/contract/observation.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { fingerprint } from '../../core/keys/fingerprint.ts'
import { strengthBits } from '../../core/keys/strength.ts'
import type { Finding } from '../inventory/fold.ts'

/** The observation with its secret's fingerprint in the secret's place. */
export function fingerprinted(observation: Observation, key: Secret): Finding {
  if (observation.see !== 'copy') return observation
  const { secret } = observation
  const value = { fingerprint: fingerprint(key, secret), strengthBits: strengthBits(secret) }
  return { ...observation, secret: value }
}
