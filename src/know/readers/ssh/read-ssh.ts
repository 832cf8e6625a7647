import type { Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { readText } from '../read-text.ts'
import { authorizedKeys } from './authorized-keys.ts'
import { formOf } from './form.ts'
import { knownHosts } from './known-hosts.ts'
import { hostSeen, placeOf } from './place.ts'
import { publicKeys } from './public-keys.ts'
import { sshConfig, sshdConfig } from './ssh-config.ts'

/** All that a file of OpenSSH tells. A line that is none of its kind tells nothing, as it tells sshd nothing. */
export async function* readSsh(
  document: { readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const text = yield* readText('ssh', document.path, bytes)
  if (text === undefined) return
  const place = placeOf(document.path)
  switch (formOf(document.path, Buffer.from(text.slice(0, 8192)))) {
    case 'authorized-keys':
      return yield* authorizedKeys(document, place, text)
    case 'known-hosts':
      return yield* knownHosts(document.path, text)
    case 'ssh-config':
      return yield* sshConfig(document, place, text)
    case 'sshd-config':
      return yield* sshdConfig(document, place, text)
    case 'public-keys':
      return yield* publicKeys(document, place, text)
    case 'hostname': {
      const name = text.trim()
      if (place.root !== undefined && /^[\w.-]{1,253}$/.test(name))
        yield* hostSeen(document.in, place.root, [name])
    }
  }
}
