import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import { addressOf, namedHost } from './place.ts'
import { keyRef, publicKeyOf } from './public-key.ts'

/**
 * Which key tells which host. https://man.openbsd.org/sshd#SSH_KNOWN_HOSTS_FILE_FORMAT. A name that is hashed tells nothing, and
 * a key that is revoked is no host's any more.
 */
export function* knownHosts(path: string, text: string): Generator<Observation> {
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const key = /^\s*#/.test(line) ? undefined : publicKeyOf(line)
    if (!key) continue
    const [, marker, names = ''] = /^(?:@(\S+)\s+)?(\S+)$/.exec(key.before) ?? []
    if (marker === 'revoked') continue
    const plain = names.split(',').filter(name => !/^[|!]/.test(name) && name !== '')
    if (plain.length === 0) continue
    yield {
      see: 'resource',
      ref: keyRef(key),
      names: [],
      facts: factsOf({ sshFingerprint: key.fingerprint, keyType: key.type }),
    }
    for (const name of plain) {
      const address = addressOf(name)
      const host = namedHost(address)
      yield { see: 'resource', ref: host, names: [address, address.replace(/:22$/, '')], facts: {} }
      if (marker === 'cert-authority')
        yield {
          see: 'edge',
          from: keyRef(key),
          to: host,
          crossing: 'vouches-for-host',
          certainty: 'proven',
          why: `${path}:${index + 1} takes certificates of hosts that the key has signed`,
        }
      else
        yield {
          see: 'edge',
          from: host,
          to: keyRef(key),
          crossing: 'has-host-key',
          certainty: 'proven',
          why: `${path}:${index + 1} knows it by the key`,
        }
    }
  }
}
