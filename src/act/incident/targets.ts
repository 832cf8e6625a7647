import type { Connection, Verdict } from '../../core/contract/connector.ts'
import type { Io } from '../../core/contract/io.ts'
import { type CredentialRef, isProvisional, type Ref, sameRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import type { Connections } from '../../know/connections/registry.ts'
import { confirmCredential } from '../../know/inventory/confirm.ts'
import { membersOf } from '../../know/inventory/merge.ts'
import { type CredentialView, refOf, resolveEntity } from '../../know/inventory/queries.ts'
import type { Capability, Target } from './incident.ts'
import type { Leak } from './leaks.ts'
import { ONLY_TOLD } from '../../know/inventory/only-told.ts'

export interface TargetWorld {
  readonly io: Io
  readonly connections: Connections
}

const CAPABILITIES: readonly Capability[] = [
  'issue',
  'rotate',
  'suspend',
  'freeze',
  'thaw',
  'endSessions',
  'revoke',
  'verify',
  'sessions',
  'lastUse',
]

/** All connected systems that accept the value, or are said to; who uses them is looked for later. `others` are of earlier leaks. */
export async function connectedTargets(
  db: Db,
  world: TargetWorld,
  { views, secret }: Leak,
  leak: number,
  others: readonly Target[],
): Promise<Target[]> {
  const targets: Target[] = []
  const identities = new Map(
    views.flatMap(view => (view.identity ? [[view.identity.id, view.identity] as const] : [])),
  )
  for (const identity of identities.values()) {
    if (isProvisional(identity.ref)) continue
    for (const source of await world.connections.forInstance(
      db,
      identity.ref.system,
      identity.ref.instance,
    )) {
      const connection = await world.connections.open(db, source.id)
      if (!connection.revoke) continue
      const tried = await tryNative(
        connection,
        await nativeCredentials(db, identity.id, views, secret),
        secret,
      )
      if (!tried) continue
      const { credential, verdict } = tried
      await confirm(db, world, views, identity.id, credential.id, verdict, secret)
      const cannot: readonly string[] = connection.cannot?.(credential.ref) ?? []
      const label = labelOf(identity, [...others, ...targets])
      targets.push({
        leak,
        credentialId: await confirmedId(db, views, identity.id, credential.id, verdict),
        credential: credential.ref,
        identity: identity.ref,
        label,
        sourceId: source.id,
        can: CAPABILITIES.filter(name => connection[name] !== undefined && !cannot.includes(name)),
        settleSeconds: connection.settleSeconds,
        ...(connection.keepsPublicHalf && { keepsPublicHalf: true }),
        ours: views.some(view => view.identity?.id === identity.id && view.issuedBy !== undefined),
        verdict,
        consumers: [],
      })
      break
    }
  }
  return targets
}

interface Native {
  readonly id: string
  readonly ref: CredentialRef
}

/** Which of an identity's credentials has the value: the first that the system takes it for, else the first. */
async function tryNative(
  connection: Connection,
  candidates: readonly Native[],
  secret: Secret | undefined,
): Promise<{ credential: Native; verdict: Verdict } | undefined> {
  let first: { credential: Native; verdict: Verdict } | undefined
  for (const credential of candidates) {
    const verdict = (await connection.verify?.(credential.ref, secret)) ?? {
      state: 'unknown' as const,
      why: 'this system cannot be asked',
    }
    if (verdict.state === 'live') return { credential, verdict }
    first ??= { credential, verdict }
  }
  return first
}

/**
 * The system's own credentials of the identity, as its connection listed them: what its verbs take. Only the one that the
 * secret's public half names, where it names one; else only the one that is known to have the value, or that is meant where
 * no value is at hand; else all that may have it, where the system keeps several for an identity, as AWS does.
 */
async function nativeCredentials(
  db: Db,
  identityId: string,
  views: readonly CredentialView[],
  secret: Secret | undefined,
): Promise<Native[]> {
  const identity = await resolveEntity(db, identityId)
  const rows = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .selectAll('entity')
    .where('credential.identity_id', 'in', await membersOf(db, [identity.id]))
    .where('entity.native', 'not like', ONLY_TOLD)
    .where('entity.merged_into', 'is', null)
    // One that is gone can still be tried: that is how it is proven.
    .orderBy(({ eb }) => eb('entity.gone_at', 'is not', null))
    .orderBy('entity.id')
    .execute()
  const named = rows.find(row => row.native === secret?.id)
  const bearing = rows.find(row =>
    views.some(view => view.id === row.id && view.publicFingerprint !== undefined),
  )
  const listed = rows.filter(row => views.some(view => view.id === row.id))
  // Credentials of several kinds are an identity as a system knows it now and as it did before: the first is meant.
  const [first] = rows
  const own = named ?? bearing ?? (secret === undefined && listed.length === 1 ? listed[0] : undefined)
  const chosen = own ? [own] : rows.filter(row => row.kind === first?.kind && row.gone_at === null)
  return (chosen.length > 0 ? chosen : rows.slice(0, 1)).map(row => ({
    id: row.id,
    ref: { ...refOf(row), identity: refOf(identity) },
  }))
}

/** Tells the inventory what the system said of each value that is said to be this identity's. */
async function confirm(
  db: Db,
  world: TargetWorld,
  views: readonly CredentialView[],
  identityId: string,
  nativeId: string,
  verdict: Verdict,
  secret: Secret | undefined,
): Promise<void> {
  if (!secret) return
  for (const view of views)
    if (view.identity?.id === identityId && view.id !== nativeId && view.publicFingerprint !== undefined)
      await transaction(db, tx => confirmCredential(tx, world.io, view.id, nativeId, verdict))
}

/** The entity that the run is about: the native credential where the value is its own, else the copy's. */
async function confirmedId(
  db: Db,
  views: readonly CredentialView[],
  identityId: string,
  nativeId: string,
  verdict: Verdict,
): Promise<string> {
  if (verdict.state === 'live') return nativeId
  const copy = views.find(view => view.identity?.id === identityId && view.id !== nativeId)
  return copy ? (await resolveEntity(db, copy.id)).id : nativeId
}

function labelOf(identity: { ref: Ref; names: readonly string[] }, others: readonly Target[]): string {
  // A name with colons is an ARN or an address, where there is a shorter one.
  const name = identity.names.find(name => !name.includes(':')) ?? identity.names[0] ?? identity.ref.id
  const taken = (label: string) => others.some(target => target.label === label)
  if (!taken(name)) return name
  const full = `${name}@${identity.ref.instance}`
  if (!taken(full) && !others.some(target => sameRef(target.identity, identity.ref))) return full
  // Another value of the same identity.
  for (let count = 2; ; count++) if (!taken(`${name} (${count})`)) return `${name} (${count})`
}
