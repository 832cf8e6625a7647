import type { Connection } from '../../core/contract/connector.ts'
import { countText } from '../../core/contract/count-text.ts'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { Document } from '../../core/contract/document.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Observation } from '../../core/contract/observation.ts'
import type { Cursor, Ms } from '../../core/contract/ref.ts'
import { record } from '../../core/evidence/evidence.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Row } from '../../core/store/schema.ts'
import type { Db, Tx } from '../../core/store/store.ts'
import { type Finding, fold } from '../inventory/fold.ts'
import {
  type Coverage,
  dropCoverage,
  dropUnread,
  keepCoverage,
  keepWithin,
  type Listed,
  markGone,
  restate,
} from '../inventory/standing.ts'
import { linkKeys } from '../inventory/link-keys.ts'
import { linkWithinRepositories } from '../inventory/link-within-repositories.ts'
import { forgetUntold, markTold, standAgain, untoldAt } from '../inventory/told.ts'
import { toldBy } from '../readers/path-bound.ts'
import { documentsHolding } from './documents-before.ts'
import { fingerprinted } from './fingerprinted.ts'
import { insertDocuments } from './insert-documents.ts'
import { Flow } from './flow.ts'
import { MemberGaps } from './member-gaps.ts'
import { FEW, Pending } from './pending.ts'
import { ReadOnce } from './read-once.ts'
import { type Batch, type Begun, begin, openReading, type Reading, type ReadingOptions } from './reading.ts'
import { restateDuplicates } from './restate-duplicates.ts'
import { Telling } from './telling.ts'
import type { ReadAnswer } from './worker.ts'
import { writeFor } from './write-for.ts'
import { boundYoungMemory } from './young-memory.ts'

export interface ObserveProgress {
  readonly documents: number
  readonly bytes: number
  readonly totalBytes?: number
  readonly finds: number
  readonly done: boolean
}

export interface ObserveResult {
  readonly sourceId: string
  readonly documents: number
  readonly bytes: number
  readonly skippedAsRead: number
  /** Of the documents, those that were read now. */
  readonly read: number
  /** Copies found in what was read in this run. */
  readonly finds: number
  readonly coverage: Coverage[]
}

interface Running {
  readonly keys: Keys
  readonly io: Io
  readonly onProgress?: (progress: ObserveProgress) => void
  /** Lists everything again, and does not start from where the last run ended. What was read is not read again. */
  readonly full?: boolean
}

/** With a reading that is open already, where several sources are read one after the other, or else one of its own. */
export type ObserveOptions = Running & ({ readonly reading: Reading } | ReadingOptions)

const BATCH_OBSERVATIONS = 1000

type Occurrence = Extract<Observation, { see: 'occurrence' }>

/**
 * Reads what is new at a source, then asks what is there, and folds both. Each batch is one transaction: what was
 * folded stays, whatever ends the run, and the next run reads on from there. Raises what the connection raises, after
 * what was found before is folded and the gap is recorded.
 */
export async function observe(
  db: Db,
  source: Row<'source'>,
  connection: Connection,
  options: ObserveOptions,
): Promise<ObserveResult> {
  const current = await db
    .selectFrom('source')
    .selectAll()
    .where('id', '=', source.id)
    .executeTakeFirstOrThrow()
  const reading = 'reading' in options ? options.reading : await openReading(options)
  const run = new Run(db, current, connection, reading, options)
  for (const { file, line, column, message } of reading.problems)
    run.cover({
      scope: `rule ${file.split(/[\\/]/).at(-1)}`,
      complete: false,
      why: `line ${line}, column ${column}: ${message}`,
    })
  try {
    return await run.all()
  } finally {
    if (!('reading' in options)) await reading.close()
  }
}

class Run {
  readonly #db: Db
  readonly #source: Row<'source'>
  readonly #connection: Connection
  readonly #reading: Reading
  readonly #options: ObserveOptions
  /** Everything that this run sees bears it; what bears an older one was not seen. */
  readonly #at: Ms
  readonly #coverage: Coverage[] = []
  readonly #gaps = new MemberGaps()
  readonly #telling = new Telling()
  #once: ReadOnce | undefined
  readonly #further = new WeakSet<Document>()
  /** Documents in which something was found before this run. */
  #held: ReadonlySet<string> = new Set()
  #pending = new Pending(performance.now(), FEW)
  #documents = 0
  #bytes = 0
  #skippedAsRead = 0
  #finds = 0
  #failedDocuments = 0

