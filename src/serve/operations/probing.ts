import pc from 'picocolors'
import { z } from 'zod'
import { tokenInFile } from '../../act/broker/client/platform-token.ts'
import type { Tried } from '../../core/contract/probe.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { fingerprint } from '../../core/keys/fingerprint.ts'
import { secretAt } from '../../know/connections/config.ts'
import { type Assertion, type AssertionResult, checkAssertions } from '../../know/graph/assertions.ts'
import type { CrossingRules } from '../../know/graph/crossing-rules.ts'
import { type Graph, CERTAINTIES } from '../../know/graph/graph.ts'
import { Prober, type Tester, type TriedWay } from '../../know/graph/probe.ts'
import { ways } from '../../know/graph/search.ts'
import { hopViews, nodeViews } from '../../know/graph/views.ts'
import { credentialsByFingerprint } from '../../know/inventory/queries.ts'
import type { World } from './operation.ts'
import { called, credentialsOfIdentity, subjectOf } from './subject.ts'
import { wrap } from './wrap.ts'

/** Of what both commands that try hops take. */
export const idTokenField = z
  .string()
  .min(1)
  .optional()
  .describe('with --probe: a file with the OpenID Connect token of a job that was run for the test')

/** `idTokenFile`: what a cloud takes that trusts a pipeline. */
export async function proberOf(
  world: World,
  graph: Graph,
  rules: CrossingRules,
  idTokenFile: string | undefined,
): Promise<Prober> {
  const { db, keys, io, connections } = world
  const idToken = idTokenFile === undefined ? undefined : await tokenInFile(idTokenFile)
  const nodeOf = async (id: string) => (await nodeViews(db, graph, [graph.ids.numberOf(id)!]))[0]!
  return new Prober({ db, keys, io, connections, crossings: rules, nodeOf, ...(idToken && { idToken }) })
}

/** What was tried of one pair of an assertion. */
interface TriedPair {
  readonly from: string
  readonly to: string
  readonly tried: Tried['state']
  readonly ways: readonly TriedWay[]
}

export interface Probed {
  readonly pairs: readonly TriedPair[]
  /** Why nothing was tried. */
  readonly why?: string
}

/** Of an assertion this many pairs are tried, and of each pair this many ways, until one is confirmed. */
const MOST_PAIRS = 10
const MOST_WAYS = 3

/** Tries assertions with test credentials. The one on standard input is asked for once, and only where it is needed. */
export class AssertionProber {
  readonly #world: World
  readonly #graph: Graph
  readonly #prober: Prober
  #asked: Promise<Secret> | undefined

  constructor(world: World, graph: Graph, prober: Prober) {
    this.#world = world
    this.#graph = graph
    this.#prober = prober
  }

  /**
   * What is predicted to be broken, and, where nothing is, ways over hops that are less certain than the assertion counts:
   * one that is confirmed breaks it all the same. What is refused acquits of nothing: it was tried from one place, once.
   */
  async probe(assertion: Assertion, result: AssertionResult): Promise<Probed> {
    if (result.state === 'unknown') return { pairs: [], why: result.why }
    const looked =
      result.state === 'broken'
        ? result
        : (
            await checkAssertions(this.#world.db, this.#graph, [
              { ...assertion, certainty: CERTAINTIES.at(-1)! },
            ])
          )[0]!
    if (looked.broken.length === 0) return { pairs: [], why: 'there is no way to try' }
    const tester = await this.#testerOf(assertion)
    const pairs: TriedPair[] = []
    const mine = looked.broken.filter(({ from }) => !isHeld(from.type) || tester.is(from.id))
    for (const { from, to } of mine.slice(0, MOST_PAIRS)) {
      const tried = await this.#tryPair(from.id, to.id, isHeld(from.type) ? tester : undefined)
      pairs.push({ from: called(from), to: called(to), ...tried })
    }
    if (pairs.length > 0) return { pairs }
    const starts = [...new Set(looked.broken.map(({ from }) => called(from)))].slice(0, 3).join(', ')
    return {
      pairs,
      why: `the test credential is of none that a way begins with (${starts}); say whose it is with probe: as`,
    }
  }

  async #tryPair(from: string, to: string, tester: Tester | undefined) {
    const { ids } = this.#graph
    const [a, b] = [ids.numberOf(from)!, ids.numberOf(to)!]
    const tried: TriedWay[] = []
    for (const { edges } of ways(this.#graph, a, b, MOST_WAYS)) {
      const hops = await hopViews(this.#world.db, this.#graph, edges)
      tried.push(await this.#prober.tryWay(hops, tester))
      if (tried.at(-1)!.tried === 'confirmed') break
    }
    const best = ['confirmed', 'unknown', 'not-tried', 'refused'] as const
    return { ways: tried, tried: best.find(state => tried.some(way => way.tried === state))! }
  }

  async #testerOf({ probe }: Assertion): Promise<Tester & { is(id: string): boolean }> {
    const { db, keys } = this.#world
    if (!probe) {
      const secret = await (this.#asked ??= this.#world.readSecret('test credential: '))
      const known = await credentialsByFingerprint(db, keys, fingerprint(keys.fingerprint, secret))
      const ids = new Set(known.flatMap(({ id, identity }) => [id, ...(identity ? [identity.id] : [])]))
      return { secret, is: id => ids.has(id) }
    }
    const subject = await subjectOf(this.#world, probe.as)
    const secret =
      probe.secret === undefined
        ? await (this.#asked ??= this.#world.readSecret(`test credential of ${probe.as}: `))
        : await secretAt(probe.secret)
    if (subject.type !== 'credential') {
      const own = new Set([subject.id, ...(await credentialsOfIdentity(this.#world, subject.id))])
      return { secret, is: id => own.has(id) }
    }
    const rows = await db
      .selectFrom('credential')
      .select('identity_id')
      .where('entity_id', '=', subject.id)
      .execute()
    const own = new Set([subject.id, ...rows.flatMap(({ identity_id }) => identity_id ?? [])])
    return { secret, credential: subject.id, is: id => own.has(id) }
  }
}

/** Who begins with one of these has to hold its credential; a place is read with our own right. */
export function isHeld(type: string): boolean {
  return type === 'credential' || type === 'identity'
}

/** Each hop, with what was predicted and below it what trying it showed. */
export function triedLines({ login, hops }: TriedWay, width: number): string[] {
  const tried = (state: Tried['state'], why: string) =>
    wrap(`tried ${' '.repeat(4)}${colour(state)}: ${why}`, width, '        ', '                  ')
  return [
    ...(login
      ? [wrap('0. The test credential is of whom the way begins with.', width, '     ', '        ')]
      : []),
    ...(login ? [tried(login.tried, login.why)] : []),
    ...hops.flatMap((hop, index) => {
      const condition = hop.condition === undefined ? '' : `, if ${hop.condition}`
      return [
        wrap(`${index + 1}. ${hop.why} [${hop.crossing}]`, width, '     ', '        '),
        wrap(`predicted ${hop.certainty}${condition}`, width, '        ', '                  '),
        tried(hop.tried, hop.triedWhy),
      ]
    }),
  ]
}

export function colour(state: Tried['state']): string {
  if (state === 'confirmed') return pc.red(state)
  return state === 'refused' ? pc.green(state) : pc.yellow(state.replace('-', ' '))
}
