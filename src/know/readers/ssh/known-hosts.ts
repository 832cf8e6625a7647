import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import { addressOf, namedHost } from './place.ts'
import { keyRef, publicKeyOf } from './public-key.ts'

/**
 * Which key tells which host. https://man.openbsd.org/sshd#SSH_KNOWN_HOSTS_FILE_FORMAT. A name that is hashed is a host of its own,
 * until it is known which one has that hash; a key that is revoked is no host's any more.
 */
export function* knownHosts(path: string, text: string): Generator<Observation> {
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const key = /^\s*#/.test(line) ? undefined : publicKeyOf(line)
    if (!key) continue
    const [, marker, names = ''] = /^(?:@(\S+)\s+)?(\S+)$/.exec(key.before) ?? []
    if (marker === 'revoked') continue
    const told = names.split(',').filter(name => (!/^[|!]/.test(name) || isHashed(name)) && name !== '')
    if (told.length === 0) continue
    yield {
      see: 'resource',
      ref: keyRef(key),
      names: [],
      facts: factsOf({ sshFingerprint: key.fingerprint, keyType: key.type }),
    }
    for (const name of told) {
      const host = namedHost(isHashed(name) ? name : addressOf(name))
      if (isHashed(name))
        yield { see: 'resource', ref: host, names: [], facts: factsOf({ hashedName: name }) }
      else {
        const address = addressOf(name)
        yield { see: 'resource', ref: host, names: [address, address.replace(/:22$/, '')], facts: {} }
      }
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

/** `|1|salt|hash`: an HMAC-SHA-1 of the name. */
function isHashed(name: string): boolean {
  return /^\|1\|[A-Za-z0-9+/=]{8,60}\|[A-Za-z0-9+/=]{8,60}$/.test(name)
}
