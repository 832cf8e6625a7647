import { z } from 'zod'
import type { Ms } from '../../../core/contract/ref.ts'
import type { Db } from '../../../core/store/store.ts'
import type { Policies, PolicyRequest } from '../../../judge/policy/policy.ts'

const PAGE = 500

/** Decisions of one kind that would have come out otherwise: who asked for what, how often, and why it would be so. */
export interface Changed {
  readonly lease: string
  readonly issuer: string
  readonly subject: string
  /** What it would be now; it was the other. */
  readonly would: 'allow' | 'deny'
  readonly why: string
  times: number
  last: Ms
}

export interface Replayed {
  readonly since: Ms
  decisions: number
  /** Recorded in a form that says too little to decide by it again. */
  unreadable: number
  readonly changed: readonly Changed[]
}

const optional = z.string().optional()
const recorded = z.object({
  action: z.enum(['lease', 'exchange']).optional(),
  workload: z.object({ issuer: z.string(), subject: z.string(), claims: z.record(z.string(), z.string()) }),
  lease: z.object({
    name: z.string(),
    kind: z.enum(['credential', 'token']),
    system: optional,
    identity: optional,
    class: optional,
    environment: optional,
    owner: optional,
  }),
  context: z.object({
    now: z.number(),
    ttlSeconds: z.number(),
    scopes: z.array(z.string()),
    task: optional,
    held: z.boolean(),
    findings: z.array(z.string()),
    actor: z.object({ issuer: z.string(), subject: z.string() }).optional(),
  }),
  decision: z.object({ allowed: z.boolean() }),
})

/** Decides again, by other policies, all that was decided since then, each from what was known at its time. Changes nothing. */
export async function replay(db: Db, policies: Policies, since: Ms): Promise<Replayed> {
  const changed = new Map<string, Changed>()
  const result = { since, decisions: 0, unreadable: 0 }
  for (let after = ''; ; ) {
    const rows = await db
      .selectFrom('evidence')
      .select(['id', 'at', 'body'])
      .where('kind', '=', 'broker.decision')
      .where('at', '>=', since)
      .where('id', '>', after)
      .orderBy('id')
      .limit(PAGE)
      .execute()
    for (const { at, body } of rows) {
      const read = recorded.safeParse(JSON.parse(body))
      if (!read.success) {
        result.unreadable++
        continue
      }
      result.decisions++
      const { decision, ...request } = read.data
      const { allowed, why } = policies.decide(request as PolicyRequest)
      // What was held is given by no policy, now as then.
      if (request.context.held || allowed === decision.allowed) continue
      const { issuer, subject } = request.workload
      const key = JSON.stringify([request.lease.name, issuer, subject, allowed, why])
      const would = allowed ? 'allow' : 'deny'
      const known = changed.get(key) ?? {
        lease: request.lease.name,
        issuer,
        subject,
        would,
        why,
        times: 0,
        last: at,
      }
      known.times++
      known.last = Math.max(known.last, at)
      changed.set(key, known)
    }
    if (rows.length < PAGE) break
    after = rows.at(-1)!.id
  }
  const order = ({ would }: Changed) => (would === 'deny' ? 0 : 1)
  return {
    ...result,
    changed: [...changed.values()].sort((a, b) => order(a) - order(b) || b.times - a.times),
  }
}
