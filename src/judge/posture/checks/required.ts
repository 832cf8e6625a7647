import { loadRoots } from '../../../know/inventory/roots.ts'
import type { NonHuman } from '../../ownership/non-human.ts'
import { type Profile, profilesOf } from '../../requirements/profiles.ts'
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

/** Every identity that is no person's own account, with its class and what is required of it. */
export const profiled = oncePerRun(async (context): Promise<ReadonlyMap<string, Profiled>> => {
  const { db } = context
  const identities = await machines(context)
  const profiles = await profilesOf(db, await loadRoots(db), identities)
  const rules = (await requirementsInForce(db))?.rules ?? []
  return new Map(
    identities.map(identity => {
      const profile = profiles.get(identity.id)!
      return [identity.id, { identity, profile, required: requiredOf(rules, profile) }]
    }),
  )
})

/** Who uses each of them, and who did, read once for all checks. */
export const used = oncePerRun(
  async (context): Promise<ReadonlyMap<string, readonly WorkflowUse[]>> =>
    await workflowUses(context.db, await loadRoots(context.db), [...(await profiled(context)).keys()]),
)

/** Those of which some rule asks for what the check looks at. */
export async function requiring(
  context: CheckContext,
  asks: (required: Required) => boolean,
): Promise<ReadonlyMap<string, Profiled>> {
  const found = [...(await profiled(context))].filter(([, { required }]) => required && asks(required))
  return new Map(found)
}

/** `an ordinary identity in production` */
export function kindOf({ profile }: Profiled): string {
  const where = profile.environment ? ` in ${profile.environment.value}` : ''
  return `${/^[aeiou]/.test(profile.class.value) ? 'an' : 'a'} ${profile.class.value} identity${where}`
}
