import { z } from 'zod'
import { defineCheck } from '../check.ts'

/** What decides whose tokens of elsewhere a cloud takes. */
const KINDS = ['workload-identity-provider', 'federated-principal', 'federated-credential']

/** What it says of whom it lets in too much; null where it does not. */
type Loose = string | null

export const looseFederation = defineCheck<Loose>({
  id: 'loose-federation',
  title: 'A cloud takes the tokens of strangers’ pipelines',
  why: 'An issuer such as GitHub vouches for the runs of everyone who has an account there. What does not say which repository is meant lets all of them in.',
  fix: 'Name the repository in the attribute condition or the subject, with the branch or environment where only that may deploy; for owners, by their number, which no one takes over.',
  severity: 'critical',
  frameworks: ['NHI4:2025', 'NHI5:2025'],
  async population({ db }) {
    const rows = await db
      .selectFrom('entity')
      .leftJoin('fact', join =>
        join
          .onRef('fact.entity_id', '=', 'entity.id')
          .on('fact.name', '=', 'loose')
          .on('fact.gone_at', 'is', null),
      )
      .select(['entity.id', 'fact.value'])
      .where(({ or, eb }) => or([eb('entity.kind', 'in', KINDS), eb('fact.value', 'is not', null)]))
      .where('entity.gone_at', 'is', null)
      .where('entity.merged_into', 'is', null)
      .orderBy('entity.id')
      .execute()
    return new Map(
      rows.map(({ id, value }) => [id, value === null ? null : z.string().parse(JSON.parse(value))]),
    )
  },
  async find(_, population) {
    return [...population].flatMap(([entityId, loose]) =>
      loose === null ? [] : [{ entityId, outcome: 'fails' as const, why: loose }],
    )
  },
})
