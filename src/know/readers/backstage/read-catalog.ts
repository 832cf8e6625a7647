import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import { componentRef } from '../../../core/contract/owner-text.ts'
import { namedRepository } from '../../../core/contract/repository-key.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { items, type Located, member, scalar } from '../located.ts'
import { tellPerson, tellTeam } from '../people/telling.ts'
import { readYaml, unread } from '../read-text.ts'

/** Kinds that somebody owns. */
const OWNED = new Set(['component', 'api', 'resource', 'system', 'domain', 'template'])
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/

/** What each descriptor of a document tells. */
export async function* readCatalog(
  document: { readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const { path } = document
  const read = yield* readYaml('backstage', path, bytes)
  for (const root of read?.documents ?? []) {
    if (!scalar(member(root, 'apiVersion'))?.startsWith('backstage.io/')) continue
    const kind = (scalar(member(root, 'kind')) ?? '').toLowerCase()
    const name = scalar(member(root, 'metadata', 'name')) ?? ''
    if (!NAME.test(name)) {
      if (kind !== 'location') yield unread('backstage', path, root.line, 'the descriptor has no usable name')
    } else if (OWNED.has(kind)) yield* tellOwned(document, root, kind, name)
    else if (kind === 'group') yield* tellGroup(root, name)
    else if (kind === 'user') yield* tellUser(root, name)
  }
}

function* tellOwned(
  { in: container, path }: { readonly in: Ref; readonly path: string },
  root: Located,
  kind: string,
  name: string,
): Generator<Observation> {
  const namespace = scalar(member(root, 'metadata', 'namespace')) ?? 'default'
  const ref = refOf(kind, `${namespace}/${name}`)
  const spec = (key: string) => scalar(member(root, 'spec', key))
  const title = scalar(member(root, 'metadata', 'title'))
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
  yield {
    see: 'resource',
    ref,
    names: [name, `${kind}:${ref.id}`, ...(title === undefined ? [] : [title])],
    facts: factsOf({ type: spec('type'), lifecycle: spec('lifecycle'), folder }),
  }
  const owner = spec('owner')
  if (owner !== undefined && owner !== '')
    yield { see: 'owner', of: ref, owner, source: 'Backstage catalog', weight: 0.75 }
  const parent = spec('system') ?? spec('domain')
  if (parent !== undefined)
    yield {
      see: 'edge',
      from: ref,
      to: refOf(spec('system') === undefined ? 'domain' : 'system', parent),
      crossing: 'part-of',
      certainty: 'proven',
      why: `the catalog says that ${name} is a part of ${parent}`,
    }
  // Several may need each other: nothing is followed from one to the next.
  for (const [key, turned] of [
    ['dependsOn', false],
    ['dependencyOf', true],
  ] as const)
    for (const item of items(member(root, 'spec', key))) {
      const other = entityRef(scalar(item) ?? '', namespace)
      if (!other) continue
      yield {
        see: 'edge',
        from: turned ? other : ref,
        to: turned ? ref : other,
        crossing: 'depends-on',
        certainty: 'proven',
        why: `the catalog says so of ${name} (line ${item.line})`,
      }
    }
  const kept = { see: 'edge', from: ref, crossing: 'kept-in', certainty: 'proven' } as const
  yield { ...kept, to: container, why: `${path} stands there` }
  const slug = scalar(member(root, 'metadata', 'annotations', 'github.com/project-slug'))
  if (slug !== undefined && /^[\w.-]+\/[\w.-]+$/.test(slug))
    yield {
      ...kept,
      to: namedRepository(`github.com/${slug}`),
      why: `its annotation github.com/project-slug is ${slug}`,
    }
}

function* tellGroup(root: Located, name: string): Generator<Observation> {
  const profile = (key: string) => scalar(member(root, 'spec', 'profile', key))
  yield* tellTeam('catalog', name.toLowerCase(), {
    names: [name, profile('displayName'), profile('email')],
    members: items(member(root, 'spec', 'members')).flatMap(
      item => scalar(item)?.replace(/^.*[:/]/, '') ?? [],
    ),
  })
}

function* tellUser(root: Located, name: string): Generator<Observation> {
  const profile = (key: string) => scalar(member(root, 'spec', 'profile', key))
  const email = profile('email')
  yield* tellPerson('catalog', name.toLowerCase(), {
    name: profile('displayName'),
    mails: email === undefined ? [] : [email],
    logins: [name],
    teams: items(member(root, 'spec', 'memberOf')).flatMap(
      item => scalar(item)?.replace(/^.*[:/]/, '') ?? [],
    ),
  })
}

function refOf(kind: string, id: string): Ref {
  return { ...componentRef(id), kind }
}

/** `component:default/orders-api`, `resource:orders-db`: of which kind it is must be said. */
function entityRef(text: string, namespace: string): Ref | undefined {
  const [, kind, id] = /^([A-Za-z]+):([\w./-]+)$/.exec(text) ?? []
  if (kind === undefined || id === undefined) return undefined
  return refOf(kind.toLowerCase(), id.includes('/') ? id : `${namespace}/${id}`)
}
