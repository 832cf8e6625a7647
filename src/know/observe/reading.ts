import { availableParallelism } from 'node:os'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Piscina } from 'piscina'
import type { Document } from '../../core/contract/document.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { threadEnvironment } from '../../core/contract/thread.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { LoadedRules } from '../readers/secrets/rules/load-rules.ts'
import { type RuleFolders, rulesInUse } from '../readers/secrets/rules/rules-in-use.ts'
import { workerFile } from './worker-file.ts'
import type { ReadAnswer, ReadTask, WorkerSetup } from './worker.ts'
import { startWithYoungMemory } from './young-memory.ts'

/** A larger document is handed to its worker piece by piece. */
export const WHOLE_BYTES = 8 * 1024 * 1024
/** What a worker may take for one task, beyond what its size explains, before it is given up. */
const PATIENCE_MS = 60_000
const SLOWEST_BYTES_PER_MS = 200
const IDLE_MS = 60_000
/** What a worker makes is short-lived: with half of the usual room for it, two workers take 30 MiB less. */
const YOUNG_MIB = 24

type Pool = Piscina<readonly ReadTask[], ReadAnswer[]>

/** A document whose beginning was read: all of it, or as much as is kept in memory. */
export interface Begun {
  readonly document: Document
  readonly chunks: readonly Uint8Array[]
  readonly bytes: number
  /** The rest, where there is one. */
  readonly rest?: AsyncIterator<Uint8Array>
}

/** Reads a document's bytes up to `WHOLE_BYTES`; its own size is only a hint. */
export async function begin(document: Document): Promise<Begun> {
  const iterator = document.bytes()[Symbol.asyncIterator]()
  const chunks: Uint8Array[] = []
  let bytes = 0
  for (;;) {
    const next = await iterator.next()
    if (next.done) return { document, chunks, bytes }
    chunks.push(next.value)
    bytes += next.value.length
    if (bytes > WHOLE_BYTES) return { document, chunks, bytes, rest: iterator }
  }
}

const FULL_BYTES = 2 * 1024 * 1024
const FULL_DOCUMENTS = 256

/** What is not yet full has room for one more. What is not used of it takes no memory. */
const BATCH_BYTES = FULL_BYTES + WHOLE_BYTES

type Shared = Uint8Array<SharedArrayBuffer>

/** A document that is handed over, all of it or its beginning. */
interface Held {
  readonly document: Document
  readonly bytes: Shared
}

/**
 * Documents to be read together, their bytes one after the other in memory that the worker reads as well: sources give views
 * into buffers that they use again, and a document that a worker did not finish is given to another one.
 */
export class Batch {
  readonly documents: Held[] = []
  bytes = 0
  /** For another batch, once this one was read. */
  readonly memory: Shared

  constructor(memory: Shared) {
    this.memory = memory
  }

  /** All of whose bytes were read. Not to one that is full. */
  add({ document, chunks, bytes }: Begun): void {
    const held = this.memory.subarray(this.bytes, this.bytes + bytes)
    fill(held, chunks)
    this.documents.push({ document, bytes: held })
    this.bytes += bytes
  }

  /** Whether it is to be read before more is added; `beside`: what is kept with it and is not read. */
  isFull(beside = 0): boolean {
    return this.bytes >= FULL_BYTES || this.documents.length + beside >= FULL_DOCUMENTS
  }
}

function shared(bytes: number): Shared {
  return new Uint8Array(new SharedArrayBuffer(bytes))
}

function fill(memory: Shared, chunks: readonly Uint8Array[]): void {
  let to = 0
  for (const chunk of chunks) {
    memory.set(chunk, to)
    to += chunk.length
  }
}

export interface ReadingOptions extends RuleFolders {
  readonly keys: Pick<Keys, 'fingerprint'>
  readonly workers?: number
}

/** For one run, or for several one after the other: to start workers and to read the rules takes longer than a small source. */
export async function openReading(options: ReadingOptions): Promise<Reading> {
  return new Reading({
    ...(await rulesInUse(options)),
    key: options.keys.fingerprint,
    workers: options.workers ?? Math.max(1, availableParallelism() - 1),
  })
}

/**
 * Workers that run the readers, by the rules in use. They start with the first document, so that a run with nothing new starts none,
 * or when they are told to. Whoever opens it closes it.
 */
export class Reading {
  /** Of the readers and the rules: what was read by the same one is not read again. */
  readonly version: string
  readonly workers: number
  readonly problems: LoadedRules['problems']
  readonly #rules: Pick<WorkerSetup, 'rules' | 'dictionary'>
  readonly #key: Secret
  readonly #memory: Shared[] = []
  #pool: Promise<Pool> | undefined
  #isMoreExpected = false

  constructor({
    rules,
    dictionary,
    problems,
    version,
    key,
    workers,
  }: LoadedRules & { readonly version: string; readonly key: Secret; readonly workers: number }) {
    this.#rules = { rules, dictionary }
    this.problems = problems
    this.version = version
    this.#key = key
    this.workers = workers
  }

