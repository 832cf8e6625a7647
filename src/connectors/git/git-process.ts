import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { delimiter, isAbsolute } from 'node:path'
import { FirebreakError } from '../../core/contract/errors.ts'
import { ByteReader } from './byte-reader.ts'
import { GitFailure } from './git-failure.ts'
import type { Outlet } from './outlet.ts'

const STALL_MS = 10 * 60_000
const COMPLAINT_BYTES = 4096

/**
 * Where git may look. `shadow` is an empty repository of our own, so that git never reads the scanned repository's
 * configuration, hooks or attributes; only its object directory is lent to it.
 */
export interface GitHome {
  readonly shadow: string
  readonly objects: string
  readonly signal: AbortSignal
}

/** One running git. Ends by itself, through `stop()`, or with the signal. */
export class GitProcess {
  readonly out: ByteReader
  /** The exit code; -1 where a signal ended it or it never started. */
  readonly ended: Promise<number>
  readonly #child: ChildProcess
  readonly #input: Writable
  readonly #output: Readable | Outlet
  readonly #signal: AbortSignal
  #complaint = ''
  /** Whether it has ended: nothing more needs to be written to it. */
  gone = false
  #startError: NodeJS.ErrnoException | undefined

  /** Whoever expects much gives an outlet, which is this git's from then on. */
  constructor(
    home: GitHome,
    args: readonly string[],
    environment: Record<string, string> = {},
    outlet?: Outlet,
  ) {
    if (home.signal.aborted) outlet?.destroy()
    home.signal.throwIfAborted()
    this.#child = spawn('git', ['--no-pager', '--no-replace-objects', ...args], {
      cwd: home.shadow,
      env: { ...cleanEnvironment(home), ...environment },
      stdio: ['pipe', outlet?.theirs ?? 'pipe', 'pipe'],
    })
    // Git has its own; while ours is open there would be no end.
    outlet?.theirs.destroy()
    this.#input = this.#child.stdin!
    this.#output = outlet ?? this.#child.stdout!
    this.out = new ByteReader(this.#output, STALL_MS)
    outlet?.resume()
    this.#input.on('error', () => {}) // it ended before it read everything: `ended` tells
    this.#child.stderr!.on('data', (chunk: Buffer) => {
      if (this.#complaint.length < COMPLAINT_BYTES) this.#complaint += chunk.toString('latin1')
    })
    this.ended = new Promise(resolve => {
      this.#child.on('error', error => {
        this.#startError = error
        this.gone = true
        resolve(-1)
      })
      this.#child.on('exit', () => {
        this.gone = true
      })
      this.#child.on('close', code => resolve(code ?? -1))
    })
    this.#signal = home.signal
    this.#signal.addEventListener('abort', this.kill, { once: true })
    void this.ended.then(() => this.#signal.removeEventListener('abort', this.kill))
  }

  get complained(): boolean {
    return this.#complaint !== ''
  }

  /** What git said on stderr, as one short printable line. */
  get complaint(): string {
    const lines = this.#complaint.split('\n').filter(line => line.trim() !== '')
    return (lines.at(-1) ?? 'git gave no reason').replace(/[^\x20-\x7e]/g, '?').slice(0, 240)
  }

  /** Resolves when git can take more, or is gone. */
  async write(text: string): Promise<void> {
    if (this.#input.write(text)) return
    await Promise.race([new Promise(resolve => this.#input.once('drain', resolve)), this.ended])
  }

  finish(): void {
    this.#input.end()
  }

  readonly kill = (): void => {
    this.#child.kill('SIGKILL')
  }

  /** Ends git, drops what it has still to say, and waits until it is gone. */
  async stop(): Promise<void> {
    this.kill()
    this.#output.destroy()
    await this.ended
  }

  /** Call at the end of the output: whether git went through, raising where it is missing or was aborted. */
  async succeeded(): Promise<boolean> {
    const code = await this.ended
    this.#signal.throwIfAborted()
    if (this.#startError?.code === 'ENOENT') throw gitIsMissing()
    return code === 0
  }
}

/** Runs git to its end; its output must be small. */
export async function runGit(
  home: GitHome,
  args: readonly string[],
  input = '',
): Promise<{ ok: boolean; text: string; complaint: string }> {
  const git = new GitProcess(home, args)
  void git.write(input).then(() => git.finish())
  const chunks: Buffer[] = []
  try {
    for (let chunk = await git.out.some(65536); chunk; chunk = await git.out.some(65536)) chunks.push(chunk)
    const ok = await git.succeeded()
    return { ok, text: Buffer.concat(chunks).toString('utf8'), complaint: git.complaint }
  } finally {
    await git.stop()
  }
}

/** Records of git's output, in arrays so that a million of them cost few promises. Raises where git fails. */
export async function* gitRecords(
  home: GitHome,
  args: readonly string[],
  options: {
    delimiter: number
    input?: AsyncIterable<string>
    environment?: Record<string, string>
    /** Told what git complained about although it went through. */
    complaint?: (what: string) => void
  },
): AsyncGenerator<Buffer[], void> {
  const git = new GitProcess(home, args, options.environment)
  let fed: Promise<void> = Promise.resolve()
  try {
    if (options.input) fed = feed(git, options.input)
    else git.finish()
    fed.catch(git.kill)
    for (;;) {
      const first = await git.out.record(options.delimiter)
      if (!first) break
      const records = [first]
      for (let next = git.out.buffered(options.delimiter); next; next = git.out.buffered(options.delimiter)) {
        records.push(next)
      }
      yield records
    }
    await fed
    if (!(await git.succeeded())) throw new GitFailure(git.complaint)
    if (git.complained) options.complaint?.(git.complaint)
  } finally {
    await git.stop()
    await fed.catch(() => {})
  }
}

async function feed(git: GitProcess, input: AsyncIterable<string>): Promise<void> {
  for await (const text of input) {
    if (git.gone) return
    await git.write(text)
  }
  git.finish()
}

export function gitIsMissing(): FirebreakError {
  return new FirebreakError(
    'UNSUPPORTED',
    'the command git was not found',
    'Install git (for instance: apt-get install git) and see that it is in PATH.',
  )
}

/**
 * Built from nothing, so that no GIT_* variable of the caller gets in. No transport is allowed: a partial clone's
 * missing object is an error here, never a fetch, which is how a repository would get ssh or ext:: to run.
 */
function cleanEnvironment(home: GitHome): Record<string, string> {
  const path = (process.env['PATH'] ?? '/usr/bin:/bin').split(delimiter).filter(isAbsolute).join(delimiter)
  return {
    PATH: path,
    HOME: home.shadow,
    LC_ALL: 'C',
    GIT_DIR: home.shadow,
    GIT_OBJECT_DIRECTORY: home.objects,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_ALLOW_PROTOCOL: '',
    GIT_NO_LAZY_FETCH: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
  }
}
