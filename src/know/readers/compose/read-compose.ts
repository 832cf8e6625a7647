import { posix } from 'node:path'
import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { Json, Ref } from '../../../core/contract/ref.ts'
import { readYaml } from '../read-text.ts'
import { member, scalar } from '../located.ts'
import { isSecretName } from '../pipeline/pipeline.ts'
import { weaknessesOf, weaknessFact } from '../weakness.ts'
import { type ComposeFile, composeFileOf, type Service } from './compose-file.ts'
import { composeWeaknesses } from './weaknesses/all.ts'
import { withinRepository } from '../within-repository.ts'

/** All that a compose file tells of its services. */
export async function* readCompose(
  document: { readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const { path, in: repository } = document
  const read = yield* readYaml('compose', path, bytes)
  if (!read) return
  const { text, documents } = read
  const file = documents[0] && composeFileOf(path, documents[0])
  if (!file) return
  const found = weaknessesOf(file, composeWeaknesses, text)
  for (const service of file.services) {
    const ref: Ref = withinRepository(repository, 'service', `${path}#${service.name}`)
    const weak = found.filter(({ weak }) => weak.job === service).map(weaknessFact)
    const facts: Record<string, Json> = {
      runtime: 'Compose',
      ...(service.image && { images: [scalar(service.image) ?? ''] }),
      ...(weak.length > 0 && { weaknesses: weak }),
    }
    yield {
      see: 'workload',
      ref,
      names: [ref.id],
      facts: factsOf(facts),
    }
    yield {
      see: 'edge',
      from: ref,
      to: repository,
      crossing: 'defined-in',
      certainty: 'proven',
      why: `${path} defines ${service.name}`,
    }
    yield* given(repository, ref, file, service)
    const open = found.filter(
      ({ weakness, weak }) =>
        weak.job === service && /^compose-(?:runtime-socket|privileged|host-mount)$/.test(weakness.id),
    )
    for (const { weakness, weak } of open) {
      const host: Ref = withinRepository(repository, 'container-host', path)
      yield { see: 'resource', ref: host, names: [`the host of ${path}`], facts: {} }
      yield {
        see: 'edge',
        from: ref,
        to: host,
        crossing: weakness.id,
        certainty: weak.certainty,
        ...(weak.when && { when: weak.when }),
        why: `${weak.why} (line ${weak.line})`,
      }
    }
  }
}

/** Files, secrets and variables that a service is given. */
function* given(repository: Ref, from: Ref, file: ComposeFile, service: Service): Generator<Observation> {
  const gives = function* (kind: string, id: string, line: number, what: string): Generator<Observation> {
    const to: Ref = { ...repository, kind, id }
    yield { see: 'resource', ref: to, names: [id], facts: {} }
    yield {
      see: 'edge',
      from,
      to,
      crossing: 'reads-secret',
      certainty: 'proven',
      why: `${service.name} is given ${what} ${id} (line ${line})`,
    }
  }
  for (const one of service.envFiles) {
    const path = besides(file.path, scalar(one) ?? '')
    if (path !== undefined) yield* gives('file', path, one.line, 'the file')
  }
  for (const one of service.secrets) {
    const name = scalar(one) ?? ''
    const secret = file.secrets.get(name)
    const path = besides(file.path, scalar(member(secret, 'file')) ?? '')
    const variable = scalar(member(secret, 'environment'))
    if (path !== undefined) yield* gives('file', path, one.line, 'the file')
    else if (variable !== undefined) yield* gives('environment-variable', variable, one.line, 'the variable')
    else yield* gives('compose-secret', name, one.line, 'the secret')
  }
  for (const [name, value] of service.environment) {
    const text = scalar(value)
    const variable = text === undefined && isSecretName(name) ? name : /^\$\{?(\w+)/.exec(text ?? '')?.[1]
    if (variable !== undefined && (isSecretName(variable) || isSecretName(name)))
      yield* gives('environment-variable', variable, value.line, 'the variable')
  }
  // What stands in the file itself is in it.
  const own = [...service.environment].find(
    ([name, value]) => isSecretName(name) && /^[^$]{4}/.test(scalar(value) ?? ''),
  )
  if (own) yield* gives('file', file.path, own[1].line, 'what stands in')
}

/** A path beside the file, within what it lies in. */
function besides(path: string, named: string): string | undefined {
  if (named === '' || named.startsWith('/') || named.includes('$')) return undefined
  const joined = posix.normalize(posix.join(posix.dirname(path), named))
  return joined.startsWith('..') ? undefined : joined
}
