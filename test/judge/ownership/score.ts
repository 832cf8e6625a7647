import { formatRef } from '../../../src/core/contract/ref.ts'
import { ownershipOf } from '../../../src/judge/ownership/ownership.ts'
import type { Ownership } from '../../../src/judge/ownership/weigh.ts'
import type { Estate } from '../../know/estate.ts'
import { NOW } from '../organisation/people.ts'
import type { Organisation } from '../organisation/organisation.ts'

export interface Score {
  /** Identities that somebody owns. */
  readonly owned: number
  /** Of these, those of which an owner is claimed confidently. */
  readonly claimed: number
  /** Confident claims, also of what is nobody's. */
  readonly claims: number
  readonly right: number
  /** Identities that nobody owns any more, and those of them of which an owner is claimed confidently all the same. */
  readonly ownerless: number
  readonly claimedOwnerless: number
  readonly wrong: readonly { name: string; truth: string | undefined; said: string; ownership: Ownership }[]
}

/** Holds what is claimed against the answer sheet. Who is named as a person is right where the team is theirs. */
export async function scoreOf(estate: Estate, { identities, staff }: Organisation): Promise<Score> {
  const { ownership } = await ownershipOf(estate.db, NOW)
  const rows = await estate.db.selectFrom('entity').selectAll().where('type', '=', 'identity').execute()
  const byRef = new Map(
    rows.map(row => [formatRef({ ...row, id: row.native }), ownership.get(row.merged_into ?? row.id)]),
  )
  const people = new Map(staff.people.map(person => [person.mails[0]!, person]))
  let [claimed, claims, right, claimedOwnerless] = [0, 0, 0, 0]
  const wrong: Score['wrong'][number][] = []
  for (const { ref, name, owner, wrong: planted } of identities) {
    const found = byRef.get(formatRef(ref))
    if (found?.state !== 'confident') continue
    claims++
    if (owner !== undefined) claimed++
    if (planted.has('no owner')) claimedOwnerless++
    const party = found.answers!
    const person = people.get(party.name)
    const said = party.kind === 'team' ? party.key : person ? `person:${person.id}` : party.key
    if (said === owner || (person?.leftAt === undefined && person && `team:${person.team}` === owner)) right++
    else wrong.push({ name, truth: owner, said, ownership: found })
  }
  return {
    owned: identities.filter(({ owner }) => owner !== undefined).length,
    claimed,
    claims,
    right,
    ownerless: identities.filter(({ wrong }) => wrong.has('no owner')).length,
    claimedOwnerless,
    wrong,
  }
}
