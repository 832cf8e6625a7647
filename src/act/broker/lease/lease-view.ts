import { timingSafeEqual } from 'node:crypto'
import { FirebreakError } from '../../../core/contract/errors.ts'
import type { Row } from '../../../core/store/schema.ts'
import type { Db } from '../../../core/store/store.ts'
import { namesOf } from '../../../know/inventory/queries.ts'
import type { PolicyDecision } from '../../../judge/policy/policy.ts'
import { stepsOf } from '../../actions/journal.ts'
import { handleDigest } from './lease.ts'
import { OauthError } from '../oauth-error.ts'
import type { Workload } from '../workload.ts'

/** A lease as it is shown. Never a secret. */
export interface LeaseView {
  readonly id: string
  readonly name: string
  readonly kind: 'credential' | 'token'
  readonly state: Row<'lease'>['state']
  readonly workload: Pick<Workload, 'issuer' | 'subject'>
  readonly identity: string | null
  readonly task: string | null
  readonly scopes: readonly string[]
  readonly createdAt: string
  readonly notAfter: string
  readonly endedAt: string | null
  readonly endedWhy: string | null
  readonly permittedBy: string
  readonly run: string | null
  /** The credential is a standing secret: it stays good after the lease. */
  readonly standing: boolean
  /** What the system answered when the credential was tried after its end; null while it has not ended. */
  readonly proof: { readonly state: string; readonly why: string } | null
  /** What its end failed with last, while it is tried again. */
  readonly trouble: string | null
}

export async function leaseView(db: Db, lease: Row<'lease'>): Promise<LeaseView> {
  const { issuer, subject } = JSON.parse(lease.workload) as Workload
  const steps = lease.run_id === null ? [] : await stepsOf(db, lease.run_id)
  const prove = steps.find(step => step.key === 'prove' && step.state === 'verified')
  const proof = prove && (JSON.parse(prove.result ?? 'null') as { state: string; why: string } | null)
  const issued = JSON.parse(steps.find(({ key }) => key === 'issue')?.result ?? 'null') as object | null
  const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
  return {
    id: lease.id,
    name: lease.name,
    kind: lease.kind,
    state: lease.state,
    workload: { issuer, subject },
    identity: lease.entity_id === null ? null : ((await namesOf(db, lease.entity_id))[0] ?? null),
    task: lease.task,
    scopes: JSON.parse(lease.scopes) as string[],
    createdAt: iso(lease.created_at)!,
    notAfter: iso(lease.not_after)!,
    endedAt: iso(lease.ended_at),
    endedWhy: lease.ended_why,
    permittedBy: (JSON.parse(lease.decision) as PolicyDecision).why,
    run: lease.run_id,
    standing: issued !== null && 'standing' in issued,
    proof: proof ? { state: proof.state, why: proof.why } : null,
    trouble: lease.state === 'ending' ? (steps.find(step => step.error !== null)?.error ?? null) : null,
  }
}

/** All leases, those that stand first. */
export async function listLeases(db: Db, ended: boolean): Promise<LeaseView[]> {
  const rows = await db
    .selectFrom('lease')
    .selectAll()
    .where(
      'state',
      'in',
      ended ? ['issuing', 'active', 'ending', 'ended', 'refused'] : ['issuing', 'active', 'ending'],
    )
    .orderBy('id', 'desc')
    .execute()
  return await Promise.all(rows.map(row => leaseView(db, row)))
}

/** By its id, or the beginning of it. Raises NOT_FOUND, or AMBIGUOUS. */
export async function findLease(db: Db, id: string): Promise<Row<'lease'>> {
  const rows = /^[0-9a-f-]{8,36}$/.test(id)
    ? await db.selectFrom('lease').selectAll().where('id', 'like', `${id}%`).execute()
    : []
  const [row, another] = rows
  if (!row)
    throw new FirebreakError('NOT_FOUND', `no lease is known as ${id}`, 'firebreak lease list --ended')
  if (another)
    throw new FirebreakError('AMBIGUOUS', `${rows.length} leases begin with ${id}`, 'give more of it')
  return row
}

/** The lease whose handle this is. Whether there is a lease of that id is told to nobody else. */
export async function leaseByHandle(db: Db, id: string, handle: string): Promise<Row<'lease'>> {
  const row = await db.selectFrom('lease').selectAll().where('id', '=', id).executeTakeFirst()
  const digest = handleDigest(handle)
  if (!row || !timingSafeEqual(Buffer.from(row.handle_digest), Buffer.from(digest)))
    throw new OauthError('invalid_token', 'it is the handle of no such lease')
  return row
}
