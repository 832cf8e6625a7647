import { formatRef } from '../../../src/core/contract/ref.ts'
import { checks } from '../../../src/judge/posture/all.ts'
import { type CheckCounts, runChecks } from '../../../src/judge/posture/run-checks.ts'
import { seenIn } from '../../../src/serve/operations/check/seen-in.ts'
import type { Estate } from '../../know/estate.ts'
import type { Identity } from '../organisation/identities.ts'
import type { Organisation } from '../organisation/organisation.ts'
import { takeIn } from '../organisation/take-in.ts'

type Wrong = Identity['wrong'] extends ReadonlySet<infer One> ? One : never

interface Planted {
  readonly wrong: Wrong
  readonly check: string
  /** Where it is planted in several systems, and the check is about some of them. */
  readonly isMeant?: (identity: Identity) => boolean
  /** Others of which the check speaks too. */
  readonly also?: readonly Wrong[]
}

/** Which check finds what was planted; what speaks for an owner is scored by itself, since it may be all there is to know. */
const FOUND_BY: readonly Planted[] = [
  {
    wrong: 'administrator',
    check: 'administrator',
    isMeant: ({ wrong }) => !wrong.has('no password needed'),
  },
  { wrong: 'console password in use', check: 'console-password-in-use' },
  { wrong: 'federates with everyone', check: 'loose-federation' },
  // What is used in two environments stands in the repository, too.
  { wrong: 'leaked in a repository', check: 'leaked-in-code', also: ['mixed environments'] },
  { wrong: 'mixed environments', check: 'environments-mixed' },
  { wrong: 'posted in chat', check: 'copy-in-chat' },
  { wrong: 'used by several workloads', check: 'workloads-share-identity' },
  { wrong: 'never expires', check: 'credential-never-expires' },
  { wrong: 'no password needed', check: 'no-password-needed' },
  { wrong: 'old key', check: 'credential-old' },
  {
    wrong: 'third party with everything',
    check: 'third-party-app-everywhere',
    isMeant: ({ system }) => system === 'github',
  },
  {
    wrong: 'third party with everything',
    check: 'trust-without-external-id',
    // Whoever may be federated into it has no other way in.
    isMeant: ({ system, name, wrong }) =>
      system === 'aws' && !name.startsWith('deploy-') && !wrong.has('federates with everyone'),
  },
  { wrong: 'unused', check: 'unused' },
  { wrong: 'weak password hash', check: 'weak-password-hash' },
]

export interface PlantedScore {
  /** By what was planted and its check. */
  readonly found: readonly {
    readonly wrong: string
    readonly check: string
    readonly planted: number
    readonly missed: readonly string[]
    /** In which it was not planted, and of which the check says it all the same. */
    readonly blamed: readonly string[]
  }[]
  readonly findings: number
  /** Findings that do not say what is so, or of which no source is known that tells of what they are of. */
  readonly withoutEvidence: readonly string[]
  readonly counts: readonly CheckCounts[]
}

/** Holds what the checks find against the answer sheet. */
export async function plantedScore(organisation: Organisation): Promise<PlantedScore> {
  const { identities } = organisation
  const estate = await takeIn(organisation)
  const { counts } = await runChecks(estate.db, estate, checks)
  const { byCheck, findings, withoutEvidence } = await findingsOf(estate)
  const named = (identity: Identity) => `${formatRef(identity.ref)} ${identity.name}`
  const ofIdentities = FOUND_BY.map(({ wrong, check, isMeant = () => true, also = [] }) => {
    const own = byCheck.get(check) ?? new Map<string, string>()
    const planted = identities.filter(one => one.wrong.has(wrong) && isMeant(one))
    const spoken = [wrong, ...also]
    const sound = identities.filter(one => !spoken.some(other => one.wrong.has(other)))
    return {
      wrong,
      check,
      planted: planted.length,
      missed: planted.filter(({ ref }) => !own.has(formatRef(ref))).map(named),
      blamed: sound.flatMap(one => {
        const why = own.get(formatRef(one.ref))
        return why === undefined ? [] : [`${named(one)}: ${why}`]
      }),
    }
  })
  const found = [...ofIdentities, ofPipelines(organisation, byCheck)]
  return { found, findings, withoutEvidence, counts }
}

/** A key that a pipeline keeps is a finding of its job, which nothing names the key of. */
function ofPipelines(
  { identities, sources }: Organisation,
  byCheck: ReadonlyMap<string, ReadonlyMap<string, string>>,
): PlantedScore['found'][number] {
  const [wrong, check] = ['static key in a pipeline', 'workflow-static-cloud-key'] as const
  const jobOf = ({ service: { repository, folder, name } }: Identity) => {
    const { instance } = sources.find(({ label }) => label === `checkouts/${repository}`)!
    const file = folder === '' ? 'deploy' : `deploy-${name}`
    return formatRef({ system: 'git', instance, kind: 'job', id: `.github/workflows/${file}.yml#deploy` })
  }
  const planted = new Set(identities.filter(one => one.wrong.has(wrong)).map(jobOf))
  const own = [...(byCheck.get(check) ?? [])]
  return {
    wrong,
    check,
    planted: planted.size,
    missed: [...planted].filter(job => !own.some(([ref]) => ref === job)),
    blamed: own.flatMap(([ref, why]) => (planted.has(ref) ? [] : [`${ref}: ${why}`])),
  }
}

/** By check, the identities that it finds wrong, or whose credentials, and why. */
async function findingsOf({ db }: Estate): Promise<{
  byCheck: Map<string, Map<string, string>>
  findings: number
  withoutEvidence: string[]
}> {
  const rows = await db.selectFrom('finding').select(['check', 'why', 'entity_id']).execute()
  const seen = await seenIn(db, [...new Set(rows.map(({ entity_id }) => entity_id))])
  const identityOf = new Map(
    (await db.selectFrom('credential').select(['entity_id', 'identity_id']).execute()).map(one => [
      one.entity_id,
      one.identity_id,
    ]),
  )
  const entities = new Map((await db.selectFrom('entity').selectAll().execute()).map(one => [one.id, one]))
  const byCheck = new Map<string, Map<string, string>>()
  for (const { check, why, entity_id } of rows) {
    let entity = entities.get(identityOf.get(entity_id) ?? entity_id)!
    while (entity.merged_into !== null) entity = entities.get(entity.merged_into)!
    const own = byCheck.get(check) ?? new Map<string, string>()
    byCheck.set(check, own.set(formatRef({ ...entity, id: entity.native }), why))
  }
  const withoutEvidence = rows.flatMap(({ check, why, entity_id }) =>
    why.length > 10 && (seen.get(entity_id) ?? []).length > 0
      ? []
      : [`${check}: ${entities.get(entity_id)!.kind} ${entities.get(entity_id)!.native}: ${why}`],
  )
  return { byCheck, findings: rows.length, withoutEvidence }
}
