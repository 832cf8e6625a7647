const MOST_STATED = 100

/** What could not be done, each once, and no more of them than somebody would read. */
export class Problems {
  readonly stated = new Set<string>()
  unstated = 0

  readonly add = (what: string): void => {
    if (this.stated.size < MOST_STATED) this.stated.add(what)
    else if (!this.stated.has(what)) this.unstated++
  }
}
