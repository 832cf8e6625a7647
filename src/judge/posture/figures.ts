import { DAY_MS, type Ms } from '../../core/contract/ref.ts'
import type { CheckContext } from './check.ts'
import { agesOf, olderThan, usableThere } from './checks/age.ts'
import { exposed } from './checks/exposed.ts'
import { owned } from './checks/owned.ts'
import { type Profiled, profiled } from './checks/required.ts'
import { timeOf, told, type Told } from './checks/told.ts'

/** So many of so many; of the rest of them nobody can tell. */
export interface Share {
  readonly count: number
  readonly of: number
  readonly unknown: number
}

/** How an organisation stands, each figure with what it was computed from. */
export interface Figures {
  /** Identities whose owner, age and last use are known. */
  readonly visible: Share
  /**
   * Credentials that could be used and were made within the time that is required, or a year where none is; `unknown` are those of
   * which no system tells when they were made, and whose values were not seen before that time either.
   */
  readonly rotated: Share
  /** Of all credentials that are not known to be dead, those that were seen in code, in an image or in a chat. */
  readonly exposed: Share
  /** From the first copy that was seen to the proof of death; null where nothing that was exposed is dead. */
  readonly medianToDeadMs: Ms | null
  readonly dead: number
  readonly exposedStillAlive: number
  /** Credentials that anyone who has them can use, and that live for longer than a day. */
  readonly standing: Standing
}

export interface Standing {
  readonly total: number
  /** By system and kind: `aws access-key`. */
  readonly byKind: Readonly<Record<string, number>>
  /** By the class of the identity; `nobody’s` where none is known. */
  readonly byClass: Readonly<Record<string, number>>
}

const ROTATED_WITHIN_DAYS = 365

export async function figuresOf(context: CheckContext): Promise<Figures> {
  const all = await told(context)
  const usable = await usableThere(context)
  const byIdentity = Map.groupBy(usable, ({ identityId }) => identityId ?? '')
  const profiles = await profiled(context)
  const exposures = await exposed(context)
  const alive = new Set(exposures.flatMap(({ id, deadAt }) => (deadAt === undefined ? [id] : [])))
  const toDead = exposures.flatMap(({ firstSeen, deadAt }) =>
    deadAt === undefined ? [] : [Math.max(0, deadAt - firstSeen)],
  )
  return {
    visible: await visibility(context, new Map(all.map(one => [one.id, one])), byIdentity),
    rotated: await rotationOf(context, usable, profiles),
    exposed: {
      count: alive.size,
      // What was switched off, or stands nowhere any more, is not proven dead by that.
      of: new Set([...usable.map(({ id }) => id), ...alive]).size,
      unknown: 0,
    },
    medianToDeadMs: medianOf(toDead),
    dead: toDead.length,
    exposedStillAlive: exposures.length - toDead.length,
    standing: standingOf(usable, profiles),
  }
}

/** Null of none; of two in the middle, what lies between them. */
function medianOf(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  const [below, above] = [sorted[(sorted.length - 1) >>> 1], sorted[sorted.length >>> 1]]
  return below === undefined || above === undefined ? null : (below + above) / 2
}

/** The standing credentials alone. */
export async function standingCredentials(context: CheckContext): Promise<Standing> {
  return standingOf(await usableThere(context), await profiled(context))
}

async function rotationOf(
  context: CheckContext,
  usable: readonly Told[],
  profiles: ReadonlyMap<string, Profiled>,
): Promise<Share> {
  const ageOf = await agesOf(context, usable)
  let [count, unknown] = [0, 0]
  for (const one of usable) {
    const days = profiles.get(one.identityId ?? '')?.required?.rotationDays ?? ROTATED_WITHIN_DAYS
    const old = olderThan(ageOf(one), days, context.now)
    if (old === undefined) count++
    else if (old.outcome === 'unknown') unknown++
  }
  return { count, of: usable.length, unknown }
}

function standingOf(usable: readonly Told[], profiles: ReadonlyMap<string, Profiled>): Standing {
  const lasting = usable.filter(({ facts }) => {
    const [from, to] = [timeOf(facts.get('created')), timeOf(facts.get('expires'))]
    return from === undefined || to === undefined || to - from > DAY_MS
  })
  const classOf = ({ identityId }: Told) => profiles.get(identityId ?? '')?.profile.class.value
  return {
    total: lasting.length,
    byKind: countsOf(lasting, ({ system, kind }) => `${system} ${kind}`),
    byClass: countsOf(lasting, one => classOf(one) ?? 'nobody’s'),
  }
}

function countsOf(all: readonly Told[], nameOf: (one: Told) => string): Record<string, number> {
  const groups = [...Map.groupBy(all, nameOf)].map(([name, own]) => [name, own.length] as const)
  return Object.fromEntries(groups.sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function visibility(
  context: CheckContext,
  toldOf: ReadonlyMap<string, Told>,
  credentials: ReadonlyMap<string, readonly Told[]>,
): Promise<Share> {
  let [count, of, unknown] = [0, 0, 0]
  for (const [id, { state }] of await owned(context)) {
    of++
    const own = [toldOf.get(id), ...(credentials.get(id) ?? [])]
    const tells = (name: string) => own.some(one => one?.facts.has(name))
    const isOwned = state === 'confirmed' || state === 'confident'
    if (isOwned && tells('lastUsed') && tells('created')) count++
    else if (isOwned || state === 'likely') unknown++
  }
  return { count, of, unknown }
}
