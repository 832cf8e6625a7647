import type { Json } from '../../../core/contract/ref.ts'
import type { Db } from '../../../core/store/store.ts'
import type { PolicyDecision, PolicyRequest } from '../../../judge/policy/policy.ts'
import type { Actor } from '../token/access-token.ts'
import type { Broker } from '../broker.ts'
import type { LeaseDefinition } from '../broker-config.ts'
import { type LeaseFacts, leaseFacts } from './facts.ts'
import type { Once } from '../ledger/keep-all.ts'
import type { Workload } from '../workload.ts'

/** What somebody asks for, after what the definition says where nothing was asked. */
export interface Asked {
  readonly ttlSeconds: number
  readonly scopes: readonly string[]
  readonly task?: string
  /** Where it is an exchange: who acts for the workload, the last one first. */
  readonly actors?: readonly Actor[]
}

export interface Decided {
  readonly decision: PolicyDecision
  readonly facts: LeaseFacts
  /** All that it was decided from and what came of it, as it is recorded. */
  readonly account: { [name: string]: Json }
}

/** Whether it is given, now, by the policies in force and what is known now. What is held is given by no policy. */
export async function decide(
  db: Db,
  broker: Broker,
  workload: Workload,
  definition: LeaseDefinition,
  asked: Asked,
): Promise<Decided> {
  const facts = await leaseFacts(db, broker.keys, definition)
  const { actors, ttlSeconds, scopes, task } = asked
  const [actor] = actors ?? []
  const request: PolicyRequest = {
    ...(actors && { action: 'exchange' }),
    workload,
    lease: facts.lease,
    context: {
      now: broker.io.now().getTime(),
      ttlSeconds,
      scopes,
      ...(task !== undefined && { task }),
      ...(actor && { actor }),
      held: facts.held,
      findings: facts.findings,
    },
  }
  const by = broker.policies.current.decide(request)
  const decision =
    facts.held && by.allowed
      ? { ...by, allowed: false, why: 'what it is like is held: an incident is being contained' }
      : by
  const account = JSON.parse(JSON.stringify({ ...request, decision })) as { [name: string]: Json }
  return { decision, facts, account }
}

/** A decision that nothing came of, since it was a refusal; what was presented for it is used up. */
export async function recordRefusal(
  broker: Pick<Broker, 'ledger'>,
  { account }: Decided,
  once: readonly Once[] = [],
): Promise<void> {
  await broker.ledger.keep({ once, entries: [{ kind: 'broker.decision', subject: 'broker', body: account }] })
}