  constructor(
    db: Db,
    source: Row<'source'>,
    connection: Connection,
    reading: Reading,
    options: ObserveOptions,
  ) {
    this.#db = db
    this.#source = source
    this.#connection = connection
    this.#reading = reading
    this.#options = options
    this.#at = Math.max(options.io.now().getTime(), (source.observed_at ?? -1) + 1)
  }

  cover(coverage: Coverage): void {
    this.#coverage.push(coverage)
  }

  async all(): Promise<ObserveResult> {
    let cursor: Cursor | undefined
    const untold = await untoldAt(this.#db, this.#source)
    if (untold !== undefined)
      await writeFor(this.#db, this.#source, tx => standAgain(tx, this.#source.id, untold))
    const since = await this.#since()
    await this.#gaps.load(this.#db, this.#source.id, this.#reading.version)
    await this.#telling.load(this.#db, this.#source.id)
    try {
      cursor = await this.#readDocuments(since)
      await this.#discover()
      if (since === undefined && this.#connection.documents && this.#failedDocuments === 0)
        await this.#forgetUnlisted()
    } catch (error) {
      await this.#breakOff(error)
      throw error
    }
    const isAsBefore = this.#isAsBefore(since)
    if (!isAsBefore && (!this.#connection.discover || this.#coverage.every(({ complete }) => !complete)))
      await this.#coverWhole()
    await writeFor(this.#db, this.#source, async tx => {
      await this.#foldInto(tx, this.#coverageFindings())
      if (isAsBefore) await keepCoverage(tx, this.#source.id, this.#at)
      else {
        await dropCoverage(tx, this.#source.id, this.#at)
        await markGone(tx, this.#source.id, this.#at, this.#coverage, {
          listsAll: since === undefined,
          readsDocuments: this.#connection.documents !== undefined,
        })
        const standing = this.#telling.standing(since === undefined && this.#failedDocuments === 0)
        await markTold(tx, this.#source.id, this.#at, this.#telling.documents, standing, this.#coverage)
        await linkWithinRepositories(tx, this.#options.io)
        await linkKeys(tx, this.#options.io)
      }
      // Documents that could not be read are to be listed again.
      const position = this.#failedDocuments === 0 ? { cursor: cursor ?? this.#source.cursor } : {}
      await tx
        .updateTable('source')
        .set({ ...position, observed_at: this.#at })
        .where('id', '=', this.#source.id)
        .where(eb => eb.or([eb('observed_at', 'is', null), eb('observed_at', '<=', this.#at)]))
        .execute()
      await this.#record(tx, true)
    })
    this.#progress(true)
    return this.#result()
  }

  /** Where the last run ended; nowhere when the readers are others than then, since all is to be read again. */
  async #since(): Promise<Cursor | undefined> {
    if (this.#options.full || this.#source.cursor === null) return undefined
    const older = await this.#db
      .selectFrom('document')
      .select('document')
      .where('source_id', '=', this.#source.id)
      .where('reader', '<>', this.#reading.version)
      .limit(1)
      .executeTakeFirst()
    return older ? undefined : this.#source.cursor
  }

  /** What a source tells through its documents alone stands as it was where it lists no new one. */
  #isAsBefore(since: Cursor | undefined): boolean {
    return since !== undefined && !this.#connection.discover && this.#documents === 0
  }

  async #readDocuments(since: Cursor | undefined): Promise<Cursor | undefined> {
    if (!this.#connection.documents) return undefined
    const once = await ReadOnce.load(this.#db, this.#source.id, this.#reading.version, this.#options.io)
    this.#once = once
    const holding = await documentsHolding(this.#db, this.#source.id)
    this.#held = holding
    const listedTwice: Listed[] = []
    const flow = new Flow(this.#reading.workers + 1)
    if (once.isFirst) this.#reading.expect()
    let batch = this.#reading.batch()
    let listed: Listed[] = []
    let cursor: Cursor | undefined
    const flush = async () => {
      const [full, restated] = [batch, listed]
      if (full.documents.length === 0 && restated.length === 0) return
      batch = this.#reading.batch()
      listed = []
      boundYoungMemory()
      await flow.add(() => this.#readBatch(full, restated))
    }
    try {
      for await (const document of this.#connection.documents(since)) {
        this.#options.io.signal.throwIfAborted()
        this.#documents++
        cursor = document.cursor === '' ? cursor : document.cursor
        this.#telling.listed(toldBy({ document: document.id, path: document.path }))
        const { readBefore, isRead, isTold } = once.begin(document)
        if (isRead && isTold) {
          this.#skippedAsRead++
          this.#gaps.stands(document.id, document.path)
          if (!readBefore) listedTwice.push({ document: document.id, path: document.path })
          else if (holding.has(document.id)) listed.push({ document: document.id, path: document.path })
        } else {
          if (isRead) this.#further.add(document)
          const begun = await this.#begin(document)
          if (!begun) continue
          this.#bytes += begun.bytes
          if (begun.rest) await this.#readLarge(begun)
          else batch.add(begun)
        }
        if (batch.isFull(listed.length)) await flush()
        if (this.#documents % 64 === 0) this.#progress(false)
      }
    } finally {
      // A worker's answer to a pool that is gone would end the process: nothing may be under way when this is left.
      await flush()
        .finally(() => flow.end())
        .finally(() => this.#foldPending())
    }
    await restateDuplicates(this.#db, this.#options.io, this.#source, listedTwice, this.#at)
    return cursor
  }

  async #readBatch(batch: Batch, listed: readonly Listed[] = []): Promise<void> {
    const answers = await this.#reading.read(batch)
    for (const [index, { document }] of batch.documents.entries()) this.#keep(document, answers[index])
    this.#pending.lists(listed)
    if (this.#pending.isDue(performance.now())) await this.#foldPending()
  }

  #keep(
    document: Document,
    answer: ReadAnswer = { findings: [], failure: 'the worker gave no answer' },
  ): void {
    this.#pending.read(document, answer, this.#further.has(document))
  }

  /** Undefined where it alone cannot be fetched. */
  async #begin(document: Document): Promise<Begun | undefined> {
    try {
      return await begin(document)
    } catch (error) {
      if (!document.mayFail || !isFirebreakError(error, 'CONFLICT', 'DENIED', 'NOT_FOUND')) throw error
      this.#keep(document, { findings: [], failure: error.message })
      return undefined
    }
  }

  /** What an older reader read and the source no longer lists would keep every later run from starting at a cursor. */
  async #forgetUnlisted(): Promise<void> {
    await writeFor(this.#db, this.#source, async tx => {
      await tx
        .deleteFrom('document')
        .where('source_id', '=', this.#source.id)
        .where('reader', '<>', this.#reading.version)
        .execute()
    })
  }

  async #readLarge(begun: Begun): Promise<void> {
    // It may take minutes: what was read before is kept whatever happens meanwhile.
    await this.#foldPending()
    const answer = await this.#reading.readLarge(begun, bytes => {
      this.#bytes += bytes
      this.#progress(false)
    })
    this.#keep(begun.document, answer)
    await this.#foldPending()
  }

  async #foldPending(): Promise<void> {
    if (this.#pending.isEmpty) return
    const { findings, toldBy, done, unread, listed } = this.#pending
    this.#pending = this.#pending.next(performance.now())
    for (const { document, path, gaps } of done) this.#gaps.add(document, path, gaps)
    for (const { path, why } of unread) {
      this.#failedDocuments++
      this.cover({ scope: this.#placeOf(path), complete: false, why, failed: true })
    }
    const tells = new Set(toldBy.values())
    const toldBefore = done.map(({ document }) => document).filter(id => this.#telling.tells(id))
    await writeFor(this.#db, this.#source, async tx => {
      await this.#foldInto(tx, findings, toldBy)
      await forgetUntold(tx, this.#source.id, toldBefore, this.#at)
      for (const { document, gaps } of done) await keepWithin(tx, this.#source.id, document, gaps, this.#at)
      const readAgain = done.map(({ document }) => document).filter(document => this.#held.has(document))
      await dropUnread(tx, this.#source.id, readAgain, this.#at)
      await insertDocuments.run(
        tx,
        done.map(({ document, gaps }) => ({
          source_id: this.#source.id,
          document,
          reader: this.#reading.version,
          read_at: this.#at,
          gaps: gaps.length === 0 ? null : JSON.stringify(gaps),
          tells: tells.has(document) ? 1 : 0,
        })),
      )
      // Its content is what it was: what an earlier reading found in what could not be read now still stands.
      await restate(tx, this.#options.io, this.#source.id, [...listed, ...unread], this.#at)
    })
    for (const { document } of done) this.#telling.read(document, tells.has(document))
    this.#finds += findings.filter(({ see }) => see === 'copy').length
    this.#progress(false)
  }

  #scope(): string {
    return `${this.#source.system}:${this.#source.label}`
  }

  #placeOf(path: string): string {
    return this.#connection.isDocument ? this.#scope() : `${this.#scope()}/${path}`
  }

  async #discover(): Promise<void> {
    if (!this.#connection.discover) return
    const holding = await documentsHolding(this.#db, this.#source.id)
    let batch: Finding[] = []
    const flush = async () => {
      const findings = batch
      batch = []
      if (findings.length > 0) await writeFor(this.#db, this.#source, tx => this.#foldInto(tx, findings))
    }
    const take = async (observation: Observation) => {
      if (observation.see === 'occurrence') {
        const { document, path, atHead } = observation
        const told = toldBy(observation)
        this.#gaps.stands(document, path)
        this.#telling.occurs(told, atHead === true)
        if (told !== document && this.#telling.tells(told)) batch.push({ ...observation, document: told })
        if (!holding.has(document) && !this.#telling.tells(document))
          return batch.length >= BATCH_OBSERVATIONS ? await flush() : undefined
      }
      if (observation.see === 'covered') {
        const { see: _, ...coverage } = observation
        return this.cover(coverage)
      }
      if (observation.see === 'copy') this.#finds++
      batch.push(fingerprinted(observation, this.#options.keys.fingerprint))
      if (batch.length >= BATCH_OBSERVATIONS) await flush()
    }
    const further: Occurrence[] = []
    try {
      let observations = 0
      for await (const observation of this.#connection.discover()) {
        this.#options.io.signal.throwIfAborted()
        if (++observations % 64 === 0) this.#progress(false)
        const isHere = observation.see === 'occurrence' && observation.atHead === true
        if (isHere && this.#once?.isFurther(observation)) further.push(observation)
        else await take(observation)
      }
      await this.#readFurther(further)
      for (const occurrence of further) await take(occurrence)
    } finally {
      await flush()
    }
  }

  /** The same texts at other places, which a source that gives each text once has not given there. */
  async #readFurther(places: readonly Occurrence[]): Promise<void> {
    if (!this.#connection.documentsAt || places.length === 0) return
    let batch = this.#reading.batch()
    const read = async () => {
      await this.#readBatch(batch)
      batch = this.#reading.batch()
    }
    for await (const document of this.#connection.documentsAt(places)) {
      this.#options.io.signal.throwIfAborted()
      const begun = await this.#begin(document)
      if (!begun) continue
      this.#further.add(document)
      if (begun.rest) await this.#readLarge(begun)
      else batch.add(begun)
      if (batch.isFull()) await read()
    }
    await read()
    await this.#foldPending()
  }

  /** A source that states no coverage was read as a whole, or not. */
  async #coverWhole(): Promise<void> {
    if (this.#connection.discover && this.#coverage.length > this.#failedDocuments) return
    const complete = this.#failedDocuments === 0
    const why = `${countText(this.#failedDocuments, 'document')} could not be read`
    this.cover({
      scope: this.#scope(),
      complete,
      ...(complete ? {} : { why }),
    })
  }

  async #breakOff(error: unknown): Promise<void> {
    // A full or broken database takes no record of it; what was committed before stands.
    if (error instanceof FirebreakError && error.code.startsWith('STORE_')) return
    const why = error instanceof FirebreakError ? error.message : 'the run was broken off'
    this.cover({ scope: this.#scope(), complete: false, why })
    await writeFor(this.#db, this.#source, async tx => {
      await this.#foldInto(tx, this.#coverageFindings())
      await this.#record(tx, false)
    })
    this.#progress(true)
  }

  /** What lies within a document says nothing about what else the source has: it is told, and decides nothing. */
  #allCoverage(): Coverage[] {
    return [...this.#coverage, ...this.#gaps.coverage(path => this.#placeOf(path))]
  }

  #coverageFindings(): Finding[] {
    return this.#allCoverage().map(coverage => ({ see: 'covered', ...coverage }))
  }

  async #foldInto(
    tx: Tx,
    findings: readonly Finding[],
    toldBy: ReadonlyMap<Finding, string> = new Map(),
  ): Promise<void> {
    await fold(tx, this.#source, findings, { io: this.#options.io, at: this.#at, toldBy })
  }

  async #record(tx: Tx, finished: boolean): Promise<void> {
    const { documents, bytes, skippedAsRead, finds } = this.#result()
    await record(tx, this.#options.io, {
      kind: 'observed',
      subject: this.#source.id,
      body: {
        system: this.#source.system,
        instance: this.#source.instance,
        finished,
        documents,
        bytes,
        skippedAsRead,
        finds,
        gaps: this.#allCoverage().filter(({ complete }) => !complete).length,
      },
    })
  }

  #result(): ObserveResult {
    return {
      sourceId: this.#source.id,
      documents: this.#documents,
      bytes: this.#bytes,
      skippedAsRead: this.#skippedAsRead,
      read: this.#documents - this.#skippedAsRead,
      finds: this.#finds,
      coverage: this.#allCoverage(),
    }
  }

  #progress(done: boolean): void {
    const [documents, bytes, finds] = [this.#documents, this.#bytes, this.#finds]
    this.#options.onProgress?.({ documents, bytes, finds, done })
  }
}