  /** There will be something to read: the first worker starts meanwhile. What is wrong with it is met where it is given something. */
  expect(): void {
    this.#pool ??= this.#start()
    this.#pool.catch(() => {})
  }

  batch(): Batch {
    return new Batch(this.#memory.pop() ?? shared(BATCH_BYTES))
  }

  /** One answer for each document. A document that a worker cannot finish is read by itself, then given up. */
  async read(batch: Batch): Promise<ReadAnswer[]> {
    try {
      const answers = this.#read(batch.documents)
      if (batch.isFull()) this.#expectMore()
      return await answers
    } finally {
      this.#memory.push(batch.memory)
    }
  }

  /** Behind a batch that is full comes another one mostly: a second worker starts while that is gathered. */
  #expectMore(): void {
    if (this.workers < 2 || this.#isMoreExpected) return
    this.#isMoreExpected = true
    void this.#pool?.then(pool => pool.run([])).catch(() => {})
  }

  async #read(documents: readonly Held[]): Promise<ReadAnswer[]> {
    if (documents.length === 0) return []
    try {
      const size = documents.reduce((sum, { bytes }) => sum + bytes.length, 0)
      return await this.#run(documents.map(taskOf), size)
    } catch (error) {
      if (documents.length === 1) return [{ findings: [], failure: givenUp(error) }]
      const answers: ReadAnswer[] = []
      for (const one of documents) answers.push(...(await this.#read([one])))
      return answers
    }
  }

  /** Hands a large document over as it is read. Raises what its source raises. */
  async readLarge(begun: Begun, onBytes: (bytes: number) => void): Promise<ReadAnswer> {
    const { port1: ours, port2: theirs } = new MessageChannel()
    const bytes = shared(begun.bytes)
    fill(bytes, begun.chunks)
    const task = taskOf({ document: begun.document, bytes })
    const ended = new AbortController()
    const answer = this.#run([{ ...task, port: theirs }], begun.document.size ?? 0).then(
      answers => answers[0] ?? { findings: [], failure: 'the worker gave no answer' },
      error => ({ findings: [], failure: givenUp(error) }),
    )
    void answer.finally(() => ended.abort())
    try {
      await feed(ours, begun, ended.signal, onBytes)
    } finally {
      // Also where the source broke off midway: the worker must not wait for ever for more.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has none
      ours.postMessage(null)
      await answer
      ours.close()
    }
    return await answer
  }

  async #run(tasks: readonly ReadTask[], bytes: number): Promise<ReadAnswer[]> {
    const pool = await (this.#pool ??= this.#start())
    const signal = AbortSignal.timeout(PATIENCE_MS + Math.ceil(bytes / SLOWEST_BYTES_PER_MS))
    return await pool.run(tasks, { signal, transferList: tasks.flatMap(({ port }) => port ?? []) })
  }

  async #start(): Promise<Pool> {
    const { Piscina } = await import('piscina')
    startWithYoungMemory(YOUNG_MIB)
    const setup: WorkerSetup = { ...this.#rules, fingerprintKey: this.#key.reveal() }
    const pool: Pool = new Piscina({
      filename: workerFile(),
      workerData: setup,
      minThreads: 1,
      maxThreads: this.workers,
      // A worker takes half a second to start: one that has nothing to do for a moment is kept.
      idleTimeout: IDLE_MS,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
      env: threadEnvironment(),
    })
    // A worker died with nothing in hand. What waits for one to be ready would wait for ever, and unheard the program would end.
    pool.on('error', () => {})
    pool.once('error', () => {
      this.#pool = undefined
      void pool.destroy()
    })
    return pool
  }

  async close(): Promise<void> {
    const pool = await this.#pool
    await pool?.destroy()
  }
}

function taskOf({ document: { id, in: container, path, format, about }, bytes }: Held): ReadTask {
  const told = { ...(format !== undefined && { format }), ...(about && { about }) }
  return { id, in: container, path, bytes, ...told }
}

function givenUp(error: unknown): string {
  const timedOut = error instanceof Error && error.name === 'AbortError'
  return timedOut ? 'reading it took too long and was given up' : 'the worker that read it broke down'
}

const CHUNKS_AHEAD = 4

/** Sends what follows the document's beginning, each further chunk when the worker asks for it. */
async function feed(
  port: MessagePort,
  { rest }: Begun,
  ended: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const credit = new Credit(CHUNKS_AHEAD)
  ended.addEventListener('abort', () => credit.give(Infinity))
  port.on('message', () => credit.give(1))
  const send = async (chunk: Uint8Array) => {
    await credit.take()
    const bytes = new Uint8Array(chunk) // the source may give a view into a large buffer
    port.postMessage(bytes, [bytes.buffer])
  }
  if (!rest) return
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    onBytes(next.value.length)
    if (!ended.aborted) await send(next.value)
  }
}

class Credit {
  #left: number
  #wake: (() => void) | undefined

  constructor(left: number) {
    this.#left = left
  }

  give(more: number): void {
    this.#left += more
    this.#wake?.()
  }

  async take(): Promise<void> {
    if (this.#left <= 0)
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    this.#left--
  }
}
