import { z } from 'zod'
import type { WeaknessText } from '../../../know/readers/weakness.ts'
import { allWeaknesses } from '../../../know/readers/weaknesses.ts'
import { type Check, type CheckContext, defineCheck, oncePerRun } from '../check.ts'

const toldSchema = z.array(
  z.looseObject({ id: z.string(), line: z.number(), certainty: z.string(), why: z.string() }),
)
type Told = z.infer<typeof toldSchema>

/** What a reader found weak in a job, another workload or a file, as a check of each: what is not wrong for certain raises nothing. */
export const weaknessChecks: readonly Check[] = allWeaknesses
  .filter(({ severity }) => severity !== 'low')
  .map(weakness => checkOf(weakness) as Check)

function checkOf({ id, title, why, fix, severity, frameworks }: WeaknessText): Check<Told> {
  return defineCheck<Told>({
    id,
    title,
    why,
    fix,
    severity,
    frameworks,
    population: async context => (await weak(context)).told,
    async find(context, population) {
      const found = (await weak(context)).byWeakness.get(id) ?? []
      return found.flatMap(entityId => {
        const own = population.get(entityId)!.filter(one => one.id === id && one.certainty !== 'potential')
        if (own.length === 0) return []
        const lines = own.map(one => `line ${one.line}: ${one.why}`)
        return [{ entityId, outcome: 'fails' as const, why: lines.join('; ') }]
      })
    },
  })
}

interface Weak {
  /** Of every job that stands, and of what else something weak was found in. */
  readonly told: ReadonlyMap<string, Told>
  /** Which have some weakness. */
  readonly byWeakness: ReadonlyMap<string, readonly string[]>
}

/** Read once for all of them. */
const weak = oncePerRun(async ({ db }): Promise<Weak> => {
  const told = await toldIn(db)
  const byWeakness = new Map<string, string[]>()
  for (const [entityId, own] of told)
    for (const id of new Set(own.map(one => one.id))) {
      const others = byWeakness.get(id)
      if (others) others.push(entityId)
      else byWeakness.set(id, [entityId])
    }
  return { told, byWeakness }
})

async function toldIn(db: CheckContext['db']): Promise<Map<string, Told>> {
  const there = () => db.selectFrom('entity').where('entity.gone_at', 'is', null).orderBy('entity.id')
  const jobs = await there().select('entity.id').where('entity.kind', '=', 'job').execute()
  const told = await there()
    .innerJoin('fact', 'fact.entity_id', 'entity.id')
    .select(['entity.id', 'fact.value'])
    .where('fact.name', '=', 'weaknesses')
    .where('fact.gone_at', 'is', null)
    .execute()
  const found = new Map<string, Told>(jobs.map(({ id }) => [id, []]))
  for (const { id, value } of told) found.set(id, toldSchema.catch([]).parse(JSON.parse(value)))
  return found
}
