import { basename } from 'node:path'
import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { withinRepository } from '../within-repository.ts'
import { accountAt, addressOf, hostOf, hostSeen, meantBy, namedHost, type Place } from './place.ts'

interface Setting {
  readonly name: string
  readonly value: string
  readonly line: number
}

/** `Name value` or `Name=value`, in any case; comments and empty lines left out. */
function settingsOf(text: string): Setting[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const [, name, value] = /^\s*([A-Za-z]\w*)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? []
    return name === undefined || value === undefined
      ? []
      : [{ name: name.toLowerCase(), value: value.replace(/\s+#.*$/, ''), line: index + 1 }]
  })
}

interface Section {
  readonly patterns: readonly string[]
  readonly line: number
  readonly settings: Setting[]
  /** What else must be so that it counts, of a `Match`. */
  readonly when?: string
}

/** Settings before the first `Host` are everyone's; what stands below a `Match` may depend on more than a name. */
function sectionsOf(text: string): Section[] {
  const sections: Section[] = [{ patterns: ['*'], line: 0, settings: [] }]
  for (const setting of settingsOf(text))
    if (setting.name === 'host')
      sections.push({
        patterns: setting.value.split(/\s+/).map(one => one.replace(/^"(.*)"$/, '$1')),
        line: setting.line,
        settings: [],
      })
    else if (setting.name === 'match')
      sections.push({ ...matched(setting.value), line: setting.line, settings: [] })
    else sections.at(-1)!.settings.push(setting)
  return sections
}

/** The hosts that a `Match` is for, and what it asks besides. */
function matched(criteria: string): Pick<Section, 'patterns' | 'when'> {
  const words = criteria.match(/"[^"]*"|[^\s=]+/g) ?? []
  const patterns: string[] = []
  const others: string[] = []
  for (let at = 0; at < words.length; at++) {
    const name = words[at]!.toLowerCase()
    if (name === 'all') continue
    const isAlone = ['canonical', 'final', '!canonical', '!final'].includes(name)
    const value = isAlone ? '' : (words[++at] ?? '').replace(/^"(.*)"$/, '$1')
    if (name === 'host' || name === 'originalhost') patterns.push(...value.split(',').filter(Boolean))
    else others.push(`${name} ${value}`.trim())
  }
  return {
    patterns: patterns.some(one => !one.startsWith('!')) ? patterns : ['*', ...patterns],
    ...(others.length > 0 && { when: `the Match of the configuration holds: ${others.join(', ')}` }),
  }
}

function fits(name: string, { patterns }: Section): boolean {
  const isLike = (pattern: string) =>
    new RegExp(
      `^${pattern
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replace(/\*+/g, '.*')
        .replace(/\?/g, '.')}$`,
      'i',
    ).test(name)
  return (
    patterns.some(one => !one.startsWith('!') && isLike(one)) &&
    !patterns.some(one => one.startsWith('!') && isLike(one.slice(1)))
  )
}

/**
 * Which key its owner uses to log in where, as whom. https://man.openbsd.org/ssh_config: of each setting the first that fits
 * counts, but that every IdentityFile is tried.
 */
export function* sshConfig(
  { in: container, path }: { readonly in: Ref; readonly path: string },
  place: Place,
  text: string,
): Generator<Observation> {
  const sections = sectionsOf(text)
  const names = sections.flatMap(section =>
    section.patterns.filter(name => !/[*?!]/.test(name)).map(name => ({ name, section })),
  )
  // A section on a condition counts beside those without one, or it does not.
  const variants = [...Map.groupBy(names, ({ name }) => name)].flatMap(([name, named]) => {
    const always = named.find(({ section }) => section.when === undefined)
    const conditional = sections.filter(section => section.when !== undefined && fits(name, section))
    return [...(always ? [undefined] : []), ...conditional].map(variant => ({
      name,
      line: (variant ?? always!.section).line,
      when: variant?.when,
      own: settingsFor(sections, name, variant),
    }))
  })
  for (const { name, line, when, own } of variants) {
    const sure =
      when === undefined ? ({ certainty: 'proven' } as const) : { certainty: 'conditional' as const, when }
    const first = (setting: string) => own.find(one => one.name === setting)?.value
    const address = addressOf((first('hostname') ?? name).replaceAll('%h', name), first('port'))
    const user = first('user')
    const host = namedHost(address)
    yield { see: 'resource', ref: host, names: [address, address.replace(/:22$/, '')], facts: {} }
    const keys = own.flatMap(one => {
      const file = one.name === 'identityfile' ? meantBy(one.value, path, place) : undefined
      return file === undefined ? [] : [{ file, line: one.line }]
    })
    if (user === undefined && keys.length === 0) continue
    // Without a user it is whoever runs ssh, whom the file's place may tell.
    const login = user ?? place.user ?? 'user'
    const account = accountAt(address, login)
    yield {
      see: 'identity',
      ref: account,
      names: [`${login}@${address.replace(/:22$/, '')}`],
      facts: factsOf({ alias: name, proxyJump: first('proxyjump') }),
    }
    yield {
      see: 'edge',
      from: account,
      to: host,
      crossing: login === 'root' ? 'administers' : 'logs-in-to',
      ...sure,
      why: `${path}:${line} logs in there as ${login}`,
    }
    for (const key of keys) {
      const file: Ref = withinRepository(container, 'file', key.file)
      yield { see: 'resource', ref: file, names: [key.file], facts: {} }
      yield {
        see: 'edge',
        from: file,
        to: account,
        crossing: 'identity-for',
        ...sure,
        why: `${path}:${key.line} logs in with ${key.file}`,
      }
    }
  }
}

function settingsFor(sections: readonly Section[], name: string, variant: Section | undefined): Setting[] {
  return sections
    .filter(section => fits(name, section) && (section.when === undefined || section === variant))
    .flatMap(({ settings }) => settings)
}

/** How a host takes logins: the keys whose certificates it trusts. https://man.openbsd.org/sshd_config */
export function* sshdConfig(
  { in: container, path }: { readonly in: Ref; readonly path: string },
  place: Place,
  text: string,
): Generator<Observation> {
  const settings = settingsOf(text)
  const until = settings.findIndex(({ name }) => name === 'match')
  const everywhere = until < 0 ? settings : settings.slice(0, until)
  const first = (name: string) => everywhere.find(one => one.name === name)?.value
  const facts = {
    permitRootLogin: first('permitrootlogin'),
    passwordAuthentication: first('passwordauthentication'),
    pubkeyAuthentication: first('pubkeyauthentication'),
    authorizedPrincipals: first('authorizedprincipalsfile'),
  }
  const { root } = place
  // Outside of its place it is of a host that nobody tells, and so is what lies beside it.
  const host = root === undefined ? withinRepository(container, 'host', path) : hostOf(container, root)
  if (root === undefined) yield { see: 'resource', ref: host, names: [path], facts: factsOf(facts) }
  else yield* hostSeen(container, root, [], facts)
  let match: string | undefined
  for (const { name, value, line } of settings) {
    if (name === 'match') match = /^all$/i.test(value) ? undefined : value
    if (name !== 'trustedusercakeys') continue
    const file = root === undefined ? path.replace(/[^/]*$/, basename(value)) : meantBy(value, path, place)
    if (file === undefined || value === 'none') continue
    const ref: Ref = withinRepository(container, 'file', file)
    yield { see: 'resource', ref, names: [file], facts: {} }
    const principals = first('authorizedprincipalsfile') ?? first('authorizedprincipalscommand')
    const whens = [
      root === undefined ? 'the file is put in its place at a host' : undefined,
      match === undefined ? undefined : `the login is one of ${match}`,
      principals === undefined || principals === 'none'
        ? undefined
        : `the certificate is for one of the principals in ${principals}`,
    ].filter(one => one !== undefined)
    yield {
      see: 'edge',
      from: host,
      to: ref,
      crossing: 'trusts-signers-in',
      ...(whens.length === 0
        ? { certainty: 'proven' }
        : { certainty: 'conditional', when: whens.join('; ') }),
      why: `${path}:${line} trusts certificates signed by the keys in ${file}`,
    }
  }
}
