import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'

/** A person, as one list has them. Two lists tell of one person where they have an address, a login or a number in common. */
export interface PersonTold {
  readonly name?: string | undefined
  readonly mails: readonly string[]
  readonly logins?: readonly string[]
  /** The number of the people department. */
  readonly number?: string | undefined
  readonly teams?: readonly string[]
  readonly isActive?: boolean | undefined
  /** The last day, ISO 8601: it may be to come. */
  readonly leftAt?: string | undefined
  readonly at?: number | undefined
}

export function peopleRef(list: string, kind: 'person' | 'team', id: string): Ref {
  return { system: 'people', instance: list, kind, id }
}

export function* tellPerson(list: string, id: string, told: PersonTold): Generator<Observation> {
  const { name, mails, logins = [], number, teams = [], isActive, leftAt, at } = told
  const ref = peopleRef(list, 'person', id)
  const lower = [...new Set(mails.map(mail => mail.toLowerCase()))]
  const facts = factsOf({
    name,
    mails: lower,
    ...(logins.length > 0 && { logins: [...logins] }),
    number,
    ...(teams.length > 0 && { teams: [...teams] }),
    isActive,
    leftAt,
  })
  const dated =
    at === undefined
      ? facts
      : Object.fromEntries(Object.entries(facts).map(([key, fact]) => [key, { ...fact, at }]))
  // A person is none of the identities that this is about: whoever answers for one.
  yield {
    see: 'resource',
    ref,
    names: [...new Set([...lower, ...logins, ...(name ? [name] : [])])],
    facts: dated,
  }
}

export function* tellTeam(
  list: string,
  id: string,
  {
    names,
    members,
  }: { readonly names: readonly (string | undefined)[]; readonly members: readonly string[] },
): Generator<Observation> {
  const ref = peopleRef(list, 'team', id)
  const known = names.filter(name => name !== undefined && name !== '') as string[]
  yield { see: 'resource', ref, names: [...new Set(known)], facts: {} }
  for (const member of new Set(members))
    yield {
      see: 'edge',
      from: peopleRef(list, 'person', member),
      to: ref,
      crossing: 'works-in',
      certainty: 'proven',
      why: `the list has them among ${known[0] ?? id}`,
    }
}
