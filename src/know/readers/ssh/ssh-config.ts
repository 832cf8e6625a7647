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
}

/** Settings before the first `Host` are everyone's; what stands below a `Match` depends on more than a name. */
function sectionsOf(text: string): Section[] {
  const sections: Section[] = [{ patterns: ['*'], line: 0, settings: [] }]
  for (const setting of settingsOf(text))
    if (setting.name === 'host')
      sections.push({
        patterns: setting.value.split(/\s+/).map(one => one.replace(/^"(.*)"$/, '$1')),
        line: setting.line,
        settings: [],
      })
    else if (setting.name === 'match') sections.push({ patterns: [], line: setting.line, settings: [] })
    else sections.at(-1)!.settings.push(setting)
  return sections
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
  const aliases = sections.flatMap(({ patterns, line }) =>
    patterns.filter(name => !/[*?!]/.test(name)).map(name => ({ name, line })),
  )
  for (const { name, line } of aliases) {
    const own = sections.filter(section => fits(name, section)).flatMap(({ settings }) => settings)
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
      certainty: 'proven',
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
        certainty: 'proven',
        why: `${path}:${key.line} logs in with ${key.file}`,
      }
    }
  }
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
  for (const { name, value, line } of settings) {
    if (name !== 'trustedusercakeys') continue
    const file = root === undefined ? path.replace(/[^/]*$/, basename(value)) : meantBy(value, path, place)
    if (file === undefined || value === 'none') continue
    const ref: Ref = withinRepository(container, 'file', file)
    yield { see: 'resource', ref, names: [file], facts: {} }
    const principals = first('authorizedprincipalsfile') ?? first('authorizedprincipalscommand')
    const isLimited = principals !== undefined && principals !== 'none'
    yield {
      see: 'edge',
      from: host,
      to: ref,
      crossing: 'trusts-signers-in',
      certainty: isLimited || root === undefined ? 'conditional' : 'proven',
      ...(root === undefined
        ? { when: 'the file is put in its place at a host' }
        : isLimited && { when: `the certificate is for one of the principals in ${principals}` }),
      why: `${path}:${line} trusts certificates signed by the keys in ${file}`,
    }
  }
}
