import { z } from 'zod'
import { DAY_MS, type Ms } from '../../core/contract/ref.ts'
import type { Db } from '../../core/store/store.ts'
import { namesById } from '../../know/inventory/queries.ts'
import { loadRoots } from '../../know/inventory/roots.ts'

/** Who can answer for something: a person or a team, told apart however texts call them. */
export interface Party {
  readonly kind: 'person' | 'team'
  readonly key: string
  /** As people read it: an address, a team's name. */
  readonly name: string
  /** A person who left. */
  readonly hasLeft: boolean
  /** Those that a person is in, or was in last. */
  readonly teams: readonly string[]
}

/** Everyone who is known, from every list there is of them. */
export class People {
  readonly #parties = new Map<string, Party>()
  /** By address, login, name or slug; null where several are called so. */
  readonly #byWord = new Map<string, Party | null>()
  readonly #teams = new Map<string, Party>()
  /** What texts meant: the same few are written on very many things. */
  readonly #resolved = new Map<string, Party | undefined>()

  addTeam(names: readonly string[]): Party {
    this.#resolved.clear()
    const key = slugOf(names[0]!)
    const known = this.#teams.get(key)
    const party = known ?? { kind: 'team', key: `team:${key}`, name: key, hasLeft: false, teams: [] }
    this.#teams.set(key, party)
    this.#parties.set(party.key, party)
    for (const name of names) this.#teams.set(slugOf(name), this.#teams.get(slugOf(name)) ?? party)
    return party
  }

  addPerson(words: readonly string[], party: Party): void {
    this.#resolved.clear()
    this.#parties.set(party.key, party)
    for (const word of new Set(words.map(wordOf))) {
      const before = this.#byWord.get(word)
      this.#byWord.set(word, before === undefined || before === party ? party : null)
    }
  }

  get(key: string): Party | undefined {
    return this.#parties.get(key)
  }

  get isEmpty(): boolean {
    return this.#parties.size === 0
  }

  /** A team by its name alone, as a namespace or a part of a name has it. */
  team(name: string): Party | undefined {
    return this.#teams.get(slugOf(name))
  }

  /** A person by a login, as a part of a name has it: in small letters. */
  person(login: string): Party | undefined {
    return this.#byWord.get(login) ?? undefined
  }

  /**
   * Whom a text means: `@acme/payments`, `group:default/payments`, `#payments`, `payments@acme.example`, `Jane Doe <jane@…>`,
   * `jdoe`. Undefined for who is not known, and for what several are called.
   */
  resolve(text: string): Party | undefined {
    if (this.#resolved.has(text)) return this.#resolved.get(text)
    const party = this.#resolve(text)
    this.#resolved.set(text, party)
    return party
  }

  #resolve(text: string): Party | undefined {
    const signed = /<([^<>]+)>\s*$/.exec(text)?.[1]
    if (signed !== undefined) return this.resolve(signed) ?? this.#word(text.slice(0, text.lastIndexOf('<')))
    const [, kind, entity] = /^(group|user):(?:[\w-]+\/)?(.+)$/.exec(text) ?? []
    if (kind === 'group') return this.team(entity!)
    if (kind === 'user') return this.#word(entity!)
    const team = /^@[\w.-]+\/(.+)$/.exec(text)?.[1] ?? /^#(.+)$/.exec(text)?.[1]
    if (team !== undefined) return this.team(team)
    const noreply = /^(?:\d+\+)?([^@]+)@users\.noreply\.github\.com$/i.exec(text)?.[1]
    if (noreply !== undefined) return this.#word(noreply)
    const person = this.#word(text.replace(/^@/, ''))
    if (person) return person
    if (this.#byWord.get(wordOf(text)) === null) return undefined
    const local = /^([^@\s]+)@[^@\s]+$/.exec(text)?.[1]
    return this.team(local ?? text)
  }

  #word(text: string): Party | undefined {
    return this.#byWord.get(wordOf(text)) ?? undefined
  }
}

function wordOf(text: string): string {
  return text.trim().toLowerCase().replace(/\s+/g, ' ')
}

/** `Team Payments`, `payments-team`, `acme/payments` → `payments` */
export function slugOf(name: string): string {
  const slug = name
    .slice(name.lastIndexOf('/') + 1)
    .toLowerCase()
    .normalize('NFD')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return slug.replace(/^(?:team|squad|group)-(?=.)/, '').replace(/(?<=.)-(?:team|squad|group)$/, '') || slug
}

const facts = z.object({
  name: z.string().optional(),
  mails: z.array(z.string()).default([]),
  logins: z.array(z.string()).default([]),
  number: z.string().optional(),
  teams: z.array(z.string()).default([]),
  isActive: z.boolean().optional(),
  leftAt: z.iso.datetime().optional().catch(undefined),
  login: z.string().optional(),
})
type Facts = z.infer<typeof facts>

interface Entry {
  readonly id: string
  readonly list: string
  readonly said: Facts
  /** Undefined where the list does not tell. */
  readonly isThere: boolean | undefined
}

/** A last day that is to come is one on which somebody is there, whatever their status is by then. */
function isThere({ isActive, leftAt }: Facts, now: Ms): boolean | undefined {
  if (leftAt === undefined) return isActive
  return now < Date.parse(leftAt) + DAY_MS || (isActive ?? false)
}

