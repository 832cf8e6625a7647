import { factsOf, type Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { type Authority, certificateRef, principalRef } from './authority.ts'

/** The authority, its principals, where they log in, and the certificates that stand. */
export async function* discover(authority: Authority): AsyncGenerator<Observation> {
  await authority.mustBeSame()
  const { config, io, instance, fingerprint, ledger } = authority
  const entries = ledger.all(io.now().getTime())
  const principals = new Set([...config.principals, ...entries.flatMap(({ identity }) => identity || [])])
  // A public key is the same wherever it stands: files of sshd name it too.
  const key: Ref = { system: 'ssh', instance: 'sha256', kind: 'public-key', id: fingerprint }
  const host: Ref = {
    system: 'ssh',
    instance: `?${hostName(config)}`,
    kind: 'host',
    id: `?${hostName(config)}`,
  }
  yield { see: 'resource', ref: key, names: [], facts: factsOf({ sshFingerprint: fingerprint }) }
  yield { see: 'resource', ref: host, names: [hostName(config)], facts: {} }
  for (const principal of principals) {
    const ref = principalRef(instance, principal)
    yield { see: 'identity', ref, names: [principal], facts: factsOf({ authority: fingerprint }) }
    yield {
      see: 'edge',
      from: key,
      to: ref,
      crossing: 'signs-logins-of',
      certainty: 'proven',
      why: `Certificates for ${principal} are signed with this key.`,
    }
    yield {
      see: 'edge',
      from: ref,
      to: host,
      crossing: 'runs-commands',
      certainty: 'conditional',
      when: `${hostName(config)} lets the principal ${principal} in${config.login ? ` as ${config.login}` : ''}`,
      why: `${hostName(config)} takes certificates of the authority, and whom they name logs in there.`,
    }
  }
  for (const { serial, name, identity, notAfter, state } of entries)
    if (state !== 'revoked' && notAfter > io.now().getTime())
      yield {
        see: 'credential',
        ref: certificateRef(instance, serial, identity),
        facts: factsOf({
          keyId: name,
          notAfter: new Date(notAfter).toISOString(),
          suspended: state === 'suspended',
        }),
      }
  yield { see: 'covered', scope: `ssh:${instance}/issued`, complete: true }
  yield {
    see: 'covered',
    scope: `ssh:${instance}/signed-elsewhere`,
    complete: false,
    why: 'What others signed with the authority’s key is in no book.',
  }
}

function hostName({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
