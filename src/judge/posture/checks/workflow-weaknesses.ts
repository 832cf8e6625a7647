import { z } from 'zod'
import { weaknesses } from '../../../know/readers/github-workflow/weaknesses/all.ts'
import type { Weakness } from '../../../know/readers/github-workflow/weakness.ts'
import { type Check, type CheckContext, defineCheck } from '../check.ts'

const toldSchema = z.array(
  z.looseObject({ id: z.string(), line: z.number(), certainty: z.string(), why: z.string() }),
)
type Told = z.infer<typeof toldSchema>

/** What a reader of workflows found weak in a job or a workflow, as a check of each: what is not wrong for certain raises nothing. */
export const workflowWeaknesses: readonly Check[] = weaknesses
  .filter(({ severity }) => severity !== 'low')
  .map(weakness => checkOf(weakness) as Check)

function checkOf({ id, title, why, fix, severity, frameworks }: Weakness): Check<Told> {
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

/** Every job and workflow that stands. */
async function toldOf({ db }: CheckContext): Promise<Map<string, Told>> {
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
