import { factsOf, type Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { type Authority, certificateRef, subjectRef } from './authority.ts'

/** The authority, its subjects, the server that lets them in, and the certificates that stand. */
export async function* discover(authority: Authority): AsyncGenerator<Observation> {
  await authority.mustBeSame()
  const { config, io, instance, name, certificate, ledger } = authority
  const now = io.now().getTime()
  const entries = ledger.all(now)
  const itself: Ref = { system: 'x509', instance, kind: 'authority', id: instance }
  const at = config.host.includes(':') ? `[${config.host}]:${config.port}` : `${config.host}:${config.port}`
  const server: Ref = { system: 'x509', instance: `?${at}`, kind: 'tls-server', id: `?${at}` }
  yield {
    see: 'resource',
    ref: itself,
    names: [name],
    facts: factsOf({ notAfter: new Date(certificate.validTo).toISOString() }),
  }
  yield { see: 'resource', ref: server, names: [at], facts: {} }
  const named = [
    ...config.subjects,
    ...entries.flatMap(({ identity }) => /^CN=([^,]+)$/.exec(identity)?.[1] ?? []),
  ]
  for (const subject of new Set(named)) {
    const ref = subjectRef(instance, subject)
    yield {
      see: 'identity',
      ref,
      names: [subject],
      facts: factsOf({ subject: ref.id, spiffeId: subject.startsWith('spiffe://') ? subject : undefined }),
    }
    yield {
      see: 'edge',
      from: ref,
      to: itself,
      crossing: 'issued-by',
      certainty: 'proven',
      why: `Certificates for ${subject} are signed by ${name}.`,
    }
    yield {
      see: 'edge',
      from: ref,
      to: server,
      crossing: 'logs-in',
      certainty: 'conditional',
      when: `${at} lets ${subject} in`,
      why: `${at} takes certificates of ${name}.`,
    }
  }
  for (const { serial, name: title, identity, notAfter, state } of entries)
    if (state !== 'revoked' && notAfter > now)
      yield {
        see: 'credential',
        ref: certificateRef(instance, serial, { system: 'x509', instance, kind: 'subject', id: identity }),
        facts: factsOf({
          title,
          notAfter: new Date(notAfter).toISOString(),
          suspended: state === 'suspended',
        }),
      }
  yield { see: 'covered', scope: `x509:${instance}/issued`, complete: true }
  yield {
    see: 'covered',
    scope: `x509:${instance}/signed-elsewhere`,
    complete: false,
    why: 'What others signed with the authority’s key is in no book.',
  }
}
