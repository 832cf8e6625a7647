import { isProvisional } from '../../../core/contract/ref.ts'
import { inChunks } from '../../../know/inventory/in-chunks.ts'
import { namesById, namesOrNative } from '../../../know/inventory/queries.ts'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { type CheckContext, defineCheck, type Judgement } from '../check.ts'
import { type Standing, standing } from './standing.ts'
import { type Told, told, usable } from './told.ts'

interface Subject {
  readonly value: Standing
  /** Whose it is. */
  readonly identity: Told
  /** Its system took it. */
  readonly isLive: boolean
}

/** Forges and their registries take one token with any user name, which therefore tells of nobody. */
const ANY_USER = new Set(['git-host', 'oci-registry', 'github', 'gitlab'])
const MOST_SHOWN = 3

/** Of each credential whose value and identity are known: whether another identity has the same value. */
export const secretReused = defineCheck<Subject>({
  id: 'secret-reused',
  title: 'Two identities have one secret',
  why: 'Whoever gets the one is in as the other, too; which of them did something, and which has to be cut off, nobody can tell.',
  fix: 'Give each a secret of its own, the users of each first: firebreak contain CREDENTIAL, of one after the other.',
  severity: 'medium',
  frameworks: ['NHI9:2025'],
  async population(context) {
    const canBeUsed = await usable(context)
    const identities = new Map((await told(context)).map(one => [one.id, one]))
    return new Map(
      [...(await standing(context))].flatMap(([id, value]): [string, Subject][] => {
        const identity = identities.get(value.identityId ?? '')
        const state = canBeUsed.get(id)?.state
        if (!identity || value.isGone || state === undefined) return []
        return [[id, { value, identity, isLive: state === 'live' }]]
      }),
    )
  },
  async find(context, population) {
    const sharing = [...Map.groupBy(population.values(), ({ value }) => value.fingerprint).values()]
      .map(group => group.toSorted((a, b) => (a.value.id < b.value.id ? -1 : 1)))
      .filter(group => group.length > 1)
    const names = await namesOf(context, sharing.flat())
    return sharing.flatMap(group => group.flatMap(one => judge(one, group, names)))
  },
})

type Names = ReadonlyMap<string, readonly string[]>

async function namesOf({ db }: CheckContext, subjects: readonly Subject[]): Promise<Names> {
  const ids = [...new Set(subjects.map(({ identity }) => identity.id))]
  const names = await namesById(db, await loadRoots(db), ids)
  const rows = await inChunks(ids, chunk =>
    db.selectFrom('entity').select(['id', 'native']).where('id', 'in', chunk).execute(),
  )
  return new Map(rows.map(row => [row.id, namesOrNative(names.get(row.id), row)]))
}

function judge(one: Subject, group: readonly Subject[], names: Names): Judgement[] {
  const others = group.filter(({ identity }) => identity.id !== one.identity.id)
  const doubts = others.map(other => [other, doubtOf(one, other, names)] as const)
  const certain = doubts.flatMap(([other, doubt]) => (doubt === undefined ? [other] : []))
  const entityId = one.value.id
  if (certain.length > 0) {
    const more = certain.length - MOST_SHOWN
    const shown = certain.slice(0, MOST_SHOWN).map(other => called(other, names))
    const why = `its value is that of ${shown.join(', ')}${more > 0 ? `, and of ${more} more` : ''}, too`
    return [{ entityId, outcome: 'fails', why }]
  }
  const [first] = doubts
  if (!first) return []
  const [other, doubt] = first
  return [{ entityId, outcome: 'unknown', why: `${called(other, names)} has its value, and ${doubt}` }]
}

/** Why these could be one identity, or their value none that was given to both; undefined where neither is so. */
function doubtOf(one: Subject, other: Subject, names: Names): string | undefined {
  const [a, b] = [one.identity, other.identity]
  const isUnsettled = isProvisional(a) || isProvisional(b)
  if (a.system === b.system) {
    const own = new Set(names.get(a.id))
    if (isUnsettled && a.instance !== b.instance && names.get(b.id)?.some(name => own.has(name)))
      return 'whether that is the same one at another address nobody tells'
  }
  if (ANY_USER.has(a.system) && ANY_USER.has(b.system)) return 'a token is taken there with any user name'
  // As `postgres` of `postgres`, of which every example tells.
  if (isUnsettled && !one.value.isStrong && !(one.isLive && other.isLive))
    return 'it is weak, so that it may stand there by habit and let nobody in'
  return undefined
}

function called({ identity, value }: Subject, names: Names): string {
  return `${identity.system} ${names.get(identity.id)?.[0] ?? identity.kind} (in ${value.among[0]})`
}
