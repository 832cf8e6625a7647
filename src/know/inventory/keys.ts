import type { Facts } from '../../core/contract/observation.ts'
import type { Db } from '../../core/store/store.ts'

/** What a private key, and whatever lists its public half, say of it: as `ssh-keygen -l` prints it. */
const FACT = 'sshFingerprint'

/** A copy of a private key. */
export interface FoundKey {
  /** Of its value. */
  readonly fingerprint: string
  readonly sshFingerprint: string
  /** A passphrase protects it. */
  readonly encrypted: boolean
  readonly containerId: string
  /** Within the innermost of what holds it. */
  readonly path: string
}

export async function foundKeys(db: Db): Promise<FoundKey[]> {
  const rows = await db
    .selectFrom('copy')
    .select(['fingerprint', 'facts', 'container_id', 'path', 'member'])
    .where('gone_at', 'is', null)
    .where('facts', 'like', `%"${FACT}"%`)
    .orderBy('id')
    .execute()
  return rows.flatMap(({ fingerprint, facts, container_id, path, member }) => {
    const said = JSON.parse(facts ?? '{}') as Facts
    const sshFingerprint = said[FACT]?.value
    if (typeof sshFingerprint !== 'string') return []
    const within = member === '' ? path : member.slice(member.lastIndexOf('!/') + 1).replace(/^\//, '')
    const encrypted = said['encrypted']?.value === true
    return [{ fingerprint, sshFingerprint, encrypted, containerId: container_id, path: within }]
  })
}

export interface ListedKey {
  readonly entityId: string
  readonly sshFingerprint: string
  /** The document that tells of it; '' where the system itself does. */
  readonly document: string
}

/** What tells the fingerprint of a public key: deploy keys, authorized keys, certificates, lists of keys. */
export async function listedKeys(db: Db): Promise<ListedKey[]> {
  const rows = await db
    .selectFrom('fact')
    .innerJoin('entity', 'entity.id', 'fact.entity_id')
    .select(['fact.entity_id', 'fact.value', 'fact.document'])
    .where('fact.name', '=', FACT)
    .where('fact.gone_at', 'is', null)
    .where('entity.gone_at', 'is', null)
    .orderBy('fact.entity_id')
    .execute()
  return rows.map(row => ({
    entityId: row.entity_id,
    sshFingerprint: JSON.parse(row.value) as string,
    document: row.document,
  }))
}
