import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db } from '../../core/store/store.ts'
import { type Connections, connectedSources } from '../../know/connections/registry.ts'
import { observe } from '../../know/observe/observe.ts'
import type { RuleFolders } from '../../know/readers/secrets/rules/rules-in-use.ts'
import type { Mode } from './incident.ts'
import { rulesFrom } from './rules-from.ts'

interface World extends RuleFolders {
  readonly io: Io
  readonly keys: Keys
  readonly connections: Connections
  /** Told which source is read, before that begins. */
  readonly onRead?: (label: string) => void
}

/** So long an emergency puts the cut off for all that it would read; what is not read by then gets no new credential. */
const EMERGENCY_READ_MS = 10_000

/**
 * Reads what was connected for new credentials to be written to, and was not looked at since: nobody would know that a copy stands
 * there, or that it may be written. What cannot be read keeps nothing from being cut: it is told among what was not searched.
 */
export async function readFirst(db: Db, world: World, mode: Mode): Promise<void> {
  const unread = await unreadPlaces(db)
  if (unread.length === 0) return
  const deadline = mode === 'emergency' ? AbortSignal.timeout(EMERGENCY_READ_MS) : undefined
  const io = deadline ? { ...world.io, signal: AbortSignal.any([world.io.signal, deadline]) } : world.io
  for (const source of unread) {
    if (deadline?.aborted) return
    world.onRead?.(source.label)
    try {
      const connection = await world.connections.open(db, source.id)
      await observe(db, source, connection, { io, keys: world.keys, ...rulesFrom(world) })
    } catch (error) {
      world.io.signal.throwIfAborted()
      if (deadline?.aborted) return
      if (!isFirebreakError(error) || error.code.startsWith('STORE_')) throw error
    }
  }
}

/** Where something may be written, or might before. */
async function unreadPlaces(db: Db): Promise<Row<'source'>[]> {
  const unseen = await connectedSources(db)
    .selectAll()
    .where(eb => eb.or([eb('observed_at', 'is', null), eb('observed_at', '<', eb.ref('connected_at'))]))
    .orderBy('id')
    .execute()
  const might = await db
    .selectFrom('fact')
    .select('source_id')
    .distinct()
    .where('name', '=', 'approved')
    .where('value', '=', 'true')
    .execute()
  const before = new Set(might.map(({ source_id }) => source_id))
  return unseen.filter(source => before.has(source.id) || approvesAny(source))
}

/** Every connector that writes calls it so, and writes nothing else. */
function approvesAny({ config }: Row<'source'>): boolean {
  const { approved } = JSON.parse(config) as { approved?: unknown }
  return Array.isArray(approved) && approved.length > 0
}
