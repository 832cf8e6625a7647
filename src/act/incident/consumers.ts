import type { Connection } from '../../core/contract/connector.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { OWN_AGENT, type Use } from '../../core/contract/use.ts'

/** Short connections are only seen when one looks often; a look is one cheap query. */
const LOOK_EVERY_MS = 40

/** A consumer as a session names it: the workload's id, or where the session comes from. */
export function consumerName(use: Use): string {
  return use.workload?.id ?? use.source.agent ?? use.source.ip ?? 'unnamed'
}

/**
 * Adds to `seen` each session of the identity that is open now: consumer → session ids. Another Firebreak that tries the
 * credential at this moment is no consumer: it would be waited for in vain.
 */
async function look(
  connection: Connection,
  identity: Ref,
  seen: Map<string, Set<string>>,
  io: Pick<Io, 'sleep'>,
): Promise<void> {
  for (const use of await openSessions(connection, identity, io)) {
    if (use.source.agent === OWN_AGENT) continue
    const name = consumerName(use)
    const sessions = seen.get(name) ?? new Set()
    seen.set(name, sessions.add(use.session?.id ?? use.id))
  }
}

/** Some clients log in first and say their name then: a session without one is looked at once more. */
async function openSessions(connection: Connection, identity: Ref, io: Pick<Io, 'sleep'>): Promise<Use[]> {
  const list = async () => {
    const uses: Use[] = []
    for await (const use of connection.sessions?.(identity) ?? []) uses.push(use)
    return uses
  }
  const now = await list()
  if (now.every(({ source }) => source.agent)) return now
  await io.sleep(LOOK_EVERY_MS)
  const named = new Map((await list()).filter(({ source }) => source.agent).map(use => [use.id, use]))
  return now.map(use => (use.source.agent ? use : (named.get(use.id) ?? use)))
}

/** Looks for as long as the window; a window of 0 is one look. */
export async function watchConsumers(
  connection: Connection,
  identity: Ref,
  windowSeconds: number,
  io: Pick<Io, 'now' | 'sleep'>,
): Promise<Map<string, Set<string>>> {
  const seen = new Map<string, Set<string>>()
  // Where a system lists no sessions there is nothing to wait for.
  if (!connection.sessions) return seen
  const end = io.now().getTime() + windowSeconds * 1000
  do {
    await look(connection, identity, seen, io)
    if (windowSeconds > 0) await io.sleep(LOOK_EVERY_MS)
  } while (io.now().getTime() < end)
  return seen
}

export interface Moved {
  readonly moved: string[]
  /** Seen with the old credential after the new one was written, and not with the new one since. */
  readonly behind: string[]
}

/**
 * Waits until every consumer was seen with the new credential and nobody with the old one for `quietSeconds`. Gives
 * what it saw when that is so, or when `timeoutSeconds` have passed.
 */
export async function waitUntilMoved(
  connection: Connection,
  identities: { old: Ref; new: Ref },
  consumers: readonly string[],
  io: Pick<Io, 'now' | 'sleep'>,
  limits: { quietSeconds: number; timeoutSeconds: number },
): Promise<Moved> {
  const withNew = new Map<string, Set<string>>()
  const lastWithOld = new Map<string, number>()
  const began = io.now().getTime()
  let quietSince = began
  for (;;) {
    const old = new Map<string, Set<string>>()
    await look(connection, identities.old, old, io)
    await look(connection, identities.new, withNew, io)
    const now = io.now().getTime()
    for (const name of old.keys()) lastWithOld.set(name, now)
    if (old.size > 0) quietSince = now
    const expected = new Set([...consumers, ...lastWithOld.keys()])
    const missing = [...expected].filter(name => !withNew.has(name))
    const quiet = now - quietSince >= limits.quietSeconds * 1000
    if (missing.length === 0 && quiet) return { moved: [...expected].sort(), behind: [] }
    if (now - began >= limits.timeoutSeconds * 1000) {
      const recent = [...lastWithOld]
        .filter(([, at]) => now - at < limits.quietSeconds * 1000)
        .map(([name]) => name)
      const behind = [...new Set([...missing, ...recent])].sort()
      return { moved: [...expected].filter(name => !behind.includes(name)).sort(), behind }
    }
    await io.sleep(LOOK_EVERY_MS)
  }
}
