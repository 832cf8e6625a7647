import { DAY_MS, type Ms } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import { namesById } from '../../know/inventory/queries.ts'
import type { Roots } from '../../know/inventory/roots.ts'
import { Authors, authorsOf, type Code, type CodePlace, loadCode } from './code.ts'
import type { NonHuman } from './non-human.ts'
import type { Party, People } from './people.ts'
import {
  componentsOf,
  copiedPlaces,
  type CopiedPlace,
  loadRelations,
  type OwnerRow,
  placesBy,
  type Relations,
} from './relations.ts'
import { type Service, Services } from './services.ts'
import type { Sign } from './weigh.ts'
import { isCommon, ownName, wordsOf } from './words.ts'

/** What someone wrote is worth half as much after this long. */
const HALF_LIFE_MS = 365 * DAY_MS
const AUTHORS = 0.45
const RULE = 0.6
/** A rule for everything in a repository that many share says who reviews, and hardly whose each thing is. */
const WIDE_RULE = 0.4
const WIDE_RULE_OF_MANY = 0.1
/** How much what is said of the service holds for what belongs to it, by how that is known. */
const BY_TAG = 0.95
const BY_WORKLOAD = 0.85
const BY_NAME = 0.85
const BY_REPOSITORY = 0.8
const BY_SHORT_NAME = 0.65
const BY_COPY = 0.75
const OF_SYSTEM = 0.5
/** What is written on others of the same service. */
const SIBLINGS = 0.8

/** A service that an identity belongs to, and how that is known. */
interface Membership {
  readonly service: Service
  readonly factor: number
  readonly how: string
}

const NOBODY_NAMED: readonly Named[] = []

/** What is found out about an identity by itself, where it is asked for. */
interface Alone {
  readonly names: readonly string[]
  /** Itself, what it stands in the place of, and what texts declare that is to be of its kind and of such a name. */
  readonly ids: readonly string[]
  readonly isBreakGlass: boolean
  memberships?: readonly Membership[]
  /** Whom it is called after. */
  named?: readonly Named[]
}

/** A team, or a login, that stands in a name. */
interface Named {
  readonly word: string
  readonly isPerson: boolean
}

/** The teams that are written on the identities of a service, on which and on how many. */
interface Written {
  readonly teamsOf: Map<string, readonly Party[]>
  readonly counts: Map<string, { readonly party: Party; readonly count: number }>
}

/** A rule of CODEOWNERS that a path falls under, and how much it says. */
interface RuleFound {
  readonly owners: readonly string[]
  readonly where: string
  readonly weight: number
}

/** What a catalog and its code say of a service. */
interface SaidOfService {
  readonly owners: readonly OwnerRow[]
  readonly ofSystems: readonly OwnerRow[]
  readonly rules: readonly RuleFound[]
}

/** An account for emergencies is not that of the service beside which it stands. */
const BREAK_GLASS = /(?:^|[^a-z])(?:break[-_ ]?glass|emergency)/i

/** All that speaks for anyone's owning any identity, read at once. */
export class Gathering {
  readonly #people: People
  readonly #code: Code
  readonly #relations: Relations
  readonly #names: ReadonlyMap<string, readonly string[]>
  /** Places in code where credentials of an identity stand. */
  #copiesAt: ReadonlyMap<string, readonly CodePlace[]> = new Map()
  #authors = new Authors()
  readonly #services: Services
  readonly #now: Ms
  readonly #declared: ReadonlyMap<string, readonly string[]>
  /** Of each service what is written on which of its identities. */
  readonly #written = new Map<string, Written>()
  /** By identity, what is found out about it alone: to look for one thing in very many costs as much as what is found. */
  readonly #alone = new Map<string, Alone>()
  /** By component: the same few are named by very many tags. */
  readonly #byComponent = new Map<string, Service | undefined>()
  readonly #said = new WeakMap<Service, SaidOfService>()
  /** Whose commits say anything: what a program wrote counts for nobody. */
  readonly #isAuthor = new Map<string, boolean>()

