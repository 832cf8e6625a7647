import { type GitHome, GitProcess } from './git-process.ts'
import { Outlet } from './outlet.ts'

const MOST_RESTARTS = 2000

/**
 * Questions to a git that answers line by line, with as many under way as the pipes hold. Git dies at the first
 * damaged object; here it is started again behind it, so that everything else is still read.
 */
export class Requests {
  readonly #home: GitHome
  readonly #args: readonly string[]
  readonly #input: AsyncIterable<readonly string[]>
  readonly #hasOutlet: boolean
  #git: GitProcess
  #pending: string[] = []
  #first = 0
  #complete = false
  #restarts = 0
  #wake: () => void = () => {}
  #feeding: Promise<void>
  #failure: unknown

  /** With an outlet where the answers are much. */
  constructor(
    home: GitHome,
    args: readonly string[],
    input: AsyncIterable<readonly string[]>,
    outlet?: Outlet,
  ) {
    this.#hasOutlet = outlet !== undefined
    this.#home = home
    this.#args = args
    this.#input = input
    this.#git = new GitProcess(home, args, {}, outlet)
    this.#feeding = this.#feed().catch(error => {
      this.#failure = error
      this.#git.kill()
      this.#wake()
    })
  }

  get out() {
    return this.#git.out
  }

  get complaint(): string {
    return this.#git.complaint
  }

  /** The question whose answer comes next. */
  current(): string | undefined {
    return this.#pending[this.#first]
  }

  answered(): void {
    this.#first++
    if (this.#first < 4096) return
    this.#pending = this.#pending.slice(this.#first)
    this.#first = 0
  }

  /** Whether no question follows the current one. Waits until that is known. */
  async currentIsLast(): Promise<boolean> {
    for (;;) {
      if (this.#failure) throw this.#failure
      if (this.#pending.length - this.#first > 1) return false
      if (this.#complete) return true
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  /**
   * At the end of git's output. `'done'`: every question was put. `'restarted'`: git died; the current question is
   * dropped and the rest is put again. `'given up'`: it died too often.
   */
  async ended(): Promise<'done' | 'restarted' | 'given up'> {
    const ok = await this.#git.succeeded()
    if (this.#failure) throw this.#failure
    // A git that dies with nothing left to ask, as in a repository that is gone, would die again and again.
    if (this.#complete && (ok || this.current() === undefined)) return 'done'
    if (++this.#restarts > MOST_RESTARTS) return 'given up'
    if (this.current() !== undefined) this.answered()
    await this.#git.stop()
    const outlet = this.#hasOutlet ? await Outlet.open(this.#home.shadow) : undefined
    this.#git = new GitProcess(this.#home, this.#args, {}, outlet)
    const again = this.#pending.slice(this.#first)
    if (again.length > 0) void this.#git.write(`${again.join('\n')}\n`)
    if (this.#complete) this.#git.finish()
    return 'restarted'
  }

  async close(): Promise<void> {
    this.#complete = true
    this.#failure ??= new Error('closed')
    await this.#git.stop()
    await this.#feeding
  }

  async #feed(): Promise<void> {
    for await (const questions of this.#input) {
      for (let from = 0; from < questions.length; from += 256) {
        if (this.#failure) return
        const part = questions.slice(from, from + 256)
        if (part.length === 0) continue
        // Noted and written in one step: a restart in between would put them twice or never.
        this.#pending.push(...part)
        const written = this.#git.write(`${part.join('\n')}\n`)
        this.#wake()
        await written
      }
    }
    this.#complete = true
    this.#git.finish()
    this.#wake()
  }
}
