import { setImmediate as turn } from 'node:timers/promises'
import { isFirebreakError } from '../../../core/contract/errors.ts'
import type { Ms } from '../../../core/contract/ref.ts'
import { isFree, isHolderGone } from '../../../core/store/holder.ts'
import type { Row } from '../../../core/store/schema.ts'
import type { Db } from '../../../core/store/store.ts'
import type { Actor } from '../token/access-token.ts'
import type { Broker } from '../broker.ts'
import { leaseNamed } from '../broker-config.ts'
import { decide } from '../decision/decide.ts'
import { carryOutEnd, endAll, endExpiredTokens, endLease } from './end-lease.ts'
import type { Workload } from '../workload.ts'

const LOOK_EVERY_MS = 500
const DECIDE_EVERY_MS = 3_000
const MOST_AT_ONCE = 32
const ENDED_AT_ONCE = 100
/** An unclaimed run of a lease that is being issued may be claimed in the next moment. */
const UNCLAIMED_MS = 30_000

/** Ends what has to end: at its time, with its process, when it would be refused now, and what was left half-issued. */
export class Keeper {
  readonly #db: Db
  readonly #broker: Broker
  readonly #onTrouble: (error: unknown) => void
  readonly #working = new Set<Promise<void>>()
  #decidedAt: Ms = 0

  constructor(db: Db, broker: Broker, onTrouble: (error: unknown) => void) {
    this.#db = db
    this.#broker = broker
    this.#onTrouble = onTrouble
  }