/** Reads all lists, and joins what they tell of one person by now. */
export async function loadPeople(db: Db, now: Ms): Promise<People> {
  const people = new People()
  const entities = await db
    .selectFrom('entity')
    .select(['id', 'system', 'instance', 'kind', 'native'])
    .where(({ or, and, eb }) =>
      or([
        and([eb('system', '=', 'people'), eb('kind', 'in', ['person', 'team'])]),
        and([eb('system', '=', 'github'), eb('kind', 'in', ['user', 'team'])]),
      ]),
    )
    .where('merged_into', 'is', null)
    .where('gone_at', 'is', null)
    .orderBy('id')
    .execute()
  const ids = entities.map(({ id }) => id)
  const names = await namesById(db, await loadRoots(db), ids)
  const told = await factsOf(db)
  const teams = new Map<string, Party>()
  for (const { id, kind } of entities)
    if (kind === 'team') {
      const known = names.get(id)
      if (known?.[0] !== undefined) teams.set(id, people.addTeam(known))
    }
  const memberships = await db
    .selectFrom('edge')
    .select(['from_id', 'to_id'])
    .where('crossing', 'in', ['works-in', 'member-of'])
    .where('gone_at', 'is', null)
    .execute()
  const teamsOf = Map.groupBy(
    memberships.filter(({ to_id }) => teams.has(to_id)),
    ({ from_id }) => from_id,
  )
  const entries = entities
    .filter(({ kind }) => kind !== 'team')
    .map(({ id, system, instance, native }): Entry => {
      const said = facts.parse(Object.fromEntries(told.get(id) ?? []))
      const list = system === 'people' ? instance : system
      // What a group of the catalog names as its member is known by its login alone.
      const logins = [
        ...said.logins,
        ...(said.login ? [said.login] : []),
        ...(list === 'catalog' ? [native] : []),
      ]
      return { id, list, said: { ...said, logins }, isThere: isThere(said, now) }
    })
  // A team is there as long as someone is in it, by the word of the people department.
  for (const { list, said, isThere } of entries)
    if (list === 'hr' && isThere !== false) for (const team of said.teams) people.addTeam([team])
  for (const same of joined(entries))
    addJoined(people, same, id => (teamsOf.get(id) ?? []).map(({ to_id }) => teams.get(to_id)!.key))
  return people
}

async function factsOf(db: Db): Promise<Map<string, [string, unknown][]>> {
  const rows = await db
    .selectFrom('fact')
    .innerJoin('entity', 'entity.id', 'fact.entity_id')
    .select(['fact.entity_id', 'fact.name', 'fact.value'])
    .where('entity.system', 'in', ['people', 'github'])
    .where('entity.kind', 'in', ['person', 'user'])
    .where('fact.gone_at', 'is', null)
    .execute()
  const found = new Map<string, [string, unknown][]>()
  for (const { entity_id, name, value } of rows) {
    const own = found.get(entity_id) ?? []
    own.push([name, JSON.parse(value)])
    found.set(entity_id, own)
  }
  return found
}

/** Those that have an address, a login or a number in common are one. */
function joined(entries: readonly Entry[]): Entry[][] {
  const parent = entries.map((_, index) => index)
  const root = (index: number): number => {
    let at = index
    while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!
    return at
  }
  const first = new Map<string, number>()
  for (const [index, { said }] of entries.entries())
    for (const word of [
      ...said.mails.map(mail => `mail ${mail.toLowerCase()}`),
      ...said.logins.map(login => `login ${login.toLowerCase()}`),
      ...(said.number === undefined ? [] : [`number ${said.number}`]),
    ]) {
      const known = first.get(word)
      if (known === undefined) first.set(word, index)
      else parent[root(index)] = root(known)
    }
  return [...Map.groupBy(entries.keys(), root).values()].map(group =>
    [...group].map(index => entries[index]!),
  )
}

/** How much a list is worth for who is there: the people department knows, an account may outlive its person. */
const LISTS = ['hr', 'scim', 'catalog', 'github']

function addJoined(people: People, same: readonly Entry[], teamsOf: (id: string) => readonly string[]): void {
  const byList = same.toSorted((a, b) => LISTS.indexOf(a.list) - LISTS.indexOf(b.list))
  const mails = byList.flatMap(({ said }) => said.mails)
  const logins = byList.flatMap(({ said }) => said.logins)
  const named = byList.flatMap(({ said }) => said.name ?? [])
  const [mail, login, name] = [mails[0], logins[0], named[0]]
  const called = mail ?? login ?? name
  if (called === undefined) return
  const own = byList.flatMap(({ said }) => said.teams.flatMap(team => people.team(team)?.key ?? []))
  // The people department's word for a team is what it is; where it has none, the others' are taken.
  const teams = own.length > 0 ? own : byList.flatMap(({ id }) => teamsOf(id))
  const hr = byList.filter(({ list }) => list === 'hr')
  const deciding = hr.some(one => one.isThere !== undefined) ? hr : byList
  const words = deciding.flatMap(one => one.isThere ?? [])
  people.addPerson([...mails, ...logins, ...named], {
    kind: 'person',
    key: `person:${called.toLowerCase()}`,
    name: called,
    hasLeft: words.length > 0 && !words.includes(true),
    teams: [...new Set(teams)],
  })
}
