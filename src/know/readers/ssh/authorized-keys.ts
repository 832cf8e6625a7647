import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { CredentialRef, Ref } from '../../../core/contract/ref.ts'
import { withinRepository } from '../within-repository.ts'
import { hostOf, hostSeen, type Place } from './place.ts'
import { keyRef, publicKeyOf } from './public-key.ts'

/**
 * Whose keys log in as the user. https://man.openbsd.org/sshd#AUTHORIZED_KEYS_FILE_FORMAT. What a line forbids
 * beside the login itself is no matter here: whoever is in is in.
 */
export function* authorizedKeys(
  { in: container, path }: { readonly in: Ref; readonly path: string },
  place: Place,
  text: string,
): Generator<Observation> {
  const keys = text.split(/\r?\n/).flatMap((line, index) => {
    const key = /^\s*#/.test(line) ? undefined : publicKeyOf(line)
    return key ? [{ key, line: index + 1 }] : []
  })
  if (keys.length === 0) return
  const { root, user } = place
  const id = root !== undefined && user !== undefined ? `${root}${user}` : path
  const account: Ref = withinRepository(container, 'ssh-account', id)
  yield {
    see: 'identity',
    ref: account,
    names: [user === undefined ? path : `${user} (${path})`],
    facts: factsOf({ user }),
  }
  if (root !== undefined) {
    yield* hostSeen(container, root)
    yield {
      see: 'edge',
      from: account,
      to: hostOf(container, root),
      crossing: user === 'root' ? 'administers' : 'logs-in-to',
      certainty: 'proven',
      why: `${user ?? path} is a user there`,
    }
  }
  for (const { key, line } of keys) {
    const limits = limitsOf(key.before)
    const conditions = [
      ...(root === undefined ? ['the file is put in its place at a host'] : []),
      ...limits.conditions,
    ]
    const certainty = conditions.length > 0 ? 'conditional' : 'proven'
    const when = conditions.length > 0 ? { when: conditions.join('; ') } : {}
    if (limits.authority) {
      yield {
        see: 'resource',
        ref: keyRef(key),
        names: key.comment === '' ? [] : [key.comment],
        facts: factsOf({ sshFingerprint: key.fingerprint, keyType: key.type }),
      }
      yield {
        see: 'edge',
        from: keyRef(key),
        to: account,
        crossing: 'signs-logins-of',
        certainty,
        ...when,
        why: `${path}:${line} takes certificates that the key has signed`,
      }
      continue
    }
    const ref: CredentialRef = withinRepository(container, 'ssh-key', `${id}#${key.fingerprint}`)
    yield {
      see: 'credential',
      ref: { ...ref, identity: account },
      facts: factsOf({
        sshFingerprint: key.fingerprint,
        keyType: key.type,
        comment: key.comment === '' ? undefined : key.comment.slice(0, 200),
        listedIn: `${path}:${line}`,
      }),
    }
    yield {
      see: 'edge',
      from: ref,
      to: account,
      crossing: 'logs-in-as',
      certainty,
      ...when,
      why: `${path}:${line} lets the key log in`,
    }
  }
}

/** What more must be so for a line to let its key in. */
function limitsOf(options: string): {
  readonly authority: boolean
  readonly conditions: readonly string[]
} {
  const conditions: string[] = []
  let authority = false
  for (const [, name = '', value = ''] of options.matchAll(/([\w-]+)(?:="((?:[^"\\]|\\.)*)")?(?:,|$)/g))
    switch (name.toLowerCase()) {
      case 'cert-authority':
        authority = true
        break
      case 'from':
        conditions.push(`it is used from ${value}`)
        break
      case 'command':
        conditions.push('the command that its line forces gives a way on')
        break
      case 'expiry-time':
        conditions.push(`it is before ${value}`)
        break
      case 'principals':
        conditions.push(`the certificate is for ${value}`)
    }
  return { authority, conditions }
}
