import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import { formatRef, isProvisional, type Ms } from '../../core/contract/ref.ts'
import { record } from '../../core/evidence/evidence.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Tx } from '../../core/store/store.ts'
import { namesOf, refOf, resolveEntity } from '../../know/inventory/queries.ts'
import { membersOf } from '../../know/inventory/merge.ts'
import { credentialsOfIdentity, isEnded } from '../incident/subject.ts'
import { isOnlyTold } from '../../know/inventory/only-told.ts'

/** Of many, whoever is told asks for the others. */
const MOST_LISTED = 100

export interface News {
  readonly event: Row<'notice'>['event']
  readonly identityId: string
  /** Of what happens to one credential alone. */
  readonly credentialId?: string
  readonly owner: string | null
  readonly previousOwner?: string | null
  readonly why: string
  /** When it is done, or later. */
  readonly due?: Ms
  /** Of the entry that says the same. */
  readonly evidence: string
}

/** A thing as it may leave: what a text only names has no name of a system, but one that is made from its value. */
interface Thing {
  readonly id: string
  readonly kind: string
  readonly ref: string | null
}

/**
 * Writes down what is to be sent, in the transaction that decides it. Nothing of it is secret, nor made from a secret; each text that is
 * sent is the same however often it is tried. Gives the delivery's id.
 */
export async function intend(tx: Tx, io: Pick<Io, 'now' | 'random'>, news: News): Promise<string> {
  const { event, identityId, credentialId, owner, previousOwner, why, due, evidence } = news
  const id = newId(io)
  const now = io.now().getTime()
  const [name = null] = await namesOf(tx, identityId)
  const body = {
    delivery: id,
    event,
    at: iso(now),
    identity: { ...(await thing(tx, identityId)), name },
    ...(credentialId !== undefined && { credential: await thing(tx, credentialId) }),
    owner,
    ...(previousOwner !== undefined && { previousOwner }),
    why,
    ...(due !== undefined && { due: iso(due) }),
    evidence,
    ...(event.startsWith('owner-') && (await hangingOn(tx, identityId))),
  }
  const values: Row<'notice'> = {
    id,
    entity_id: identityId,
    event,
    body: JSON.stringify(body),
    created_at: now,
    next_at: now,
    tries: 0,
    error: null,
    claimed_by: null,
    claim_epoch: 0,
    claim_until: null,
    sent_at: null,
    stuck_at: null,
  }
  await tx.insertInto('notice').values(values).execute()
  await record(tx, io, { kind: 'notice.intended', subject: identityId, body: { delivery: id, event } })
  return id
}

/** What is live of it: credentials, and leases that were given in its likeness. */
async function hangingOn(tx: Tx, identityId: string) {
  const credentials: Thing[] = []
  let live = 0
  for (const id of await credentialsOfIdentity(tx, identityId)) {
    if (await isEnded(tx, id)) continue
    if (++live <= MOST_LISTED) credentials.push(await thing(tx, id))
  }
  const leases = await tx
    .selectFrom('lease')
    .select(['id', 'name', 'not_after'])
    .where('entity_id', 'in', await membersOf(tx, [identityId]))
    .where('state', 'in', ['issuing', 'active'])
    .orderBy('id')
    .execute()
  return {
    credentials,
    credentialCount: live,
    leases: leases
      .slice(0, MOST_LISTED)
      .map(({ id, name, not_after }) => ({ id, name, expires: iso(not_after) })),
    leaseCount: leases.length,
  }
}

async function thing(tx: Tx, entityId: string): Promise<Thing> {
  const entity = await resolveEntity(tx, entityId)
  const ref = refOf(entity)
  const isNamed = !isProvisional(ref) && !isOnlyTold(ref.id)
  return { id: entity.id, kind: entity.kind, ref: isNamed ? formatRef(ref) : null }
}

function iso(at: Ms): string {
  return new Date(at).toISOString()
}
