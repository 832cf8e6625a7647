import { Secret } from '../../src/core/contract/secret.ts'
import type { Estate } from './estate.ts'

const WORK_MS = 100
const PAUSE_MS = 60

/** A service that logs in again and again, each time with what its file says then, or always with what it said first. */
export class Consumer {
  readonly #estate: Estate
  readonly #path: string
  readonly #name: string
  readonly #rereads: boolean
  #stopping = false
  /** Logins that were refused. */
  failures = 0
  logins = 0

  constructor(estate: Estate, path: string, name: string, options: { rereads: boolean }) {
    this.#estate = estate
    this.#path = path
    this.#name = name
    this.#rereads = options.rereads
    void this.#work()
  }

  stop(): void {
    this.#stopping = true
  }

  async #work(): Promise<void> {
    const { server, time } = this.#estate
    let text = this.#estate.text(this.#path)
    while (!this.#stopping) {
      if (this.#rereads) text = this.#estate.text(this.#path)
      const [, name = '', password = ''] = /postgres:\/\/([^:]+):([^@]+)@/.exec(text) ?? []
      const session = server.login(name, new Secret(password), this.#name)
      if (session) this.logins++
      else this.failures++
      await time.sleep(WORK_MS)
      if (session) session.alive = false
      await time.sleep(PAUSE_MS)
    }
  }
}
