import { sql } from 'kysely'
import type { Ms } from '../../core/contract/ref.ts'
import { columnPages } from '../../core/store/column-pages.ts'
import type { Db } from '../../core/store/store.ts'
import { membersOf, rootOf } from '../../know/inventory/merge.ts'
import { namesById, namesOf } from '../../know/inventory/queries.ts'
import { replacedIdentities } from '../../know/inventory/replaced.ts'
import { loadRoots, type Roots } from '../../know/inventory/roots.ts'
import { type SaidWord, type WordName, wordsById } from '../../know/inventory/word.ts'
import type { NonHuman } from '../ownership/non-human.ts'

export const CLASSES = ['ordinary', 'shared', 'third-party', 'agentic', 'break-glass'] as const
export type IdentityClass = (typeof CLASSES)[number]

/** One thing that is said of an identity, and by what. */
export interface Said<Value = string> {
  readonly value: Value
  readonly why: string
}

/** What kind of identity it is, and what it is for, each with where that is known from. */
export interface Profile {
  readonly class: Said<IdentityClass>
  readonly environment: Said | undefined
  readonly purpose: Said | undefined
  /** A day, or `never`. */
  readonly expiry: Said | undefined
  readonly vendor: Said | undefined
  /** Who is asked there when it leaks. */
  readonly vendorContact: Said | undefined
}

const FACTS: Readonly<Record<string, WordName | 'homeTenant'>> = {
  class: 'class',
  purpose: 'purpose',
  environment: 'environment',
  expiry: 'expiry',
  vendor: 'vendor',
  vendorContact: 'vendor-contact',
  homeTenant: 'homeTenant',
}

const BREAK_GLASS = /(?:^|[^a-z])(?:break[-_ ]?glass|emergency)(?:$|[^a-z])/i
const AGENTIC = /(?:^|[^a-z])(?:mcp|llm|copilot|ai[-_ ]?agent|agent[-_ ]?ai)(?:$|[^a-z])/i
const ENVIRONMENTS: Readonly<Record<string, string>> = {
  prod: 'production',
  production: 'production',
  live: 'production',
  staging: 'staging',
  stage: 'staging',
  preprod: 'staging',
  dev: 'development',
  development: 'development',
  test: 'test',
  testing: 'test',
  qa: 'test',
}
/** Apps and grants that somebody else made: what they do is done elsewhere. */
const FOREIGN = new Set(['github app-installation', 'aws account', 'outsider'])

const FEW = 100

/** The profiles of these identities; `uses` are those of workloads and services that are told by edges. */
export async function profilesOf(
  db: Db,
  roots: Roots,
  identities: readonly NonHuman[],
): Promise<ReadonlyMap<string, Profile>> {
  const ids = identities.map(({ id }) => id)
  // Of a few, only what concerns them is read.
  const isFew = ids.length <= FEW
  const replaced = await replacedIdentities(db, roots, isFew ? ids : undefined)
  const all = [...new Set(ids.flatMap(id => [id, ...(replaced.get(id) ?? [])]))]
  const names = await namesById(db, roots, all)
  const only = isFew ? all.flatMap(id => [id, ...roots.membersOf(id)]) : undefined
  const words = await wordsById(db, roots)
  const tags = await tagsOf(db, roots, only)
  const users = await usersById(db, roots, only)
  return new Map(
    identities.map(identity => {
      const own = [identity.id, ...(replaced.get(identity.id) ?? [])]
      return [
        identity.id,
        profileOf(
          identity,
          own.flatMap(id => names.get(id) ?? []),
          words.get(identity.id) ?? [],
          name => own.flatMap(id => tags.get(name)?.get(id)?.said ?? [])[0],
          users.get(identity.id) ?? NO_USERS,
        ),
      ]
    }),
  )
}

/** All of which a word or a tag says a class, a purpose or an end, and what may be called after emergencies. */
export async function notedIds(db: Db, roots: Roots): Promise<ReadonlySet<string>> {
  const said = ['class', 'purpose', 'expiry']
  const named = sql<string>`lower(name)`
  const found = [
    await db.selectFrom('word').select('entity_id').where('name', 'in', said).execute(),
    await db.selectFrom('fact').select('entity_id').where('name', 'in', said).execute(),
    await db
      .selectFrom('name')
      .select('entity_id')
      .where(({ or, eb }) => or([eb(named, 'like', '%break%glass%'), eb(named, 'like', '%emergency%')]))
      .execute(),
  ]
  const noted = new Set(found.flat().map(({ entity_id }) => roots.of(entity_id)))
  for (const [id, former] of await replacedIdentities(db, roots))
    if (former.some(one => noted.has(one))) noted.add(id)
  return noted
}

