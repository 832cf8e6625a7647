import pc from 'picocolors'
import { z } from 'zod'
import { countText } from '../../core/contract/count-text.ts'
import { readYamlFile } from '../../core/contract/yaml-file.ts'
import {
  type Assertion,
  type AssertionResult,
  assertionsSchema,
  checkAssertions,
} from '../../know/graph/assertions.ts'
import { loadCrossingRules } from '../../know/graph/crossing-rules.ts'
import { coverageOf } from '../../know/inventory/queries.ts'
import { type Coverage, coverageText } from './coverage.ts'
import { graphOf, hopLines } from './graph-view.ts'
import { defineOperation, type World } from './operation.ts'
import { AssertionProber, colour, idTokenField, type Probed, proberOf, triedLines } from './probing.ts'
import { called } from './subject.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  file: z.string().min(1).describe('a YAML file of what must not be reached'),
  probe: z
    .boolean()
    .default(false)
    .describe('try the ways hop by hop with a test credential, without changing anything'),
  idToken: idTokenField,
})
type Input = z.infer<typeof input>

interface Asserted {
  readonly assertions: readonly (AssertionResult & { readonly probed?: Probed })[]
  readonly coverage: Coverage
}

export const assert = defineOperation<Input, Asserted>({
  name: 'assert',
  summary: 'Check that what must not be reached is not; made for CI',
  permission: 'read',
  input: input as z.ZodType<Input>,
  positional: ['file'],
  examples: [
    {
      command: 'firebreak assert must-not-reach.yaml',
      shows: 'each assertion; exit code 1 and the way where one is broken',
    },
    {
      command: 'firebreak assert must-not-reach.yaml --probe < test-credential.txt',
      shows: 'beside what is predicted, what trying it showed',
    },
  ],
  run,
  text,
  // What could not be looked at is no pass.
  exitCode: ({ assertions }) => (assertions.every(({ state }) => state === 'holds') ? 0 : 1),
})

async function run(world: World, { file, probe, idToken }: Input): Promise<Asserted> {
  const assertions = await readAssertions(file)
  const rules = await loadCrossingRules(world.rulesDirectory)
  const graph = await graphOf(world, rules)
  const prober = probe
    ? new AssertionProber(world, graph, await proberOf(world, graph, rules, idToken))
    : undefined
  const results: Asserted['assertions'][number][] = []
  for (const [index, result] of (await checkAssertions(world.db, graph, assertions)).entries()) {
    const probed = await prober?.probe(assertions[index]!, result)
    const confirmed = probed?.pairs.filter(({ tried }) => tried === 'confirmed').length ?? 0
    results.push({
      ...result,
      ...(result.state === 'holds' &&
        confirmed > 0 && {
          state: 'broken',
          why: `${countText(confirmed, 'way was', 'ways were')} confirmed by trying`,
        }),
      ...(probed && { probed }),
    })
  }
  return { assertions: results, coverage: await coverageOf(world.db) }
}

async function readAssertions(file: string): Promise<readonly Assertion[]> {
  const { data } = await readYamlFile({
    file,
    schema: assertionsSchema,
    advice: 'must-not-reach is a list; each of it has a name, from and to: docs/graph.md has one',
  })
  return data['must-not-reach']
}

function text({ assertions, coverage }: Asserted, width: number): string {
  const lines = assertions.flatMap(({ name, state, why, broken, probed }) => {
    const tried = new Set(probed?.pairs.map(({ from, to }) => `${from} ${to}`))
    return [
      wrap(`${mark(state)} ${pc.bold(name)}: ${why}`, width, '', '  '),
      ...(probed?.why === undefined ? [] : [wrap(`not tried: ${probed.why}`, width, '  ', '    ')]),
      ...(probed?.pairs ?? []).flatMap(pair => [
        wrap(`from ${pair.from} to ${pair.to}, tried: ${colour(pair.tried)}`, width, '  ', '    '),
        ...pair.ways.flatMap(way => triedLines(way, width)),
      ]),
      ...broken
        .filter(({ from, to }) => !tried.has(`${called(from)} ${called(to)}`))
        .flatMap(({ from, to, way }) => [
          wrap(`${called(from)} gets to ${called(to)}, ${way.certainty}:`, width, '  ', '    '),
          ...hopLines(way.hops, width),
        ]),
    ]
  })
  return [...lines, '', coverageText(coverage, width)].join('\n')
}

function mark(state: AssertionResult['state']): string {
  if (state === 'holds') return pc.green('holds  ')
  return state === 'broken' ? pc.red('BROKEN ') : pc.yellow('unknown')
}
