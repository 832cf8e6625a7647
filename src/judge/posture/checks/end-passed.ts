import { countText } from '../../../core/contract/count-text.ts'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { type CheckContext, defineCheck, type Judgement } from '../check.ts'
import { noted, type Profiled } from './required.ts'
import { credentialRows, since, timeOf, usable } from './told.ts'

const MOST_LETTERS = 200

/** An identity of which a tag or a person says when it ends. */
export const endPassed = defineCheck<Profiled>({
  id: 'end-passed',
  title: 'An identity is past its end, and its credential is not gone',
  why: 'Whoever gave it an end does not watch it any more: it is nobody’s from that day on, and lets in whoever has it.',
  fix: 'Remove it: firebreak offboard IDENTITY; or say until when it is needed: firebreak set IDENTITY expiry DATE.',
  severity: 'high',
  frameworks: ['NHI1:2025', 'NHI7:2025'],
  async population(context) {
    const all = [...(await noted(context))]
    return new Map(all.filter(([, { profile }]) => profile.expiry !== undefined))
  },
  async find(context, population) {
    if (population.size === 0) return []
    const watched = await toldByWatch(context)
    const standing = Map.groupBy((await usable(context)).values(), ({ identityId }) => identityId ?? '')
    const roots = await loadRoots(context.db)
    const had = new Set((await credentialRows(context)).map(({ identityId = '' }) => roots.of(identityId)))
    return [...population].flatMap(([id, { profile }]): Judgement[] => {
      const { value, why } = profile.expiry!
      if (value === 'never') return []
      const end = timeOf(value)
      if (end === undefined)
        return [{ entityId: id, outcome: 'unknown', why: `its end, “${value}”, is no date: ${why}` }]
      if (end > context.now) return []
      const ended = `it ended on ${since(end, context.now)} (${why})`
      const count = standing.get(id)?.length ?? 0
      // What only a file declares may have one of which nothing tells.
      if (count === 0)
        return had.has(id)
          ? []
          : [{ entityId: id, outcome: 'unknown', why: `${ended}, and nothing tells of any credential of it` }]
      const told = `${ended}, and ${countText(count, 'credential stands', 'credentials stand')}`
      return [{ entityId: id, outcome: 'fails', why: `${told}${watched.get(id) ?? ''}` }]
    })
  },
})

/** What a watch that is to remove it has told of it last: when it goes, or why it was left alone. */
async function toldByWatch({ db }: CheckContext): Promise<ReadonlyMap<string, string>> {
  const rows = await db
    .selectFrom('automation')
    .select(['entity_id', 'told'])
    .where('action', '=', 'expire')
    .where('ended_at', 'is', null)
    .where('told', 'is not', null)
    .execute()
  return new Map(rows.map(({ entity_id, told }) => [entity_id, `; a watch says of it: ${cut(told!)}`]))
}

function cut(text: string): string {
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}…` : text
}