/** Of these identities, those that are for emergencies, with why; as `profilesOf` tells it, and read for them alone. */
export async function breakGlassAmong(
  db: Db,
  identityIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  const roots = await loadRoots(db)
  const replaced = await replacedIdentities(db, roots, identityIds)
  for (const id of identityIds) {
    const own = [id, ...(replaced.get(roots.of(id)) ?? [])]
    const said = await classSaid(db, own)
    if (said?.class === 'break-glass') found.set(id, said.why)
    if (said !== undefined) continue
    const names = await Promise.all(own.map(one => namesOf(db, one)))
    const glass = names.flat().find(name => BREAK_GLASS.test(name))
    if (glass !== undefined) found.set(id, `it is called ${glass}`)
  }
  return found
}

/** Of the first of these of which anything says it; a word on the others was said of the first anew when it took their place. */
async function classSaid(
  db: Db,
  identityIds: readonly string[],
): Promise<{ class: IdentityClass; why: string } | undefined> {
  for (const [at, id] of identityIds.entries()) {
    const members = await membersOf(db, [await rootOf(db, id)])
    const word =
      at > 0
        ? undefined
        : await db
            .selectFrom('word')
            .selectAll()
            .where('entity_id', 'in', members)
            .where('name', '=', 'class')
            .where('ended_at', 'is', null)
            .executeTakeFirst()
    const tag = await db
      .selectFrom('fact')
      .select('value')
      .where('entity_id', 'in', members)
      .where('name', '=', 'class')
      .where('gone_at', 'is', null)
      .orderBy('learnt_at', 'desc')
      .executeTakeFirst()
    const told = word?.value ?? (tag && String(JSON.parse(tag.value)))
    const known = told === undefined ? undefined : classNamed(told)
    if (known !== undefined) return { class: known, why: word ? `${word.said_by} says so` : 'a tag says so' }
  }
  return undefined
}

interface Users {
  /** Each by its name once, and how it is known. */
  readonly services: { readonly name: string; why: string }[]
  readonly agents: string[]
}

const NO_USERS: Users = { services: [], agents: [] }

/** Pure. A person's word outranks a tag, and a tag what else is a sign. Names and tags are its own before those of what it stands in the place of. */
function profileOf(
  { system, kind }: NonHuman,
  names: readonly string[],
  words: readonly SaidWord[],
  tagged: (name: WordName | 'homeTenant') => Said | undefined,
  users: Users,
): Profile {
  const said = (name: WordName): Said | undefined => {
    const word = words.findLast(one => one.name === name)
    if (word)
      return { value: word.value, why: `${word.by} says so${word.why === null ? '' : `: ${word.why}`}` }
    return tagged(name)
  }
  const vendor = said('vendor')
  const told = said('class')
  const known = told && classNamed(told.value)
  return {
    class:
      told && known
        ? { value: known, why: told.why }
        : (classBySigns(system, kind, names, vendor, tagged('homeTenant'), users) ?? ORDINARY),
    environment: environmentOf(said('environment'), names),
    purpose: said('purpose'),
    expiry: endOf(said('expiry')),
    vendor,
    vendorContact: said('vendor-contact'),
  }
}

const ORDINARY: Said<IdentityClass> = { value: 'ordinary', why: 'nothing says otherwise' }

export function classNamed(text: string): IdentityClass | undefined {
  const word = text
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, '-')
    .replace('breakglass', 'break-glass')
  return CLASSES.find(one => one === word)
}

function classBySigns(
  system: string,
  kind: string,
  names: readonly string[],
  vendor: Said | undefined,
  home: Said | undefined,
  { services, agents }: Users,
): Said<IdentityClass> | undefined {
  const glass = names.find(name => BREAK_GLASS.test(name))
  if (glass !== undefined) return { value: 'break-glass', why: `it is called ${glass}` }
  const [agent] = agents
  if (agent !== undefined) return { value: 'agentic', why: agent }
  const agentic = names.find(name => AGENTIC.test(name))
  if (agentic !== undefined) return { value: 'agentic', why: `it is called ${agentic}` }
  if (vendor) return { value: 'third-party', why: `its vendor is ${vendor.value}: ${vendor.why}` }
  if (FOREIGN.has(`${system} ${kind}`))
    return { value: 'third-party', why: `it is a ${kind} of ${system}, which somebody else runs` }
  if (home) return { value: 'third-party', why: `its application is of another tenant, ${home.value}` }
  if (services.length > 1)
    return {
      value: 'shared',
      why: services
        .slice(0, 3)
        .map(({ why }) => why)
        .join('; '),
    }
  return undefined
}

/** That it has no end is said as much as a day is. */
const ENDLESS = /^(?:never|none|no|nil|null|unlimited|indefinite|permanent|forever|no[-_ ]?expiry)$/i

/** `never`, however it is written; else what is said. */
export function endNamed(text: string): string {
  return ENDLESS.test(text.trim()) ? 'never' : text
}

function endOf(said: Said | undefined): Said | undefined {
  return said && { value: endNamed(said.value), why: said.why }
}

/** An environment, however it is written: `prod` is `production`. */
export function environmentNamed(text: string): string {
  const word = text.trim().toLowerCase()
  return Object.hasOwn(ENVIRONMENTS, word) ? ENVIRONMENTS[word]! : word
}

