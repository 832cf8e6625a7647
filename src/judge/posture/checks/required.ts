import { loadRoots } from '../../../know/inventory/roots.ts'
import type { NonHuman } from '../../ownership/non-human.ts'
import { notedIds, type Profile, profilesOf } from '../../requirements/profiles.ts'
import { type WorkflowUse, workflowUses } from '../../requirements/workflow-uses.ts'
import { type Required, requiredOf, requirementsInForce } from '../../requirements/requirements.ts'
import { type CheckContext, oncePerRun } from '../check.ts'
import { machines } from './owned.ts'

export interface Profiled {
  readonly identity: NonHuman
  readonly profile: Profile
  /** What it has to meet, where a rule in force is for it. */
  readonly required: Required | undefined
}

const rulesInForce = oncePerRun(async ({ db }) => (await requirementsInForce(db))?.rules ?? [])

/** Every identity that is no person's own account, with its class and what is required of it. */
export const profiled = oncePerRun(async context => await withProfiles(context, await machines(context)))

/** Those at least that are for emergencies, or of which a purpose or an end is said: of a large organisation that is a few. */
export const noted = oncePerRun(async (context): Promise<ReadonlyMap<string, Profiled>> => {
  // Where something is required, all of them have been read.
  if ((await rulesInForce(context)).length > 0) return await profiled(context)
  const ids = await notedIds(context.db, await loadRoots(context.db))
  return await withProfiles(
    context,
    (await machines(context)).filter(({ id }) => ids.has(id)),
  )
})

async function withProfiles(
  context: CheckContext,
  identities: readonly NonHuman[],
): Promise<ReadonlyMap<string, Profiled>> {
  const { db } = context
  const profiles = await profilesOf(db, await loadRoots(db), identities)
  const rules = await rulesInForce(context)
  return new Map(
    identities.map(identity => {
      const profile = profiles.get(identity.id)!
      return [identity.id, { identity, profile, required: requiredOf(rules, profile) }]
    }),
  )
}

/** Who uses each identity, and who did, read once for all checks. */
export const used = oncePerRun(
  async (context): Promise<ReadonlyMap<string, readonly WorkflowUse[]>> =>
    await workflowUses(
      context.db,
      await loadRoots(context.db),
      (await machines(context)).map(({ id }) => id),
    ),
)

/** Those of which some rule asks for what the check looks at. */
export async function requiring(
  context: CheckContext,
  asks: (required: Required) => boolean,
): Promise<ReadonlyMap<string, Profiled>> {
  if ((await rulesInForce(context)).length === 0) return new Map()
  const found = [...(await profiled(context))].filter(([, { required }]) => required && asks(required))
  return new Map(found)
}

/** `an ordinary identity in production` */
export function kindOf({ profile }: Profiled): string {
  const where = profile.environment ? ` in ${profile.environment.value}` : ''
  return `${/^[aeiou]/.test(profile.class.value) ? 'an' : 'a'} ${profile.class.value} identity${where}`
}
