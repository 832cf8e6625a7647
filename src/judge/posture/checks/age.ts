import { DAY_MS, type Ms } from '../../../core/contract/ref.ts'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { type CheckContext, type Judgement, oncePerRun } from '../check.ts'
import { copied } from './copied.ts'
import { standing } from './standing.ts'
import { credentialRows, isUsable, since, timeOf, told, type Told } from './told.ts'

/**
 * Every credential that could be used and is there. A value of which only a text told is one as long as a text tells of it: one that
 * stands nowhere any more grows no older.
 */
export const usableThere = oncePerRun(async (context): Promise<readonly Told[]> => {
  const stands = await standing(context)
  return (await told(context)).filter(
    one => isUsable(one, context.now) && (one.isListed || stands.has(one.id)),
  )
})

/** Since when a credential has been the same. */
export interface Age {
  /** Undefined where nobody can tell. */
  readonly since: Ms | undefined
  /** Its system tells when it was made; else its value was first seen then, and it may be older. */
  readonly isTold: boolean
}

/** How old each of these is, at least. */
export async function agesOf(
  context: CheckContext,
  credentials: Iterable<Told>,
): Promise<(one: Told) => Age> {
  const untold = new Set<string>()
  for (const { id, facts } of credentials) if (timeOf(facts.get('created')) === undefined) untold.add(id)
  const seen = untold.size === 0 ? new Map<string, Ms>() : await seenSince(context, untold)
  return ({ id, facts }) => {
    const made = timeOf(facts.get('created'))
    return { since: made ?? seen.get(id), isTold: made !== undefined }
  }
}

/** What there is to say of one that may be older than so many days; nothing where its system tells that it is not. */
export function olderThan(
  { since: at, isTold }: Age,
  days: number,
  now: Ms,
): Pick<Judgement, 'outcome' | 'why'> | undefined {
  if (at !== undefined && now - at > days * DAY_MS) {
    const how = isTold ? 'it was made on' : 'its value has stood at least since'
    return { outcome: 'fails', why: `${how} ${since(at, now)}` }
  }
  return isTold ? undefined : { outcome: 'unknown', why: 'its system does not tell when it was made' }
}

async function seenSince(context: CheckContext, ids: ReadonlySet<string>): Promise<Map<string, Ms>> {
  const { values } = await copied(context)
  const roots = await loadRoots(context.db)
  const found = new Map<string, Ms>()
  for (const { id, fingerprint } of await credentialRows(context)) {
    const root = roots.of(id)
    const value = fingerprint === undefined || !ids.has(root) ? undefined : values.valueOf(fingerprint)
    if (value !== undefined) found.set(root, Math.min(values.firstSeen(value), found.get(root) ?? Infinity))
  }
  return found
}
