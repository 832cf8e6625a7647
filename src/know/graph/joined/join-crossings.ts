import { isDeepStrictEqual } from 'node:util'
import type { Certainty, Json } from '../../../core/contract/ref.ts'
import { CERTAINTIES, type Hop, type NodeType } from '../graph.ts'
import { type JoinedCrossing, type Premise, relationsOf } from './joined-crossing.ts'

/** What the rules are tried on. */
export interface Estate {
  /** What sources told of two things, and what follows from policies. */
  readonly told: readonly Hop[]
  /** The value of an entity's fact; undefined where no source tells it. */
  fact(entityId: string, name: string): Json | undefined
  /** Undefined where the entity is gone. */
  thing(entityId: string): Thing | undefined
}

interface Thing {
  readonly type: NodeType
  readonly system: string
  readonly kind: string
  readonly name: string
}

/** Rules build on each other only so deep: more rounds would be rules that feed themselves. */
const MOST_ROUNDS = 8

/** The relations that a rule's premises ask for. */
export function relationsAsked(rule: JoinedCrossing): string[] {
  return rule.premises.flatMap(premise => ('of' in premise ? [] : relationsOf(rule, premise)))
}

/** Every crossing that the rules give, the surest of each once. What one gives is told to the others. */
export function joinCrossings(estate: Estate, rules: readonly JoinedCrossing[]): Hop[] {
  const relations = new Relations(rules)
  for (const told of estate.told) relations.add(told.crossing, told)
  const given = new Map<string, Hop>()
  let grown: ReadonlySet<string> | undefined
  for (let round = 0; round < MOST_ROUNDS && grown?.size !== 0; round++) {
    const growing = new Set<string>()
    for (const rule of rules) {
      if (grown && !relationsAsked(rule).some(relation => grown!.has(relation))) continue
      for (const crossing of new Matching(estate, relations, rule).all()) {
        const key = `${rule.id} ${crossing.from} ${crossing.to}`
        const before = given.get(key)
        if (crossing.from === crossing.to || (before && !isSurer(crossing, before))) continue
        given.set(key, crossing)
        const relation = rule.gains.as ?? rule.id
        relations.add(relation, crossing)
        growing.add(relation)
      }
    }
    grown = growing
  }
  return [...given.values()]
}

function isSurer(a: Hop, b: Hop): boolean {
  return CERTAINTIES.indexOf(a.certainty) < CERTAINTIES.indexOf(b.certainty)
}

/** What is told, by relation and by either end; only the relations that some rule asks for are kept. */
class Relations {
  readonly #asked: ReadonlySet<string>
  readonly #all = new Map<string, Hop[]>()
  readonly #byEnd = new Map<string, Hop[]>()

  constructor(rules: readonly JoinedCrossing[]) {
    this.#asked = new Set(rules.flatMap(relationsAsked))
  }

