import type { Dialled } from './dial.ts'

/** For how long a session waits for the next call. To begin one costs the server a process, and a containment makes many calls. */
const KEPT_MS = 2000

/**
 * In another database than the connection's own: while a session is there, nobody can drop that database or copy it, and who
 * wants to waits for five seconds at most.
 */
const KEPT_ELSEWHERE_MS = 500

/** Our own sessions between two calls, by their database. */
export class KeptSessions {
  readonly #home: string
  readonly #idle = new Map<Dialled, { readonly database: string; readonly timer: NodeJS.Timeout }>()

  constructor(home: string) {
    this.#home = home
  }

  /** One in the database that nobody uses, no longer kept; whether the server still answers on it is not known. */
  take(database: string): Dialled | undefined {
    for (const [session, idle] of this.#idle) {
      if (idle.database !== database) continue
      this.#forget(session)
      return session
    }
    return undefined
  }

  keep(session: Dialled, database: string): void {
    const timer = setTimeout(
      () => {
        this.#forget(session)
        void session.close()
      },
      database === this.#home ? KEPT_MS : KEPT_ELSEWHERE_MS,
    )
    this.#idle.set(session, { database, timer })
  }

  async close(): Promise<void> {
    const sessions = [...this.#idle.keys()]
    for (const session of sessions) this.#forget(session)
    await Promise.all(sessions.map(session => session.close()))
  }

  #forget(session: Dialled): void {
    clearTimeout(this.#idle.get(session)?.timer)
    this.#idle.delete(session)
  }
}