  private constructor(
    people: People,
    code: Code,
    relations: Relations,
    names: ReadonlyMap<string, readonly string[]>,
    now: Ms,
  ) {
    this.#people = people
    this.#code = code
    this.#relations = relations
    this.#names = names
    this.#now = now
    this.#services = new Services(relations, code)
    this.#declared = declarationsByName(relations, names)
  }

  /**
   * With `one`, it is about that one alone. `copies` gives what is known of copies, where the caller reads all of them anyway: it is
   * waited for when all else was read.
   */
  static async load(
    db: Db,
    roots: Roots,
    people: People,
    identities: readonly NonHuman[],
    now: Ms,
    { copies, one }: { readonly copies?: () => Promise<Iterable<CopiedPlace>>; readonly one?: NonHuman } = {},
  ): Promise<Gathering> {
    const code = await loadCode(db, roots)
    const relations = await loadRelations(db, roots)
    const ids = [
      ...identities.map(({ id }) => id),
      ...relations.declarations.keys(),
      ...[...relations.replaced.values()].flat(),
    ]
    const names = await namesById(db, roots, ids)
    const gathering = new Gathering(people, code, relations, names, now)
    for (const identity of identities) {
      gathering.#pool(identity)
      // What does not depend on copies is found while they are read.
      if (!one) gathering.#prepare(identity)
    }
    const copiesAt = placesBy(await (copies?.() ?? copiedPlaces(db)), roots)
    gathering.#copiesAt = copiesAt
    const of = one && gathering.#aloneOf(one).ids
    const places = [relations.definedAt, copiesAt].flatMap(known =>
      of ? of.flatMap(id => known.get(id) ?? []) : [...known.values()].flat(),
    )
    gathering.#authors = await authorsOf(db, places)
    return gathering
  }

  signsOf(identity: NonHuman): Sign[] {
    const alone = this.#aloneOf(identity)
    const { ids } = alone
    const signs = this.#writtenOn(identity, ids)
    if (alone.isBreakGlass) return signs
    const memberships = this.#membershipsOf(identity, alone)
    for (const membership of memberships) this.#ofService(membership, signs)
    for (const membership of memberships) this.#ofSiblings(identity, membership, signs)
    this.#ofCode(ids, signs)
    this.#ofCopies(identity.id, signs)
    this.#ofRepositories(identity.id, signs)
    this.#byName(alone, signs)
    return signs
  }

