import pc from 'picocolors'
import { z } from 'zod'
import { CERTAINTIES } from '../../know/graph/graph.ts'
import { premiseText } from '../../know/graph/joined/joined-crossing.ts'
import { smallestCut } from '../../know/graph/search.ts'
import { coverageOf } from '../../know/inventory/queries.ts'
import { type CrossingRules, loadCrossingRules } from '../../know/graph/crossing-rules.ts'
import { type Coverage, coverageText } from './coverage.ts'
import { graphOf, hopLines, type NamedHop, namedHops } from './graph-view.ts'
import { defineOperation, type World } from './operation.ts'
import { type Named, subjectOf } from './subject.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  from: z.string().min(1).describe('a credential or identity that someone holds'),
  to: z.string().min(1).describe('what they must not get to'),
  certainty: z
    .enum(['proven', 'conditional', 'potential'])
    .default('conditional')
    .describe('the most uncertain hops that count'),
  most: z.int().min(1).max(10_000).default(200).describe('give up where more would have to be cut'),
})
type Input = z.infer<typeof input>

interface Cut {
  readonly from: Named
  readonly to: Named
  /** Null where more than `most` hops would have to go. */
  readonly cut: readonly NamedHop[] | null
  /** What to take away so that a hop is none: any one of its premises. */
  readonly premises: Readonly<Record<string, readonly string[]>>
  /**
   * Whether no smaller set of changes does. Where a hop has several premises, one change may end several hops: then the
   * cut is only irredundant.
   */
  readonly smallest: boolean
  readonly coverage: Coverage
}

export const cut = defineOperation<Input, Cut>({
  name: 'cut',
  summary: 'Show which hops to take away so that one thing no longer leads to another',
  permission: 'read',
  input: input as z.ZodType<Input>,
  positional: ['from', 'to'],
  examples: [
    {
      command: 'firebreak cut app_rw reporting',
      shows: 'a set of hops without which there is no way, none to spare',
    },
  ],
  run,
  text,
})

async function run(world: World, { from, to, certainty, most }: Input): Promise<Cut> {
  const [start, end] = [await subjectOf(world, from), await subjectOf(world, to)]
  const rules = await loadCrossingRules(world.rulesDirectory)
  const graph = await graphOf(world, rules)
  const [a, b] = [graph.ids.numberOf(start.id), graph.ids.numberOf(end.id)]
  const found =
    a === undefined || b === undefined || a === b
      ? []
      : smallestCut(graph, a, b, CERTAINTIES.indexOf(certainty), most)
  const premisesOf = premisesById(rules)
  const hops = found ? await namedHops(world.db, graph, found) : null
  const premises = Object.fromEntries(
    (hops ?? []).flatMap(hop => {
      const known = premisesOf.get(hop.crossing)
      return known ? [[hop.crossing, known]] : []
    }),
  )
  return {
    from: start,
    to: end,
    cut: hops,
    premises,
    smallest: graph.kinds.every(({ crossing }) => (premisesOf.get(crossing)?.length ?? 1) === 1),
    coverage: await coverageOf(world.db),
  }
}

/** What each rule's crossing ends without, in its own words. */
function premisesById({ aws, joined }: CrossingRules): Map<string, string[]> {
  return new Map([
    ...aws.map(({ id, premises }) => [id, premises.map(({ action }) => action)] as const),
    ...joined.map(({ id, premises }) => [id, premises.map(premiseText)] as const),
  ])
}

function text({ from, to, cut, premises, smallest, coverage }: Cut, width: number): string {
  const [start, end] = [from.names[0] ?? from.ref, to.names[0] ?? to.ref]
  const lines =
    cut === null
      ? [pc.bold(`More hops than asked for lie between ${start} and ${end}: raise --most.`)]
      : cut.length === 0
        ? [pc.bold(`No way is known from ${start} to ${end}: nothing to cut.`)]
        : [
            pc.bold(wrap(`Without these, ${start} no longer leads to ${end}:`, width, '', '')),
            ...hopLines(cut, width),
            ...Object.entries(premises).map(([id, actions]) =>
              wrap(`${id} ends without any one of: ${actions.join(', ')}`, width, '     ', '       '),
            ),
            '',
            wrap(
              smallest
                ? 'No fewer hops would do.'
                : 'None of these can be left out. One change may end several hops that share a premise, so fewer changes than hops may do.',
              width,
              '',
              '',
            ),
          ]
  return [...lines, '', coverageText(coverage, width)].join('\n')
}
