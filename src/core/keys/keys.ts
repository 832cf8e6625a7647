import type { Secret } from '../contract/secret.ts'
import type { RootKey } from './root-key.ts'
import { type Signer, signer } from './sign.ts'

/** The derived keys that one process works with. */
export interface Keys {
  readonly fingerprint: Secret
  readonly publicFingerprint: Secret
  readonly seal: Secret
  readonly signer: Signer
}

export function deriveKeys(root: RootKey): Keys {
  return {
    fingerprint: root.derive('fingerprint'),
    publicFingerprint: root.derive('public-fingerprint'),
    seal: root.derive('seal'),
    signer: signer(root.derive('sign')),
  }
}
