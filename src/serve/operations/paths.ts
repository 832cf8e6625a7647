import pc from 'picocolors'
import { z } from 'zod'
import { loadCrossingRules } from '../../know/graph/crossing-rules.ts'
import type { TriedWay } from '../../know/graph/probe.ts'
import { ways } from '../../know/graph/search.ts'
import { coverageOf } from '../../know/inventory/queries.ts'
import { type Coverage, coverageText } from './coverage.ts'
import { graphOf, hopLines, type NamedHop, namedHops } from './graph-view.ts'
import { defineOperation, type World } from './operation.ts'
import { FORMATS, picture } from './picture.ts'
import { colour, idTokenField, isHeld, proberOf, triedLines } from './probing.ts'
import { type Named, subjectOf } from './subject.ts'

const input = z.object({
  from: z.string().min(1).describe('a credential or identity that someone holds'),
  to: z.string().min(1).describe('what they may get to'),
  most: z.int().min(1).max(100).default(3).describe('how many ways to show'),
  probe: z
    .boolean()
    .default(false)
    .describe('try them hop by hop with a test credential, without changing anything'),
  idToken: idTokenField,
  format: z.enum(FORMATS).default('text').describe('as sentences, or as a picture'),
})
type Input = z.infer<typeof input>

interface Paths {
  readonly from: Named
  readonly to: Named
  readonly ways: readonly {
    readonly certainty: string
    readonly hops: readonly NamedHop[]
    readonly probed?: TriedWay
  }[]
  readonly coverage: Coverage
  readonly format: Input['format']
}

export const paths = defineOperation<Input, Paths>({
  name: 'paths',
  summary: 'Show the ways from one thing to another, hop by hop',
  permission: 'read',
  input: input as z.ZodType<Input>,
  positional: ['from', 'to'],
  examples: [
    {
      command: 'firebreak paths app_rw reporting',
      shows: 'the surest and shortest ways, each hop with its reason',
    },
    {
      command: 'firebreak paths app_rw reporting --format html > way.html',
      shows: 'a picture for a browser',
    },
    {
      command: 'firebreak paths app_rw reporting --probe',
      shows: 'asks for the credential of app_rw without echo, and tries each hop',
    },
  ],
  run,
  text,
  json: ({ from, to, ways, coverage }) => ({ from, to, ways, coverage }),
})

async function run(world: World, { from, to, most, format, probe, idToken }: Input): Promise<Paths> {
  const [start, end] = [await subjectOf(world, from), await subjectOf(world, to)]
  const rules = await loadCrossingRules(world.rulesDirectory)
  const graph = await graphOf(world, rules)
  const [a, b] = [graph.ids.numberOf(start.id), graph.ids.numberOf(end.id)]
  const found = a === undefined || b === undefined ? [] : ways(graph, a, b, most)
  const prober = probe && found.length > 0 ? await proberOf(world, graph, rules, idToken) : undefined
  const tester =
    prober && isHeld(start.type)
      ? { secret: await world.readSecret(`test credential of ${from}: `) }
      : undefined
  const shown: Paths['ways'][number][] = []
  for (const { certainty, edges } of found) {
    const hops = await namedHops(world.db, graph, edges)
    const probed = await prober?.tryWay(hops, tester)
    shown.push({ certainty, hops, ...(probed && { probed }) })
  }
  return {
    from: start,
    to: end,
    ways: shown,
    coverage: await coverageOf(world.db),
    format,
  }
}

function text({ from, to, ways, coverage, format }: Paths, width: number): string {
  const [start, end] = [from.names[0] ?? from.ref, to.names[0] ?? to.ref]
  if (format !== 'text') {
    const hops = new Map(
      ways.flatMap(way => way.hops).map(hop => [`${hop.from} ${hop.to} ${hop.crossing}`, hop]),
    )
    return picture(format, `From ${start} to ${end}`, [...hops.values()])
  }
  if (ways.length === 0)
    return [pc.bold(`No way is known from ${start} to ${end}.`), '', coverageText(coverage, width)].join('\n')
  const blocks = ways.flatMap(({ certainty, hops, probed }, index) => [
    pc.bold(`Way ${index + 1}, ${certainty}${probed ? `, tried: ${colour(probed.tried)}` : ''}:`),
    ...(probed ? triedLines(probed, width) : hopLines(hops, width)),
    '',
  ])
  return [...blocks, coverageText(coverage, width)].join('\n')
}
