import type { DeclaredKind } from '../../core/contract/declared-step.ts'
import type { Db } from '../../core/store/store.ts'
import { inChunks } from '../../know/inventory/in-chunks.ts'
import type { Roots } from '../../know/inventory/roots.ts'
import { nonHumans } from '../ownership/non-human.ts'
import { wordsOf } from '../ownership/words.ts'
import { profilesOf } from './profiles.ts'

/** Someone else whose software acts here, or whose service is used. */
export interface Vendor {
  readonly name: string
  /** Identities that the vendor acts as, and credentials that are accepted at the vendor, each with why, by id. */
  readonly identities: ReadonlyMap<string, string>
  readonly credentials: ReadonlyMap<string, string>
}

/** A vendor’s name, however it is written: “New Relic” is `newrelic`. */
export function vendorKey(name: string): string {
  return wordsOf(name).join('')
}

function isSame(a: string, b: string): boolean {
  return vendorKey(a) === vendorKey(b)
}

/**
 * What hangs on a vendor; undefined where nothing does. `kinds` are those of credentials, by their id. One that is verified or
 * revoked at an address of its rule is accepted by a vendor; what is accepted by a server of one's own is not.
 */
export async function vendorNamed(
  db: Db,
  roots: Roots,
  kinds: ReadonlyMap<string, DeclaredKind>,
  asked: string,
): Promise<Vendor | undefined> {
  if (vendorKey(asked) === '') return undefined
  const said = await nonHumans(db)
  const profiles = await profilesOf(db, roots, said)
  const identities = new Map<string, string>()
  let name = asked
  for (const { id } of said) {
    const vendor = profiles.get(id)?.vendor
    if (!vendor || !isSame(vendor.value, asked)) continue
    identities.set(id, `its vendor is ${vendor.value}: ${vendor.why}`)
    name = vendor.value
  }
  const own = [...kinds].filter(
    ([, { system, verify, revoke }]) => isSame(system, asked) && ('http' in verify || 'http' in revoke),
  )
  const rows = await inChunks(
    own.map(([id]) => id),
    chunk =>
      db
        .selectFrom('entity')
        .select(['id', 'kind'])
        .where('type', '=', 'credential')
        .where('kind', 'in', chunk)
        .where('merged_into', 'is', null)
        .where('gone_at', 'is', null)
        .execute(),
  )
  const credentials = new Map(
    rows.map(({ id, kind }) => [id, `it is a ${kinds.get(kind)!.name}, which ${name} accepts`]),
  )
  return identities.size + credentials.size === 0 ? undefined : { name, identities, credentials }
}
