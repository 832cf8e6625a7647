import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { withinRepository } from '../within-repository.ts'

/** Whose a file is, and of which host's file system, by where it lies: `.ssh/config` in somebody’s home. */
export interface Place {
  /** The root of the host's file system within what holds it: '' or `web1/`; undefined where the path does not tell. */
  readonly root: string | undefined
  readonly user: string | undefined
}

const HOMES = /^(?<root>|.*\/)(?:(?:home|Users|var\/home)\/(?<user>[^/]+)|(?<admin>root))\/\.ssh\/[^/]+$/
const BY_USER =
  /^(?<root>|.*\/)etc\/ssh\/(?:authorized_keys(?:\.d)?|keys)\/(?<user>[^/]+?)(?:\.pub|\/[^/]+)?$/
const SYSTEM = /^(?<root>|.*\/)etc\/(?:ssh\/.+|hostname)$/

export function placeOf(path: string): Place {
  const { root, user, admin } = (HOMES.exec(path) ?? BY_USER.exec(path) ?? SYSTEM.exec(path))?.groups ?? {}
  return { root, user: user ?? admin }
}

/** The host whose files these are. */
export function hostOf(container: Ref, root: string): Ref {
  return withinRepository(container, 'host', root === '' ? '/' : root)
}

/** What a path in a file of a user's, or of a host's, means within what holds it; undefined for what it does not tell. */
export function meantBy(written: string, path: string, { root }: Place): string | undefined {
  const plain = written.replace(/^"(.*)"$/, '$1')
  const home = /^(?<home>|.*\/)\.ssh\/[^/]+$/.exec(path)?.groups?.['home']
  const own = /^(?:~|%d|\$\{HOME\}|\$HOME)\/(.+)$/.exec(plain)?.[1]
  if (own !== undefined) return home === undefined || own.includes('%') ? undefined : home + own
  if (plain.includes('%') || plain === 'none') return undefined
  if (plain.startsWith('/')) return root === undefined ? undefined : root + plain.slice(1)
  return home === undefined ? undefined : home + plain
}

/** A host whose files were read, and that whoever is on it reads them. */
export function* hostSeen(
  container: Ref,
  root: string,
  names: readonly string[] = [],
  facts: Parameters<typeof factsOf>[0] = {},
): Generator<Observation> {
  const host = hostOf(container, root)
  yield { see: 'resource', ref: host, names: [...names], facts: factsOf(facts) }
  // Of several hosts in one container none has all of it.
  if (root !== '') return
  yield {
    see: 'edge',
    from: host,
    to: container,
    crossing: 'may-read',
    certainty: 'conditional',
    when: 'the files lie at the host as they lie here, and the user may read them',
    why: 'these are the files of the host',
  }
}

/** A user's account at the host that a text names by its address. */
export function accountAt(host: string, user: string): Ref {
  return { system: 'ssh', instance: `?${host}`, kind: 'account', id: `?${user}` }
}

/** A host that a text names by its address: `web1.example.com:22`. */
export function namedHost(host: string): Ref {
  return { system: 'ssh', instance: `?${host}`, kind: 'host', id: `?${host}` }
}

/** `[web1]:2222` of known_hosts, and a name with the port apart, as one address. */
export function addressOf(name: string, port = '22'): string {
  const [, bracketed, own] = /^\[(.+)\]:(\d+)$/.exec(name) ?? []
  return `${(bracketed ?? name).toLowerCase()}:${own ?? port}`
}
