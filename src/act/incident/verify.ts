import type { Verdict } from '../../core/contract/connector.ts'
import type { Json } from '../../core/contract/ref.ts'
import { record } from '../../core/evidence/evidence.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import { setCredentialState } from '../../know/inventory/issued.ts'
import type { CredentialView } from '../../know/inventory/queries.ts'
import type { ContainOptions } from './contain.ts'
import { declaredKindOf, type Kinds, kindsIn } from './declared-target.ts'
import type { Target } from './incident.ts'
import type { Leak } from './leaks.ts'
import { targetsOf } from './triage.ts'

export type VerifyWorld = Pick<
  ContainOptions,
  'io' | 'keys' | 'connections' | 'rulesDirectory' | 'ownRules' | 'cacheDirectory'
>

/** What was answered about one value. */
export interface Verified {
  readonly views: readonly CredentialView[]
  readonly verdict: Verdict
  /** Who was asked, as people call it; absent where nobody could be. */
  readonly asked?: string
}

const MOST_AT_ONCE = 8

/**
 * Really tries each value, once for all its copies, where a system is connected that it may be of or where its rule says how
 * its vendor is asked. Changes nothing outside; what is answered is kept, and recorded. Dead is what was refused twice.
 */
export async function verifyLeaks(
  db: Db,
  world: VerifyWorld,
  leaks: AsyncIterable<Leak>,
  onVerified: (verified: Verified) => void = () => {},
): Promise<Verified[]> {
  const kinds = kindsIn(world)
  const found: Verified[] = []
  const atWork = new Set<Promise<void>>()
  for await (const leak of leaks) {
    if (atWork.size >= MOST_AT_ONCE) await Promise.race(atWork)
    const index = found.length
    found.push({ views: leak.views, verdict: { state: 'unknown', why: 'It was not tried.' } })
    const work = verifyLeak(db, { ...world, kinds }, leak).then(verified => {
      found[index] = verified
      onVerified(verified)
    })
    const tracked = work.finally(() => atWork.delete(tracked))
    // Waited for below; until then it must not be taken for unhandled.
    tracked.catch(() => {})
    atWork.add(tracked)
  }
  await Promise.all(atWork)
  return found
}

async function verifyLeak(
  db: Db,
  world: VerifyWorld & { readonly kinds: Kinds },
  leak: Leak,
): Promise<Verified> {
  const { views, secret } = leak
  const targets = await targetsOf(db, world, leak, 0, [])
  if (targets.length === 0) {
    const why = secret ? await whyNot(world.kinds, views) : 'No copy of it could be read again.'
    return { views, verdict: { state: 'unknown', why } }
  }
  const answered: Verified[] = []
  for (const target of targets) {
    const verdict = await settled(db, world, target, leak)
    await transaction(db, async tx => {
      await setCredentialState(tx, world.io, target.credentialId, verdict)
      await record(tx, world.io, {
        kind: 'credential.verified',
        subject: target.credentialId,
        body: {
          label: target.label,
          system: target.atVendor ? target.credential.system : target.identity.system,
          state: verdict.state,
          why: verdict.why,
          access: [...(verdict.access ?? [])] as Json[],
        },
      })
    })
    answered.push({ views, verdict, asked: target.label })
  }
  const worst = (state: Verdict['state']) => answered.find(({ verdict }) => verdict.state === state)
  return worst('live') ?? worst('unknown') ?? answered[0]!
}

/** What was refused once is asked again when every server must know of it. */
async function settled(db: Db, world: VerifyWorld, target: Target, { secret }: Leak): Promise<Verdict> {
  if (target.verdict.state !== 'dead') return target.verdict
  await world.io.sleep(target.settleSeconds * 1000)
  const connection = await world.connections.open(db, target.sourceId)
  return (await connection.verify?.(target.credential, secret)) ?? target.verdict
}

async function whyNot(kinds: Kinds, views: readonly CredentialView[]): Promise<string> {
  for (const view of views) {
    const step = (await declaredKindOf(kinds, view))?.verify
    if (step && 'why' in step && step.why !== undefined) return step.why
  }
  return 'No connected system is known to take it.'
}
