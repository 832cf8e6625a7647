import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../../../src/core/contract/ref.ts'
import { isRelation, RELATIONS } from '../../../../src/core/contract/relations.ts'
import type { Hop } from '../../../../src/know/graph/graph.ts'
import {
  type Estate,
  joinCrossings,
  relationsAsked,
} from '../../../../src/know/graph/joined/join-crossings.ts'
import {
  type JoinedCrossing,
  joinedCrossingSchema,
  loadJoinedCrossings,
  type Premise,
  relationsOf,
} from '../../../../src/know/graph/joined/joined-crossing.ts'

const root = new URL('../../../../', import.meta.url).pathname
const rules = await loadJoinedCrossings(`${root}rules`)

/** In which each of the premises holds, by the alternative with this number; things are called as the rule calls them. */
function estateWith(rule: JoinedCrossing, premises: readonly Premise[], alternative = 0): Estate {
  const facts = new Map<string, Json>()
  const told: Hop[] = []
  for (const premise of premises)
    if ('of' in premise)
      facts.set(`${premise.of} ${premise.fact}`, (premise.is ?? [premise.includes!]) as Json)
    else {
      const relations = relationsOf(rule, premise)
      told.push({
        from: premise.from,
        to: premise.to,
        crossing: relations[alternative % relations.length]!,
        certainty: 'proven',
        why: 'told',
      })
    }
  return {
    told,
    fact: (id, name) => facts.get(`${id} ${name}`),
    thing(name) {
      const { system = 'any', type = 'resource', kind = ['any'] } = rule.things[name] ?? {}
      return { system, type, kind: kind[0]!, name }
    },
  }
}

const gained = (rule: JoinedCrossing, premises: readonly Premise[], alternative?: number) =>
  joinCrossings(estateWith(rule, premises, alternative), [rule]).filter(
    ({ from, to }) => from === rule.gains.from && to === rule.gains.to,
  )

describe.each(rules.map(rule => [rule.id, rule] as const))('%s', (_, rule) => {
  test('follows where all its premises hold, each in each of its ways', () => {
    const ways = Math.max(...rule.premises.map(one => ('of' in one ? 1 : relationsOf(rule, one).length)))
    for (let way = 0; way < ways; way++) {
      const [hop] = gained(rule, rule.premises, way)
      expect(hop).toMatchObject({
        certainty: rule.needs !== undefined && rule.certainty === 'proven' ? 'conditional' : rule.certainty,
      })
      expect(hop?.why).not.toMatch(/[{}]/)
    }
  })

  test('does not without any one of them, or says on what it depends', () => {
    for (const [index, premise] of rule.premises.entries()) {
      const [hop] = gained(rule, rule.premises.toSpliced(index, 1))
      if ('of' in premise && premise.ifUnknown !== undefined)
        expect(hop).toMatchObject({ condition: expect.any(String) })
      else expect(hop, JSON.stringify(premise)).toBeUndefined()
    }
  })
})

test('what rules ask for is told by something, and each relation is asked for', async () => {
  const asked = new Set(rules.flatMap(relationsAsked).filter(name => !name.startsWith('may ')))
  const given = new Set(rules.map(({ id, gains }) => gains.as ?? id))
  const sources = (await readdir(`${root}src`, { recursive: true })).filter(name => name.endsWith('.ts'))
  const texts = await Promise.all(sources.map(name => readFile(join(root, 'src', name), 'utf8')))
  // Whose a thing is, the judge concludes from relations, too.
  const judged = texts.filter((_, at) => sources[at]!.startsWith('judge/'))
  const isJudged = (name: string) => judged.some(text => text.includes(`'${name}'`))
  const told = (name: string) =>
    texts.some(text =>
      [`crossing: '${name}'`, `'${name}' as const`, `'${name}',`].some(said => text.includes(said)),
    )
  expect([...asked].filter(name => !given.has(name) && !told(name))).toEqual([])
  // What a catalog says that a service needs is shown, and nothing follows from it.
  expect(Object.keys(RELATIONS).filter(name => !asked.has(name) && !isJudged(name))).toEqual(['depends-on'])
})

describe('rules build on each other', () => {
  const rule = (text: object) =>
    joinedCrossingSchema.parse({ title: 't', why: 'w', references: ['https://a.test'], ...text })
  const hop = (from: string, crossing: string, to: string, more: Partial<Hop> = {}): Hop => ({
    from,
    to,
    crossing,
    certainty: 'proven',
    why: 'told',
    ...more,
  })
  const estate = (told: Hop[], facts: Record<string, Json> = {}): Estate => ({
    told,
    fact: (id, name) => facts[`${id} ${name}`],
    thing: name =>
      name === 'gone' ? undefined : { type: 'resource', system: 's', kind: name.slice(0, 1), name },
  })
  const closure = [
    rule({
      id: 'x-one',
      premises: [{ from: 'a', has: 'r', to: 'b' }],
      gains: { from: 'a', to: 'b', as: 'q' },
    }),
    rule({
      id: 'x-two',
      premises: [
        { from: 'a', has: 'q', to: 'b' },
        { from: 'b', has: 'q', to: 'c' },
      ],
      gains: { from: 'a', to: 'c', as: 'q' },
    }),
  ]

  test('until nothing new follows, in a cycle too', () => {
    const hops = joinCrossings(estate([hop('1', 'r', '2'), hop('2', 'r', '3'), hop('3', 'r', '1')]), closure)
    expect(new Set(hops.map(({ from, to }) => `${from}${to}`))).toEqual(
      new Set(['12', '23', '31', '13', '21', '32']),
    )
  })

  test('and are as sure as the least sure of what they build on, with every condition', () => {
    const hops = joinCrossings(
      estate([
        hop('1', 'r', '2', { certainty: 'conditional', condition: 'x' }),
        hop('2', 'r', '3', { certainty: 'potential' }),
      ]),
      closure,
    )
    expect(hops.find(({ from, to }) => from === '1' && to === '3')).toMatchObject({
      certainty: 'potential',
      condition: 'x',
    })
  })

  test('what is gone is in none', () => {
    expect(joinCrossings(estate([hop('1', 'r', 'gone'), hop('gone', 'r', '3')]), closure)).toEqual([])
  })

  test('a fact that says otherwise is no premise, one that nobody tells is a condition', () => {
    const guarded = rule({
      id: 'x-three',
      premises: [
        { from: 'a', has: 'r', to: 'b' },
        { of: 'b', fact: 'protected', is: false, ifUnknown: '{b} is not protected' },
      ],
      gains: { from: 'a', to: 'b' },
    })
    const told = [hop('1', 'r', '2')]
    expect(joinCrossings(estate(told, { '2 protected': true }), [guarded])).toEqual([])
    expect(joinCrossings(estate(told, { '2 protected': false }), [guarded])).toMatchObject([
      { certainty: 'proven' },
    ])
    expect(joinCrossings(estate(told), [guarded])).toMatchObject([
      { certainty: 'conditional', condition: '2 is not protected' },
    ])
  })

  test('a rule that names what no premise relates is refused', () => {
    const bad = { id: 'x-four', premises: [{ from: 'a', has: 'r', to: 'b' }], gains: { from: 'a', to: 'z' } }
    expect(() => rule(bad)).toThrow('no premise relates z')
  })
})

test('relations are no ways', () => {
  expect(isRelation('defined-in')).toBe(true)
  expect(isRelation('toString')).toBe(false)
})
