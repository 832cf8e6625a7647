import type { Ms } from '../../core/contract/ref.ts'
import { type Party, type People, slugOf } from './people.ts'

/** What kind of sign it is: two of one kind say little more than one does. */
export type SignKind = 'confirmed' | 'tag' | 'catalog' | 'code' | 'author' | 'deployer' | 'name' | 'sibling'

/** One thing that speaks for an owner. `owner` is as it was written. */
export interface Sign {
  readonly owner: string
  readonly kind: SignKind
  /** Where it was found, as a person reads it. */
  readonly source: string
  /** 0…1 */
  readonly weight: number
  readonly at?: Ms
}

export interface Candidate {
  readonly party: Party
  /** 0…1, from all that speaks for them. */
  readonly weight: number
  readonly signs: readonly Sign[]
}

/**
 * - `confirmed`: a person said so; `confident`: what speaks for one outweighs all else; `likely`: something speaks for one
 * - `conflict`: nearly as much speaks for another
 * - `departed`: whoever it was left; `orphan`: nothing speaks for anyone who is known
 */
export type OwnershipState = 'confirmed' | 'confident' | 'likely' | 'conflict' | 'departed' | 'orphan'

export interface Ownership {
  readonly state: OwnershipState
  /** Exactly one answers for response, where anyone does; of a conflict it is the likelier one. */
  readonly answers?: Party
  /** All of them, the likeliest first; those in the team that answers are no rivals of it. */
  readonly candidates: readonly Candidate[]
  /** Signs that name nobody who is known. */
  readonly unresolved: readonly Sign[]
}

/** Less than this is a hint. */
const CONFIDENT = 0.6
/** How many times likelier it must be than the next one. */
const SURER = 3
const RIVAL = 0.45
/** What a person is worth for the team that they are in, and for that which they left. */
const FOR_TEAM = 0.85
const FOR_LAST_TEAM = 0.35
const LEFT = 0.5

interface Gathered {
  readonly party: Party
  readonly signs: Sign[]
  readonly doubts: Map<SignKind, number>
}

/** Whose it is, by everything that speaks for anyone. Pure. */
export function weigh(signs: readonly Sign[], people: People): Ownership {
  const confirmed = signs.filter(({ kind }) => kind === 'confirmed')
  const by = new Map<string, Gathered>()
  const unresolved: Sign[] = []
  const add = (party: Party, sign: Sign, weight: number) => {
    const found: Gathered = by.get(party.key) ?? { party, signs: [], doubts: new Map() }
    by.set(party.key, found)
    found.signs.push(sign)
    const before = found.doubts.get(sign.kind) ?? 0
    // A second sign of one kind is no independent one.
    found.doubts.set(sign.kind, Math.max(before, weight) + Math.min(before, weight) * 0.15)
  }
  for (const sign of withoutRepeated(signs)) {
    const party = people.resolve(sign.owner) ?? partyAsWritten(people, sign)
    if (!party) {
      unresolved.push(sign)
      continue
    }
    add(party, sign, sign.weight)
    if (party.kind === 'person')
      for (const key of party.teams) {
        const team = people.get(key)
        if (team)
          add(team, sign, sign.weight * (party.hasLeft ? FOR_LAST_TEAM : FOR_TEAM / party.teams.length))
      }
  }
  const candidates = [...by.values()]
    .map(({ party, signs, doubts }): Candidate => {
      const doubt = [...doubts.values()].reduce((left, weight) => left * (1 - Math.min(0.98, weight)), 1)
      return { party, weight: 1 - doubt, signs }
    })
    .sort((a, b) => b.weight - a.weight || (a.party.key < b.party.key ? -1 : 1))
  const word = confirmed.at(-1)
  if (word) return fromWord(word, people, candidates, unresolved)
  return judged(candidates, unresolved)
}

