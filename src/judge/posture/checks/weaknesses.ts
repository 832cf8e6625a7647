import { z } from 'zod'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { sameRepositories } from '../../../know/inventory/same-repository.ts'
import type { WeaknessText } from '../../../know/readers/weakness.ts'
import { type WeaknessFamily, weaknessFamilies } from '../../../know/readers/weaknesses.ts'
import { type Check, type CheckContext, defineCheck, oncePerRun } from '../check.ts'

const toldSchema = z.array(
  z.looseObject({ id: z.string(), line: z.number(), certainty: z.string(), why: z.string() }),
)
type Told = z.infer<typeof toldSchema>

/** What a reader found weak in a job, another workload or a file, as a check of each: what is not wrong for certain raises nothing. */
export const weaknessChecks: readonly Check[] = weaknessFamilies.flatMap(family =>
  family.weaknesses
    .filter(({ severity }) => severity !== 'low')
    .map(weakness => checkOf(weakness, family) as Check),
)

function checkOf(
  { id, title, why, fix, severity, frameworks }: WeaknessText,
  family: WeaknessFamily,
): Check<Told> {
  return defineCheck<Told>({
    id,
    title,
    why,
    fix,
    severity,
    frameworks,
    async population(context) {
      const { told, byFamily, byWeakness } = await weak(context)
      const own = byFamily.get(family)!
      // A file is told of where something is weak in it.
      const others = (byWeakness.get(id) ?? []).filter(entityId => !own.has(entityId))
      return others.length === 0
        ? own
        : new Map([...own, ...others.map(one => [one, told.get(one)!] as const)])
    },
    async find(context, population) {
      const found = (await weak(context)).byWeakness.get(id) ?? []
      return found.flatMap(entityId => {
        const own = population.get(entityId)!.filter(one => one.id === id && one.certainty !== 'potential')
        if (own.length === 0) return []
        const lines = own.map(one => `line ${one.line}: ${one.why}`)
        return [{ entityId, outcome: 'fails' as const, why: [...new Set(lines)].join('; ') }]
      })
    },
  })
}

interface Weak {
  /** What readers hold against weaknesses, and what else something weak was found in. */
  readonly told: ReadonlyMap<string, Told>
  readonly byFamily: ReadonlyMap<WeaknessFamily, ReadonlyMap<string, Told>>
  /** Which have some weakness. */
  readonly byWeakness: ReadonlyMap<string, readonly string[]>
}

/** Read once for all of them. */
const weak = oncePerRun(async ({ db }): Promise<Weak> => {
  const rows = await rowsIn(db)
  const told = new Map(rows.map(({ id, told }) => [id, told]))
  const byFamily = new Map(
    weaknessFamilies.map(family => [
      family,
      new Map(rows.filter(row => isOf(family, row)).map(({ id, told }) => [id, told])),
    ]),
  )
  const byWeakness = new Map<string, string[]>()
  for (const [entityId, own] of told)
    for (const id of new Set(own.map(one => one.id))) {
      const others = byWeakness.get(id)
      if (others) others.push(entityId)
      else byWeakness.set(id, [entityId])
    }
  return { told, byFamily, byWeakness }
})

interface WeakRow {
  readonly id: string
  readonly kind: string
  readonly runtime: unknown
  readonly told: Told
}

function isOf({ kinds, runtimes, besides }: WeaknessFamily, { kind, runtime }: WeakRow): boolean {
  if (besides?.includes(kind)) return true
  return kinds.includes(kind) && (runtimes?.some(one => one === runtime) ?? true)
}

const KINDS = [...new Set(weaknessFamilies.flatMap(({ kinds, besides = [] }) => [...kinds, ...besides]))]

/** Of what a clone and its working tree both tell, what either does. */
async function rowsIn(db: CheckContext['db']): Promise<WeakRow[]> {
  const rootOf = await rootsOf(db)
  const there = () => db.selectFrom('entity').where('entity.gone_at', 'is', null).orderBy('entity.id')
  const held = await there().select(['id', 'kind']).where('kind', 'in', KINDS).execute()
  const factsNamed = (name: string) =>
    there()
      .innerJoin('fact', 'fact.entity_id', 'entity.id')
      .select(['entity.id', 'entity.kind', 'fact.value'])
      .where('fact.name', '=', name)
      .where('fact.gone_at', 'is', null)
      .execute()
  const told = await factsNamed('runtime')
  const runtimes = new Map(told.map(({ id, value }) => [rootOf(id), JSON.parse(value)]))
  const rows = new Map<string, WeakRow>()
  const keep = (id: string, kind: string, weaknesses: Told) => {
    const root = rootOf(id)
    const before = rows.get(root)?.told ?? []
    rows.set(root, { id: root, kind, runtime: runtimes.get(root), told: [...before, ...weaknesses] })
  }
  for (const { id, kind } of held) keep(id, kind, [])
  for (const { id, kind, value } of await factsNamed('weaknesses'))
    keep(id, kind, toldSchema.catch([]).parse(JSON.parse(value)))
  return [...rows.values()]
}

/** A file of a working tree is, of what is weak in it, the clone's of that name: they are no one thing, since each is written where it lies. */
async function rootsOf(db: CheckContext['db']): Promise<(id: string) => string> {
  const roots = await loadRoots(db)
  const same = await sameRepositories(db)
  if (same.length === 0) return roots.of
  const keyOf = (instance: { system: string; instance: string }, native: string) =>
    JSON.stringify([instance.system, instance.instance, native])
  const files = await db
    .selectFrom('entity')
    .select(['id', 'system', 'instance', 'native'])
    .where('kind', '=', 'file')
    .where('gone_at', 'is', null)
    .where('merged_into', 'is', null)
    .execute()
  const byKey = new Map(files.map(file => [keyOf(file, file.native), file.id]))
  const into = new Map(same.map(({ of, is }) => [keyOf(of, ''), is]))
  const clones = new Map<string, string>()
  for (const file of files) {
    const clone = into.get(keyOf(file, ''))
    const found = clone && byKey.get(keyOf(clone, file.native))
    if (found !== undefined) clones.set(file.id, found)
  }
  return id => clones.get(id) ?? roots.of(id)
}
