import { z } from 'zod'
import { defineCheck, type Judgement } from '../check.ts'

/** What decides whose tokens of elsewhere a cloud takes. */
const KINDS = ['workload-identity-provider', 'federated-principal', 'federated-credential']

/** Why strangers are let in, or what only who reads it can tell; null where neither is so. */
type Loose = Pick<Judgement, 'outcome' | 'why'> | null

export const looseFederation = defineCheck<Loose>({
  id: 'loose-federation',
  title: 'A cloud takes the tokens of strangers’ pipelines',
  why: 'An issuer such as GitHub vouches for the runs of everyone who has an account there. What does not say which repository is meant lets all of them in.',
  fix: 'Name the repository in the attribute condition or the subject, with the branch or environment where only that may deploy; for owners, by their number, which no one takes over.',
  severity: 'critical',
  frameworks: ['NHI4:2025', 'NHI5:2025'],
  async population({ db }) {
    const there = () =>
      db.selectFrom('entity').where('entity.gone_at', 'is', null).where('entity.merged_into', 'is', null)
    const pools = await there().select('id').where('kind', 'in', KINDS).execute()
    const told = await there()
      .innerJoin('fact', 'fact.entity_id', 'entity.id')
      .select(['entity.id', 'fact.name', 'fact.value'])
      .where('fact.name', 'in', ['loose', 'unclear'])
      .where('fact.gone_at', 'is', null)
      // What is said for certain is said last.
      .orderBy('fact.name', 'desc')
      .execute()
    const found = new Map<string, Loose>(pools.map(({ id }) => [id, null]))
    for (const { id, name, value } of told) found.set(id, looseOf(name, value))
    return found
  },
  async find(_, population) {
    return [...population].flatMap(([entityId, loose]) => (loose === null ? [] : [{ entityId, ...loose }]))
  },
})

function looseOf(name: string, value: string): Loose {
  const why = z.string().parse(JSON.parse(value))
  return name === 'loose'
    ? { outcome: 'fails', why }
    : { outcome: 'unknown', why: `strangers get in if ${why}` }
}
