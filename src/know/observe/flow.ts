/** So many tasks at once, and no more: who adds one waits. The first failure is raised to whoever asks next. */
export class Flow {
  readonly #most: number
  readonly #running = new Set<Promise<void>>()
  #failure: { error: unknown } | undefined

  constructor(most: number) {
    this.#most = most
  }

  async add(task: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#most) await Promise.race(this.#running)
    if (this.#failure) throw this.#failure.error
    const running: Promise<void> = task()
      .catch(error => {
        this.#failure ??= { error }
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async end(): Promise<void> {
    await Promise.all(this.#running)
    if (this.#failure) throw this.#failure.error
  }
}
