import { z } from 'zod'
import type { WeaknessText } from '../../../know/readers/weakness.ts'
import { allWeaknesses } from '../../../know/readers/weaknesses.ts'
import { type Check, type CheckContext, defineCheck } from '../check.ts'

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
    population: toldOf,
    async find(_, population) {
      return [...population].flatMap(([entityId, told]) => {
        const own = told.filter(one => one.id === id && one.certainty !== 'potential')
        if (own.length === 0) return []
        const lines = own.map(one => `line ${one.line}: ${one.why}`)
        return [{ entityId, outcome: 'fails' as const, why: lines.join('; ') }]
      })
    },
  })
}

/** Of every job that stands, and of what else something weak was found in: asked once for all the checks of a run. */
const asked = new WeakMap<CheckContext['db'], Promise<Map<string, Told>>>()

function toldOf({ db }: CheckContext): Promise<Map<string, Told>> {
  const known = asked.get(db) ?? askFor(db)
  asked.set(db, known)
  return known
}

async function askFor(db: CheckContext['db']): Promise<Map<string, Told>> {
  const rows = await db
    .selectFrom('entity')
    .leftJoin('fact', join =>
      join
        .onRef('fact.entity_id', '=', 'entity.id')
        .on('fact.name', '=', 'weaknesses')
        .on('fact.gone_at', 'is', null),
    )
    .select(['entity.id', 'fact.value'])
    .where('entity.gone_at', 'is', null)
    .where(({ or, eb }) => or([eb('entity.kind', '=', 'job'), eb('fact.value', 'is not', null)]))
    .orderBy('entity.id')
    .execute()
  return new Map(
    rows.map(({ id, value }) => [id, value === null ? [] : toldSchema.catch([]).parse(JSON.parse(value))]),
  )
}