  /** Until the signal is aborted; what is at work then is waited for, and what is left the next process finds. */
  async run(): Promise<void> {
    const { io } = this.#broker
    while (!io.signal.aborted) {
      await this.look().catch(this.#onTrouble)
      await io.sleep(LOOK_EVERY_MS).catch(() => {})
    }
    await Promise.allSettled(this.#working)
  }

  /** Decides again where it is time, and begins what has to be done. */
  async look(): Promise<void> {
    const { io, policies, ledger } = this.#broker
    await ledger.keepCounted()
    const now = io.now().getTime()
    if (now - this.#decidedAt >= DECIDE_EVERY_MS) {
      this.#decidedAt = now
      const { refused } = await policies.refresh()
      if (refused) this.#onTrouble(refused)
      await this.#decideAllAgain()
    }
    await this.sweep()
  }

  /** What has to end whatever the policies say. */
  async sweep(): Promise<void> {
    const now = this.#broker.io.now().getTime()
    while ((await endExpiredTokens(this.#db, this.#broker)) > 0) await turn()
    for (const lease of await this.#due(now)) {
      if (this.#broker.atWork.has(lease.id)) continue
      if (this.#working.size >= MOST_AT_ONCE) break
      if (lease.state === 'ending') {
        if ((lease.next_at ?? 0) <= now) this.#begin(lease, () => carryOutEnd(this.#db, this.#broker, lease))
        continue
      }
      const why = lease.state === 'active' ? whyOver(lease, now) : await this.#whyForsaken(lease, now)
      if (why !== undefined) this.#end(lease, why)
    }
  }

  /** What has begun is over. */
  async settled(): Promise<void> {
    while (this.#working.size > 0) await Promise.allSettled(this.#working)
  }

  /** Those that may have to end now; of access tokens there may be very many, and they end otherwise. */
  async #due(now: Ms): Promise<Row<'lease'>[]> {
    const leases = this.#db.selectFrom('lease').selectAll()
    // Each by an index of its own: asked for at once, all that are active are looked through.
    const rows = [
      ...(await leases.where('state', 'in', ['issuing', 'ending']).execute()),
      ...(await leases.where('state', '=', 'active').where('not_after', '<=', now).execute()),
      ...(await leases.where('holder', 'is not', null).where('state', '=', 'active').execute()),
    ]
    const due = new Map(rows.map(row => [row.id, row]))
    return [...due.values()].sort((a, b) => a.failures - b.failures || a.not_after - b.not_after)
  }

  /** Each credential by itself, since what is known of its identity may be other; access tokens that were decided alike as one. */
  async #decideAllAgain(): Promise<void> {
    const active = this.#db.selectFrom('lease').selectAll().where('state', '=', 'active')
    for (const lease of await active.where('decided_alike', 'is', null).execute()) {
      const why = await this.#whyRefused(lease)
      if (why !== undefined) this.#end(lease, why)
    }
    let after = ''
    for (;;) {
      const lease = await active
        .where('decided_alike', '>', after)
        .orderBy('decided_alike')
        .limit(1)
        .executeTakeFirst()
      if (!lease?.decided_alike) return
      after = lease.decided_alike
      const why = await this.#whyRefused(lease)
      if (why !== undefined) await this.#endAlike(after, why)
      // Others have their turn: of SQLite a whole row of answers comes without a pause.
      await turn()
    }
  }

  async #endAlike(alike: string, why: string): Promise<void> {
    const rows = await this.#db
      .selectFrom('lease')
      .select('id')
      .where('state', '=', 'active')
      .where('decided_alike', '=', alike)
      .execute()
    for (let at = 0; at < rows.length; at += ENDED_AT_ONCE) {
      const ids = rows.slice(at, at + ENDED_AT_ONCE).map(({ id }) => id)
      await endAll(this.#db, this.#broker, ids, why)
      await turn()
    }
  }

  async #whyForsaken(lease: Row<'lease'>, now: Ms): Promise<string | undefined> {
    const run = await this.#db
      .selectFrom('run')
      .select(['claimed_by', 'claim_until'])
      .where('id', '=', lease.run_id!)
      .executeTakeFirstOrThrow()
    const gone = run.claimed_by === null ? lease.created_at + UNCLAIMED_MS < now : isFree(run, now)
    return gone ? 'the process that was issuing it is gone' : undefined
  }

  async #whyRefused(lease: Row<'lease'>): Promise<string | undefined> {
    const definition = leaseNamed(this.#broker.config, lease.name)
    if (!definition) return 'no lease of that name is offered any more'
    const asked = {
      ttlSeconds: lease.ttl_seconds,
      scopes: JSON.parse(lease.scopes) as string[],
      ...(lease.task !== null && { task: lease.task }),
      ...(lease.actors !== null && { actors: JSON.parse(lease.actors) as Actor[] }),
    }
    try {
      const workload = JSON.parse(lease.workload) as Workload
      const { decision, account } = await decide(this.#db, this.#broker, workload, definition, asked)
      if (decision.allowed) return undefined
      const entry = { kind: 'broker.decision', subject: lease.id, body: { again: true, ...account } }
      await this.#broker.ledger.keep({ entries: [entry] })
      return `it would be refused now: ${decision.why}`
    } catch (error) {
      if (!isFirebreakError(error, 'NOT_FOUND', 'AMBIGUOUS')) throw error
      return `it would be refused now: ${error.message}`
    }
  }

  #end(lease: Row<'lease'>, why: string): void {
    this.#begin(lease, () => endLease(this.#db, this.#broker, lease.id, why))
  }

  #begin(lease: Row<'lease'>, work: () => Promise<unknown>): void {
    const { atWork } = this.#broker
    if (atWork.has(lease.id)) return
    atWork.add(lease.id)
    const working: Promise<void> = work()
      .then(() => {}, this.#onTrouble)
      .finally(() => {
        atWork.delete(lease.id)
        this.#working.delete(working)
      })
    this.#working.add(working)
  }
}

function whyOver(lease: Row<'lease'>, now: Ms): string | undefined {
  if (lease.not_after <= now) return 'its time is over'
  if (lease.holder !== null && isHolderGone(lease.holder)) return 'the process that it was for is gone'
  return undefined
}
