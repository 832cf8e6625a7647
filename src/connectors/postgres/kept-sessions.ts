import type { Dialled } from './dial.ts'

/** For how long a session waits for the next call. To begin one costs the server a process, and a containment makes many calls. */
const KEPT_MS = 2000

/**
 * Our own sessions in the connection's database, between two calls. Sessions in other databases are not kept: while one is
 * there, nobody can drop that database or copy it.
 */
export class KeptSessions {
  readonly #idle = new Map<Dialled, NodeJS.Timeout>()

  /** One that nobody uses, no longer kept; whether the server still answers on it is not known. */
  take(): Dialled | undefined {
    const [first] = this.#idle.keys()
    if (first) this.#forget(first)
    return first
  }

  keep(session: Dialled): void {
    const timer = setTimeout(() => {
      this.#forget(session)
      void session.close()
    }, KEPT_MS)
    this.#idle.set(session, timer)
  }

  async close(): Promise<void> {
    const sessions = [...this.#idle.keys()]
    for (const session of sessions) this.#forget(session)
    await Promise.all(sessions.map(session => session.close()))
  }

  #forget(session: Dialled): void {
    clearTimeout(this.#idle.get(session))
    this.#idle.delete(session)
  }
}
