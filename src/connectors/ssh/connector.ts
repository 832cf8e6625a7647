import { inspect, refuse, resume, undo } from '../../core/contract/certified.ts'
import type { Connector } from '../../core/contract/connector.ts'
import { openAuthority } from './authority.ts'
import { issue } from './certificates.ts'
import { type SshConfig, sshConfig } from './config.ts'
import { discover } from './discover.ts'
import { verify } from './verify.ts'

/** User certificates of an OpenSSH authority, and the list by which hosts refuse them. The README says what each verb does. */
export const ssh: Connector<SshConfig> = {
  system: 'ssh',
  summary: 'User certificates of an OpenSSH authority, and their revocation list',
  config: sshConfig,
  async open(config, io) {
    const authority = await openAuthority(config, io)
    return {
      instance: authority.instance,
      // sshd reads the list at each login.
      settleSeconds: 1,
      close: async () => authority.ledger.close(),
      discover: () => discover(authority),
      verify: (ref, secret) => verify(authority, ref, secret),
      inspect: ref => inspect(authority, ref),
      issue: want => issue(authority, want),
      undo: want => undo(authority, want),
      suspend: ref => refuse(authority, ref, 'suspended'),
      resume: (ref, before) => resume(authority, ref, before),
      revoke: ref => refuse(authority, ref, 'revoked'),
    }
  },
}
