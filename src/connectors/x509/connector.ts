import { inspect, refuse, resume, undo } from '../../core/contract/certified.ts'
import type { Connector } from '../../core/contract/connector.ts'
import { type X509Config, x509Config } from './config.ts'

/** Client certificates and X.509-SVIDs of an authority, and its revocation list. The README says what each verb does. */
export const x509: Connector<X509Config> = {
  system: 'x509',
  summary: 'Client certificates and X.509-SVIDs of an authority, and its revocation list',
  config: x509Config,
  async open(config, io) {
    // Reading and writing certificates is loaded by whoever has an authority.
    const [{ openAuthority, trust }, { issue }, { discover }, { verify }] = await Promise.all([
      import('./authority.ts'),
      import('./issue.ts'),
      import('./discover.ts'),
      import('./verify.ts'),
    ])
    const authority = await openAuthority(config, io)
    return {
      instance: authority.instance,
      settleSeconds: 1,
      close: async () => authority.ledger.close(),
      discover: () => discover(authority),
      verify: (ref, secret) => verify(authority, ref, secret),
      inspect: ref => inspect(authority, ref),
      trust: () => trust(authority),
      issue: want => issue(authority, want),
      undo: want => undo(authority, want),
      suspend: ref => refuse(authority, ref, 'suspended'),
      resume: (ref, before) => resume(authority, ref, before),
      revoke: ref => refuse(authority, ref, 'revoked'),
    }
  },
}
