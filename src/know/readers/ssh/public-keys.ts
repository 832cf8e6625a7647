import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { withinRepository } from '../within-repository.ts'
import { hostOf, hostSeen, type Place } from './place.ts'
import { keyRef, publicKeyOf } from './public-key.ts'

/** A file that lists public keys: what it is for, others tell; a host's own keys lie where sshd looks for them. */
export function* publicKeys(
  { in: container, path }: { readonly in: Ref; readonly path: string },
  { root }: Place,
  text: string,
): Generator<Observation> {
  const file: Ref = withinRepository(container, 'file', path)
  const isHostKey = root !== undefined && /(?:^|\/)etc\/ssh\/ssh_host_\w+_key\.pub$/.test(path)
  let some = false
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const key = publicKeyOf(line)
    if (!key || key.before !== '') continue
    if (!some) yield { see: 'resource', ref: file, names: [path], facts: {} }
    if (!some && isHostKey) yield* hostSeen(container, root)
    some = true
    yield {
      see: 'resource',
      ref: keyRef(key),
      names: key.comment === '' ? [] : [key.comment.slice(0, 200)],
      facts: factsOf({ sshFingerprint: key.fingerprint, keyType: key.type }),
    }
    const told = { see: 'edge', to: keyRef(key), certainty: 'proven' } as const
    const where = `${path}:${index + 1}`
    if (isHostKey)
      yield {
        ...told,
        from: hostOf(container, root),
        crossing: 'has-host-key',
        why: `${where} is its host key`,
      }
    else yield { ...told, from: file, crossing: 'lists-key', why: `${where} lists the key` }
  }
}
