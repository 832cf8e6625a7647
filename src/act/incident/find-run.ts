import { type Ref, sameRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { fingerprint } from '../../core/keys/fingerprint.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Row, RunState } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import { credentialsByFingerprint, findSubject, refOf } from '../../know/inventory/queries.ts'
import { exposedSecret } from '../actions/journal.ts'
import { credentialsOfIdentity, isEnded } from './subject.ts'

/** What a containment is asked for by: the leaked value, or a name for it. */
interface Request {
  readonly subject?: string
  readonly secret?: Secret
}

/** The part of a run's input that says whom it is about. */
interface About {
  readonly incident: { readonly targets: readonly { credentialId: string; identity: Ref }[] }
}

/**
 * The run that is open for what the request names, if there is one. What it cut may be known no more: the last of its
 * steps observes, and a credential that is gone has no credential to name.
 */
export async function openRun(db: Db, keys: Keys, request: Request): Promise<string | undefined> {
  const runs = await containments(db, ['running', 'stuck'])
  if (runs.length === 0) return undefined
  const named = await namedBy(db, keys, request)
  return runs.find(run => concerns(run, named) || sameValue(request.secret, exposedSecret(keys, run)))?.id
}

/**
 * The run that ended for good all that a name stands for: each of its credentials is gone, or was proven dead after it
 * was last seen. A leaked value is tried again instead: that tells more than any record.
 */
export async function endedRun(db: Db, keys: Keys, request: Request): Promise<string | undefined> {
  if (request.secret) return undefined
  const runs = await containments(db, ['done'])
  if (runs.length === 0) return undefined
  const named = await namedBy(db, keys, request)
  for (const id of named.credentialIds) if (!(await isEnded(db, id))) return undefined
  return runs.findLast(run => concerns(run, named))?.id
}

/** Every containment there is: what `begunBeside` is asked against later. */
export async function knownRuns(db: Db): Promise<ReadonlySet<string>> {
  const runs = await containments(db, ['running', 'stuck', 'done', 'abandoned'])
  return new Set(runs.map(run => run.id))
}

/** A containment of one of these identities that was begun since, and may have ended already. */
export async function begunBeside(
  db: Db,
  known: ReadonlySet<string>,
  identities: readonly Ref[],
): Promise<string | undefined> {
  const runs = await containments(db, ['running', 'stuck', 'done', 'abandoned'])
  return runs.find(run => !known.has(run.id) && concerns(run, { credentialIds: new Set(), identities }))?.id
}

interface Named {
  readonly credentialIds: ReadonlySet<string>
  readonly identities: readonly Ref[]
}

async function namedBy(db: Db, keys: Keys, { subject, secret }: Request): Promise<Named> {
  if (secret) {
    const views = await credentialsByFingerprint(db, keys, fingerprint(keys.fingerprint, secret))
    return { credentialIds: new Set(views.map(view => view.id)), identities: [] }
  }
  const entities = await findSubject(db, keys, subject ?? '')
  const identities = entities.filter(entity => entity.type === 'identity')
  const ids = entities.filter(entity => entity.type === 'credential').map(entity => entity.id)
  for (const identity of identities) ids.push(...(await credentialsOfIdentity(db, identity.id)))
  return { credentialIds: new Set(ids), identities: identities.map(refOf) }
}

function concerns(run: Row<'run'>, named: Named): boolean {
  const { incident } = JSON.parse(run.input) as About
  return incident.targets.some(
    target =>
      named.credentialIds.has(target.credentialId) ||
      named.identities.some(ref => sameRef(ref, target.identity)),
  )
}

async function containments(db: Db, states: readonly RunState[]): Promise<Row<'run'>[]> {
  return await db
    .selectFrom('run')
    .selectAll()
    .where('kind', '=', 'contain')
    .where('state', 'in', states)
    .orderBy('id')
    .execute()
}

function sameValue(a: Secret | undefined, b: Secret | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.from(a.reveal()).equals(b.reveal())
}