  add(relation: string, told: Hop): void {
    if (!this.#asked.has(relation)) return
    push(this.#all, relation, told)
    push(this.#byEnd, `${relation} from ${told.from}`, told)
    push(this.#byEnd, `${relation} to ${told.to}`, told)
  }

  of(relation: string, from: string | undefined, to: string | undefined): readonly Hop[] {
    if (from !== undefined) return this.#byEnd.get(`${relation} from ${from}`) ?? []
    if (to !== undefined) return this.#byEnd.get(`${relation} to ${to}`) ?? []
    return this.#all.get(relation) ?? []
  }
}

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}

/** A premise of two things, with the relations of which any one makes it hold. */
interface RelatedPremise {
  readonly from: string
  readonly to: string
  readonly relations: readonly string[]
}
type FactPremise = Extract<Premise, { of: string }>

/** One rule tried on everything: its premises in order, each bound to what the ones before left open. */
class Matching {
  readonly #estate: Estate
  readonly #relations: Relations
  readonly #rule: JoinedCrossing
  /** Facts are asked once all things are known, so that a rule may say its premises in any order. */
  readonly #premises: readonly (RelatedPremise | FactPremise)[]
  readonly #bound = new Map<string, string>()
  readonly #conditions: string[] = []
  #weakest: Certainty

  constructor(estate: Estate, relations: Relations, rule: JoinedCrossing) {
    this.#estate = estate
    this.#relations = relations
    this.#rule = rule
    this.#weakest = rule.needs === undefined ? rule.certainty : weaker(rule.certainty, 'conditional')
    if (rule.needs !== undefined) this.#conditions.push(rule.needs)
    this.#premises = [
      ...rule.premises.flatMap(premise =>
        'of' in premise ? [] : [{ ...premise, relations: relationsOf(rule, premise) }],
      ),
      ...rule.premises.filter(premise => 'of' in premise),
    ]
  }

  /** All of them at once: what is looked through does not change meanwhile. */
  all(): Hop[] {
    return [...this.#from(0)]
  }

  /** With the premises from this place on. */
  *#from(at: number): Generator<Hop> {
    const premise = this.#premises[at]
    if (premise === undefined) yield this.#crossing()
    else if ('of' in premise) {
      const verdict = this.#factHolds(premise)
      if (verdict === true) yield* this.#from(at + 1)
      else if (verdict !== false) yield* this.#given('conditional', [verdict], at + 1)
    } else yield* this.#related(premise, at + 1)
  }

  *#related({ from, to, relations }: RelatedPremise, then: number): Generator<Hop> {
    const [source, target] = [this.#bound.get(from), this.#bound.get(to)]
    for (const relation of relations)
      for (const told of this.#relations.of(relation, source, target)) {
        if (target !== undefined && told.to !== target) continue
        if (from === to && told.from !== told.to) continue
        if (!this.#fits(from, told.from) || !this.#fits(to, told.to)) continue
        this.#bound.set(from, told.from).set(to, told.to)
        yield* this.#given(told.certainty, told.condition === undefined ? [] : [told.condition], then)
        if (source === undefined) this.#bound.delete(from)
        if (target === undefined) this.#bound.delete(to)
      }
  }

  *#given(certainty: Certainty, conditions: readonly string[], then: number): Generator<Hop> {
    const [weakest, count] = [this.#weakest, this.#conditions.length]
    this.#weakest = weaker(weakest, certainty)
    this.#conditions.push(...conditions)
    yield* this.#from(then)
    this.#conditions.length = count
    this.#weakest = weakest
  }

  #fits(name: string, entityId: string): boolean {
    const thing = this.#estate.thing(entityId)
    if (!thing) return false
    const { system = thing.system, type = thing.type, kind = [thing.kind] } = this.#rule.things[name] ?? {}
    return system === thing.system && type === thing.type && kind.includes(thing.kind)
  }

  /** What would have to be so, where that is not known. */
  #factHolds({ of, fact, is, includes, ifUnknown }: FactPremise): boolean | string {
    const value = this.#estate.fact(this.#bound.get(of)!, fact)
    if (value === undefined) return ifUnknown === undefined ? false : this.#named(ifUnknown)
    if (includes !== undefined)
      return Array.isArray(value) && value.some(member => isDeepStrictEqual(member, includes))
    return isDeepStrictEqual(value, is)
  }

  #crossing(): Hop {
    const { id, gains, why } = this.#rule
    const conditions = [...new Set(this.#conditions)]
    return {
      from: this.#bound.get(gains.from)!,
      to: this.#bound.get(gains.to)!,
      crossing: id,
      certainty: this.#weakest,
      ...(conditions.length > 0 && { condition: conditions.join('; ') }),
      why: this.#named(why),
    }
  }

  #named(text: string): string {
    return text.replace(/\{([a-z-]+)\}/g, (_, name: string) => {
      const id = this.#bound.get(name)
      return (id !== undefined && this.#estate.thing(id)?.name) || name
    })
  }
}

function weaker(a: Certainty, b: Certainty): Certainty {
  return CERTAINTIES.indexOf(a) > CERTAINTIES.indexOf(b) ? a : b
}