function environmentOf(said: Said | undefined, names: readonly string[]): Said | undefined {
  if (said) {
    const value = environmentNamed(said.value)
    return value === said.value ? said : { value, why: said.why }
  }
  for (const name of names)
    for (const word of name.toLowerCase().split(/[^a-z]+/))
      if (Object.hasOwn(ENVIRONMENTS, word))
        return { value: ENVIRONMENTS[word]!, why: `it is called ${name}` }
  return undefined
}

/** By what is said, and of whom: by the tag that was read last. */
type Tags = ReadonlyMap<string, ReadonlyMap<string, { readonly said: Said; readonly at: Ms }>>

async function tagsOf(db: Db, roots: Roots, only: readonly string[] | undefined): Promise<Tags> {
  const found = new Map<string, Map<string, { said: Said; at: Ms }>>()
  // The same few things are said of very many.
  const shared = new Map<string, Said | undefined>()
  const add = ({ entity_id, name, value, label, at }: ToldFact) => {
    const key = `${label} ${value}`
    const said = shared.has(key) ? shared.get(key) : saidBy(label, value)
    shared.set(key, said)
    if (said === undefined) return
    const id = roots.of(entity_id)
    const own = found.get(FACTS[name]!) ?? new Map<string, { said: Said; at: Ms }>()
    found.set(FACTS[name]!, own)
    const before = own.get(id)
    if (before === undefined || before.at <= at) own.set(id, { said, at })
  }
  if (only) for (const one of await factsAbout(db, only)) add(one)
  else await eachFact(db, add)
  return found
}

function saidBy(label: string, value: string): Said | undefined {
  const parsed: unknown = JSON.parse(value)
  return typeof parsed === 'string' ? { value: parsed, why: `a tag says so, by ${label}` } : undefined
}

interface ToldFact {
  readonly entity_id: string
  readonly name: string
  readonly value: string
  readonly label: string
  readonly at: Ms
}

async function factsAbout(db: Db, only: readonly string[]): Promise<ToldFact[]> {
  return await db
    .selectFrom('fact')
    .innerJoin('source', 'source.id', 'fact.source_id')
    .select(['fact.entity_id', 'fact.name', 'fact.value', 'source.label', 'fact.learnt_at as at'])
    .where('fact.name', 'in', Object.keys(FACTS))
    .where('fact.gone_at', 'is', null)
    .where('fact.entity_id', 'in', only)
    .execute()
}

async function eachFact(db: Db, take: (fact: ToldFact) => void): Promise<void> {
  const sources = await db.selectFrom('source').select(['id', 'label']).execute()
  const labels = new Map(sources.map(({ id, label }) => [id, label]))
  const columns = {
    entity: sql`entity_id`,
    name: sql`name`,
    value: sql`value`,
    source: sql`source_id`,
    at: sql`learnt_at`,
  }
  const meant = sql`name in (${sql.join(Object.keys(FACTS))}) and gone_at is null`
  for await (const page of columnPages(db, 'fact', columns, meant))
    for (let row = 0; row < page.count; row++)
      take({
        entity_id: page.entity[row]!,
        name: page.name[row]!,
        value: page.value[row]!,
        label: labels.get(page.source[row]!)!,
        at: Number(page.at[row]),
      })
}

/** Services of which it is a part, and workloads that run as it. */
async function usersById(
  db: Db,
  roots: Roots,
  only: readonly string[] | undefined,
): Promise<Map<string, Users>> {
  const found = new Map<string, Users>()
  const of = (id: string) => {
    const own = found.get(roots.of(id)) ?? { services: [], agents: [] }
    found.set(roots.of(id), own)
    return own
  }
  const use = ({ services }: Users, name: string, why: string) => {
    const known = services.find(one => one.name === name)
    if (known) known.why = why
    else services.push({ name, why })
  }
  let parts = db
    .selectFrom('edge')
    .innerJoin('entity as whole', 'whole.id', 'edge.to_id')
    .select(['edge.from_id', 'edge.why', 'whole.system', 'whole.native'])
    .where('edge.crossing', '=', 'part-of')
    .where('edge.gone_at', 'is', null)
  if (only) parts = parts.where('edge.from_id', 'in', only)
  for (const { from_id, why, system, native } of await parts.execute())
    if (system === 'backstage') use(of(from_id), native, why)
  let runs = db
    .selectFrom('edge')
    .innerJoin('entity as user', 'user.id', 'edge.from_id')
    .select(['edge.to_id', 'edge.why', 'user.kind', 'user.native'])
    .where('edge.crossing', 'in', ['runs-as', 'federates-into', 'logs-in-as'])
    .where('edge.gone_at', 'is', null)
    .where('user.type', '=', 'workload')
  if (only) runs = runs.where('edge.to_id', 'in', only)
  for (const { to_id, why, kind, native } of await runs.execute())
    if (AGENT_KINDS.has(kind)) of(to_id).agents.push(why)
    // Jobs of one repository, and pods of one deployment, are one user.
    else use(of(to_id), native.replace(/[#:@].*$/s, ''), why)
  return found
}

const AGENT_KINDS = new Set(['agent', 'mcp-server'])
