import { callFor, type DeclaredKind } from '../../core/contract/declared-step.ts'
import { isProvisional } from '../../core/contract/ref.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import { setCredentialState } from '../../know/inventory/issued.ts'
import type { CredentialView } from '../../know/inventory/queries.ts'
import { type RuleFolders, rulesInUse } from '../../know/readers/secrets/rules/rules-in-use.ts'
import type { Target } from './incident.ts'
import type { Leak } from './leaks.ts'
import type { TargetWorld } from './targets.ts'

/** Under this name the connection to the vendors is open. */
const VENDORS = 'declared'

/** What rules declare of their kinds, read when it is first asked for. */
export type Kinds = () => Promise<ReadonlyMap<string, DeclaredKind>>

export function kindsIn(folders: RuleFolders): Kinds {
  let read: Promise<ReadonlyMap<string, DeclaredKind>> | undefined
  return () => (read ??= rulesInUse(folders).then(({ rules }) => new Map(rules.map(rule => [rule.id, rule]))))
}

/** The kind of a credential as its rule declares it: the surest of its copies', else one that can be asked about. */
export async function declaredKindOf(
  declared: Kinds,
  view: CredentialView,
): Promise<DeclaredKind | undefined> {
  const known = await declared()
  const kinds = [view.kind, ...view.copies.map(copy => copy.kind)].flatMap(id => known.get(id) ?? [])
  return kinds.find(kind => 'http' in kind.verify || 'http' in kind.revoke) ?? kinds[0]
}

/**
 * A credential that no connected system is known to accept, asked about at its vendor with itself. Nothing where its rule
 * declares no call, or there is nothing to ask with.
 */
export async function declaredTarget(
  db: Db,
  world: TargetWorld & { readonly kinds: Kinds },
  { views, secret }: Leak,
  leak: number,
  others: readonly Target[],
): Promise<Target | undefined> {
  const connection = await world.connections.openUnconnected(db, VENDORS)
  if (!connection?.verify || !secret) return undefined
  for (const view of views) {
    if (view.identity && !isProvisional(view.identity.ref)) continue
    const kind = await declaredKindOf(world.kinds, view)
    if (!kind || !('http' in kind.verify || 'http' in kind.revoke)) continue
    const credential = { ...view.ref, kind: kind.id }
    const verdict = await connection.verify(credential, secret)
    await transaction(db, tx => setCredentialState(tx, world.io, view.id, verdict))
    const { revoke } = kind
    const canRevoke = 'http' in revoke && callFor(revoke, secret.revealText()) !== undefined
    const account = verdict.access?.find(one => one.startsWith('account '))?.slice('account '.length)
    return {
      leak,
      credentialId: view.id,
      credential,
      identity: view.identity?.ref ?? view.ref,
      label: unique(account === undefined ? kind.name : `${kind.name} of ${account}`, others),
      sourceId: VENDORS,
      can: canRevoke ? ['verify', 'revoke'] : ['verify'],
      settleSeconds: connection.settleSeconds,
      atVendor: {
        kind: kind.name,
        ...(!canRevoke && { byHand: ('why' in revoke && revoke.why) || 'Its owner ends it at the vendor.' }),
      },
      verdict,
      consumers: [],
    }
  }
  return undefined
}

function unique(label: string, others: readonly Target[]): string {
  const taken = (text: string) => others.some(target => target.label === text)
  if (!taken(label)) return label
  for (let count = 2; ; count++) if (!taken(`${label} (${count})`)) return `${label} (${count})`
}