  #aloneOf(identity: NonHuman): Alone {
    const known = this.#alone.get(identity.id)
    if (known) return known
    const names = this.#names.get(identity.id) ?? []
    const found = {
      names,
      ids: this.#idsOf(identity, names),
      isBreakGlass: names.some(name => BREAK_GLASS.test(name)),
    }
    this.#alone.set(identity.id, found)
    return found
  }

  /** What it stands in the place of, unless something says whose it is itself. */
  #formerOf({ id }: NonHuman): readonly string[] {
    return this.#relations.owners.has(id) ? [] : (this.#relations.replaced.get(id) ?? [])
  }

  #idsOf(identity: NonHuman, names: readonly string[]): readonly string[] {
    const { id, system, kind } = identity
    const former = this.#formerOf(identity)
    const allNames =
      former.length === 0 ? names : [names, ...former.map(one => this.#names.get(one) ?? [])].flat()
    const declared = allNames.flatMap(name => this.#declared.get(`${system} ${kind} ${name}`) ?? [])
    return [...new Set([id, ...former, ...declared])]
  }

  #pool(identity: NonHuman): void {
    const alone = this.#aloneOf(identity)
    if (alone.isBreakGlass) return
    const signs = this.#writtenOn(identity, alone.ids).filter(
      ({ kind }) => kind === 'tag' || kind === 'confirmed',
    )
    if (signs.length === 0) return
    const teams = this.#teamsNamed(signs)
    for (const { service } of this.#membershipsOf(identity, alone)) {
      const written = this.#written.get(service.name) ?? { teamsOf: new Map(), counts: new Map() }
      this.#written.set(service.name, written)
      written.teamsOf.set(identity.id, teams)
      for (const party of teams)
        written.counts.set(party.key, { party, count: (written.counts.get(party.key)?.count ?? 0) + 1 })
    }
  }

  #prepare(identity: NonHuman): void {
    const alone = this.#aloneOf(identity)
    if (alone.isBreakGlass) return
    this.#membershipsOf(identity, alone)
    this.#namedIn(alone)
  }

  /** What is written on it: tags, comments, and a person's own word. */
  #writtenOn(identity: NonHuman, ids: readonly string[]): Sign[] {
    const signs: Sign[] = []
    for (const id of ids)
      for (const { owner, source, weight, at } of this.#relations.owners.get(id) ?? []) {
        const isConfirmed = source.startsWith('confirmed')
        // Such a word was said of it anew when it took that one's place, and may have been taken back since.
        if (isConfirmed && this.#formerOf(identity).includes(id)) continue
        signs.push({
          owner,
          kind: isConfirmed ? 'confirmed' : source.startsWith('who ') ? 'deployer' : 'tag',
          source,
          weight,
          ...(at !== null && { at }),
        })
      }
    return signs
  }

  #membershipsOf(identity: NonHuman, alone: Alone): readonly Membership[] {
    alone.memberships ??= this.#findMemberships(identity, alone)
    return alone.memberships
  }

  #findMemberships(identity: NonHuman, { ids, names }: Alone): Membership[] {
    const found = new Map<string, Membership>()
    const add = (service: Service | undefined, factor: number, how: string) => {
      if (service && (found.get(service.name)?.factor ?? 0) < factor)
        found.set(service.name, { service, factor, how })
    }
    for (const id of ids)
      for (const component of componentsOf(this.#relations, id))
        add(this.#called(component), BY_TAG, 'a tag names')
    const workloads = this.#relations.runsAs.get(identity.id) ?? []
    const ofWorkloads = new Set(workloads.flatMap(id => componentsOf(this.#relations, id)))
    // What several services run as is none's own.
    for (const component of ofWorkloads)
      add(this.#called(component), BY_WORKLOAD / Math.max(1, ofWorkloads.size - 1), 'runs as it')
    const repositories = this.#relations.repositories.get(identity.id) ?? []
    if (repositories.length === 1)
      add(this.#services.keptIn(repositories[0]!), BY_REPOSITORY, 'is what it serves')
    const within = this.#services.within(names)
    if (within) add(within, BY_NAME, 'its name has')
    else if (found.size === 0) add(this.#services.abbreviated(names), BY_SHORT_NAME, 'its name is short for')
    return [...found.values()]
  }

  /** One that a tag names and nothing else tells of is a service, too. */
  #called(component: string): Service | undefined {
    if (this.#byComponent.has(component)) return this.#byComponent.get(component)
    const name = this.#relations.components.get(component)
    const service =
      name === undefined
        ? undefined
        : (this.#services.named(name) ?? { name: wordsOf(name).join('-'), components: [component], code: [] })
    this.#byComponent.set(component, service)
    return service
  }

  /** What a catalog says of the service, and whose its code is. */
  #ofService({ service, factor, how }: Membership, signs: Sign[]): void {
    const { name } = service
    const { owners, ofSystems, rules } = this.#saidOf(service)
    for (const { owner, weight, source } of owners)
      signs.push({
        owner,
        kind: 'catalog',
        source: `${source}: ${name}, which ${how}`,
        weight: weight * factor,
      })
    for (const { owner, weight, source } of ofSystems)
      signs.push({
        owner,
        kind: 'catalog',
        source: `${source}: the system of ${name}, which ${how}`,
        weight: weight * factor * OF_SYSTEM,
      })
    for (const rule of rules) byRule(rule, factor, `the code of ${name}`, signs)
  }

  /** The same for all that belongs to it. */
  #saidOf(service: Service): SaidOfService {
    const known = this.#said.get(service)
    if (known) return known
    const { components, code } = service
    const owners = components.flatMap(id => this.#relations.owners.get(id) ?? [])
    const systems = owners.length > 0 ? [] : components.flatMap(id => this.#relations.partOf.get(id) ?? [])
    const said = {
      owners,
      ofSystems: systems.flatMap(id => this.#relations.owners.get(id) ?? []),
      rules: code
        .slice(0, 3)
        .flatMap(
          ({ repository, folder }) =>
            this.#ruleOf(repository, `${folder === '' ? '' : `${folder}/`}src`) ?? [],
        ),
    }
    this.#said.set(service, said)
    return said
  }

  /** What is written on others of the service: what one of them says may be a slip, and what they agree on hardly is. */
  #ofSiblings(identity: NonHuman, { service, factor }: Membership, signs: Sign[]): void {
    const written = this.#written.get(service.name)
    if (!written) return
    const own = written.teamsOf.get(identity.id) ?? []
    const counts = [...written.counts.values()].map(({ party, count }) => ({
      party,
      count: own.includes(party) ? count - 1 : count,
    }))
    const total = counts.reduce((sum, { count }) => sum + count, 0)
    for (const { party, count } of counts)
      if (count > 0)
        signs.push({
          owner: party.kind === 'team' ? `group:${party.name}` : party.name,
          kind: 'sibling',
          source: `${count} of ${total} others of ${service.name} say so`,
          weight: SIBLINGS * factor * (count / total) * (1 - 0.5 ** count),
        })
  }

  /** The teams that signs name, by themselves or by one who is in them. */
  #teamsNamed(signs: readonly Sign[]): Party[] {
    const found = new Map<string, Party>()
    for (const { owner } of signs) {
      const party = this.#people.resolve(owner)
      const teams = party?.kind === 'team' ? [party.key] : party?.hasLeft ? [] : (party?.teams ?? [])
      for (const key of teams) {
        const team = this.#people.get(key)
        if (team) found.set(key, team)
      }
    }
    return [...found.values()]
  }

  /** Who owns, and who wrote, the files that define it. */
  #ofCode(ids: readonly string[], signs: Sign[]): void {
    for (const place of ids.flatMap(id => this.#relations.definedAt.get(id) ?? [])) {
      const rule = this.#ruleOf(place.containerId, place.path)
      if (rule) byRule(rule, 1, `what defines it, ${place.path}`, signs)
      this.#byAuthors(place, 1, signs)
    }
  }

  /** The same of files in which its credentials stand, which anyone may have put there. */
  #ofCopies(id: string, signs: Sign[]): void {
    for (const place of this.#copiesAt.get(id) ?? []) {
      const rule = this.#ruleOf(place.containerId, place.path)
      if (rule) byRule(rule, BY_COPY, `a copy of its credential, ${place.path}`, signs)
      this.#byAuthors(place, BY_COPY, signs)
    }
  }

  /** Whose the repositories are that it reads, or whose jobs become it. */
  #ofRepositories(id: string, signs: Sign[]): void {
    const repositories = new Set(this.#relations.repositories.get(id) ?? [])
    const factor = BY_REPOSITORY / Math.max(1, repositories.size)
    for (const repository of [...repositories].slice(0, 3)) {
      const rule = this.#ruleOf(repository, 'src')
      const what = `the repository ${this.#code.slugOf(repository) ?? ''} that it serves`
      if (rule) byRule(rule, factor, what, signs)
    }
  }

  #ruleOf(repository: string, path: string): RuleFound | undefined {
    const found = this.#code.ownersOf(repository, path)
    if (!found) return undefined
    const { owners, file, rules } = found
    const isWide = rules.every(({ pattern }) => /^\/?\*{0,2}\/?\*?$/.test(pattern))
    const wide = isWide && (this.#services.isShared(repository) ? WIDE_RULE_OF_MANY : WIDE_RULE)
    return { owners, where: `${file}, line ${rules.at(-1)!.line}`, weight: wide || RULE }
  }

  /** What was written lately counts more. */
  #byAuthors(place: CodePlace, factor: number, signs: Sign[]): void {
    const shares = new Map<string, { share: number; at: Ms }>()
    let total = 0
    for (const { author, at } of this.#authors.of(place)) {
      const isAuthor =
        this.#isAuthor.get(author) ?? (!isProgram(author) && this.#people.resolve(author) !== undefined)
      this.#isAuthor.set(author, isAuthor)
      if (!isAuthor) continue
      const worth = 2 ** (-Math.max(0, this.#now - at) / HALF_LIFE_MS)
      total += worth
      const before = shares.get(author)
      shares.set(author, { share: (before?.share ?? 0) + worth, at: Math.max(at, before?.at ?? 0) })
    }
    for (const [author, { share, at }] of shares)
      signs.push({
        owner: author,
        kind: 'author',
        source: `commits to ${place.path}`,
        // Old work alone says little, whosever it is.
        weight: AUTHORS * factor * (share / total) * Math.min(1, total * 2),
        at,
      })
  }

  /** A team's or a person's name within its own, or its namespace. */
  #byName(alone: Alone, signs: Sign[]): void {
    for (const name of alone.names) {
      const namespace = /^([^/:]+)\/serviceaccount\/.+$/.exec(name)?.[1]
      if (namespace !== undefined && this.#people.team(namespace))
        signs.push({
          owner: `group:${namespace}`,
          kind: 'deployer',
          source: `its namespace is called ${namespace}`,
          weight: 0.5,
        })
    }
    for (const { word, isPerson } of this.#namedIn(alone))
      signs.push(
        isPerson
          ? { owner: word, kind: 'name', source: `its name has that of ${word}`, weight: 0.8 }
          : { owner: word, kind: 'deployer', source: `it is called after ${word}`, weight: 0.4 },
      )
  }

  /** Teams and logins that stand in a name as whole words. */
  #namedIn(alone: Alone): readonly Named[] {
    alone.named ??= this.#partiesIn(alone.names)
    return alone.named
  }

  #partiesIn(names: readonly string[]): readonly Named[] {
    const found = new Map<string, boolean>()
    for (const name of names) {
      const words = wordsOf(ownName(name))
      for (let from = 0; from < words.length; from++)
        for (let to = Math.min(words.length, from + 3); to > from; to--) {
          const some = words.slice(from, to)
          const word = some.join('-')
          // Most are nobody's, and that is sooner seen than whether they could be anyone's.
          const isPerson = this.#people.person(word)?.kind === 'person'
          if (!isPerson && (some.length < words.length || !this.#people.team(word))) continue
          if (!isCommon(some)) found.set(word, isPerson)
        }
    }
    return found.size === 0 ? NOBODY_NAMED : [...found].map(([word, isPerson]) => ({ word, isPerson }))
  }
}

function declarationsByName(
  relations: Relations,
  names: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const [id, as] of relations.declarations)
    for (const name of as === '' ? [] : (names.get(id) ?? [])) {
      const key = `${as} ${name}`
      found.set(key, [...(found.get(key) ?? []), id])
    }
  return found
}

function byRule({ owners, where, weight }: RuleFound, factor: number, what: string, signs: Sign[]): void {
  for (const owner of owners)
    signs.push({
      owner,
      kind: 'code',
      source: `${where}: ${what}`,
      weight: (weight * factor) / Math.sqrt(owners.length),
    })
}

function isProgram(author: string): boolean {
  return /\[bot\]|\bbot\b|noreply@github\.com|^github-actions|actions@github|automation@/i.test(author)
}