/** What a clone and its working tree, or a system and its export, both tell is said once: the weightiest of those that read the same. */
function withoutRepeated(signs: readonly Sign[]): Iterable<Sign> {
  const found = new Map<string, Sign>()
  for (const sign of signs) {
    const key = `${sign.kind}\n${sign.owner}\n${sign.source}`
    const before = found.get(key)
    if (!before || before.weight < sign.weight) found.set(key, sign)
  }
  return found.values()
}

function fromWord(
  word: Sign,
  people: People,
  candidates: readonly Candidate[],
  unresolved: readonly Sign[],
): Ownership {
  const party = people.resolve(word.owner) ?? partyAsWritten(people, word)!
  if (party.hasLeft) return { state: 'departed', answers: party, candidates, unresolved }
  return { state: 'confirmed', answers: party, candidates, unresolved }
}

function judged(candidates: readonly Candidate[], unresolved: readonly Sign[]): Ownership {
  const there = candidates.filter(({ party }) => !party.hasLeft)
  const gone = candidates.find(({ party }) => party.hasLeft)
  const own = (one: Candidate) => one.signs.some(({ kind }) => kind === 'name')
  // What bears a person's name is that person's.
  const named = candidates.find(one => one.party.kind === 'person' && own(one) && one.weight >= RIVAL)
  const teams = there.filter(({ party }) => party.kind === 'team')
  const persons = there.filter(({ party }) => party.kind === 'person')
  const best = named ?? teams[0] ?? persons[0]
  if (named?.party.hasLeft) return { state: 'departed', answers: named.party, candidates, unresolved }
  if (!best || (gone && gone.weight >= LEFT && best.weight < RIVAL))
    return gone
      ? { state: 'departed', answers: gone.party, candidates, unresolved }
      : { state: 'orphan', candidates, unresolved }
  // A person who alone is named answers; where their team is, too, the team does, through them.
  const isOnePerson =
    best.party.kind === 'team' &&
    best.signs.every(sign => persons.some(one => one.signs.includes(sign))) &&
    persons[0] !== undefined &&
    persons[0].party.teams.includes(best.party.key) &&
    best.signs.every(sign => persons[0]!.signs.includes(sign))
  const answers = isOnePerson ? persons[0]! : best
  const rivals = there.filter(one => !isOf(one.party, answers.party) && !isOf(answers.party, one.party))
  // Where a person's own automation runs, and what stands beside it, is no word against its name.
  const rival = named ? rivals.find(one => one.signs.some(({ kind }) => kind === 'tag')) : rivals[0]
  const surer = rival === undefined ? Infinity : odds(answers.weight) / odds(rival.weight)
  const state =
    answers.weight >= CONFIDENT && surer >= SURER
      ? 'confident'
      : rival !== undefined && rival.weight >= RIVAL && surer < SURER
        ? 'conflict'
        : 'likely'
  return { state, answers: answers.party, candidates, unresolved }
}

function odds(weight: number): number {
  return weight / Math.max(1e-9, 1 - weight)
}

/** Whether the one is the other, or in it. */
function isOf(one: Party, other: Party): boolean {
  return one.key === other.key || one.teams.includes(other.key)
}

/** Where no list of people is known, or a person said it, the word itself is the owner. */
function partyAsWritten(people: People, { owner, kind }: Sign): Party | undefined {
  if (kind !== 'confirmed' && !people.isEmpty) return undefined
  const text = owner.trim()
  if (NOBODY.test(text)) return undefined
  const isPerson = /^[^@\s]+@[^@\s]+$/.test(text)
  const key = isPerson ? `person:${text.toLowerCase()}` : `team:${slugOf(text)}`
  return { kind: isPerson ? 'person' : 'team', key, name: text, hasLeft: false, teams: [] }
}

/** What people write where an owner should stand. */
const NOBODY =
  /^(?:|[-?.]+|n\/?a|none|null|nobody|no ?one|unknown|tbd|tbc|todo|x+|owner|team|terraform|admin|root|default)$/i
