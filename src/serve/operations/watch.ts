import pc from 'picocolors'
import { z } from 'zod'
import { actAutomatically } from '../../act/lifecycle/automatic.ts'
import { deliverNotices } from '../../act/lifecycle/delivery.ts'
import { tellOwners } from '../../act/lifecycle/owner-news.ts'
import { countText } from '../../core/contract/count-text.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { formatRef, type Ms } from '../../core/contract/ref.ts'
import type { Row } from '../../core/store/schema.ts'
import { storeError } from '../../core/store/store-error.ts'
import { alarms } from '../../judge/posture/all.ts'
import { type FindingChange, runChecks } from '../../judge/posture/run-checks.ts'
import { credentialView } from '../../know/inventory/queries.ts'
import { observe } from '../../know/observe/observe.ts'
import { type ClaimedSource, claimSource, enrol, hasten, nextDue } from '../../know/observe/schedule.ts'
import { chooseSources, isCalled } from './choose-sources.ts'
import { unreadFailure } from './coverage.ts'
import { durationMs } from './duration.ts'
import { keepCrossingsOf } from './graph-view.ts'
import { defineOperation, type World } from './operation.ts'
import { ruleFoldersOf } from './own-rules.ts'
import { isoTime } from './standing.ts'
import { called } from './subject.ts'

const input = z.object({
  sources: z.array(z.string().min(1)).default([]).describe('labels or ids of sources; all of them without'),
  every: z.string().default('15m').describe('how often each source is read: 90s, 15m, 6h, 1d'),
  override: z
    .array(z.object({ source: z.string().min(1), every: z.string() }))
    .default([])
    .describe('another interval for one source'),
  once: z.boolean().default(false).describe('read each source once, now, and end: for cron'),
  workers: z.int().min(1).max(64).optional().describe('how many threads read'),
})
type Input = z.infer<typeof input>

export interface Watched {
  readonly observed: number
  /** With `--once` only. */
  readonly failures: readonly Error[]
  /** How many findings stand now. */
  readonly findings: number
  readonly once: boolean
}

export const watch = defineOperation<Input, Watched>({
  name: 'watch',
  summary: 'Read connected sources on schedule, and say what is newly wrong',
  permission: 'observe',
  input: input as z.ZodType<Input>,
  positional: ['sources'],
  examples: [
    {
      command: 'firebreak watch --every 15m',
      shows:
        'a line for each source that was read, and for each finding that begins or ends, until control-C',
    },
    {
      command: 'firebreak watch --every 1h --override source=/srv/app,every=5m',
      shows: 'one source read more often than the others',
    },
    { command: 'firebreak watch --once', shows: 'one round, for cron: exit code 1 while a finding stands' },
  ],
  run,
  text: () => '',
  json: () => undefined,
  exitCode: ({ once, findings }) => (once && findings > 0 ? 1 : 0),
  failures: ({ failures }) => failures,
})

/** Two, so that one source that answers slowly does not hold up all others. */
const MOST_AT_ONCE = 2
/** What other processes left, connected or finished is noticed within so long. */
const LONGEST_SLEEP_MS = 5_000
const LONGEST_BACKOFF_MS = 3_600_000
const ACT_EVERY_MS = 60_000
/** So long nothing is begun, and again after so long, that what is being read may end before something is done by itself. */
const HOLD_MS = 30_000
const HOLD_AGAIN_MS = 600_000
/** A round takes seconds: where the clock says more, or less than nothing, it was set, or the machine slept. */
const LEAP_MS = 120_000
/** What shows no progress for so long may hang, and keeps its place from others no longer. */
const STALLED_MS = 600_000
const AUTOMATIC_COLOURS = {
  announced: pc.yellow,
  withdrawn: pc.green,
  left: pc.yellow,
  acted: pc.green,
  failed: pc.red,
  resumed: pc.green,
} as const

async function run(world: World, given: Input): Promise<Watched> {
  const watching = new Watching(world, given)
  await watching.all()
  return {
    observed: watching.observed,
    failures: watching.failures,
    findings: await openFindings(world),
    once: given.once,
  }
}

async function openFindings({ db }: World): Promise<number> {
  const ids = alarms.map(check => check.id)
  const rows = await db
    .selectFrom('finding')
    .select('id')
    .where('check', 'in', ids)
    .where('ended_at', 'is', null)
    .execute()
  return rows.length
}

interface Work {
  readonly source: Row<'source'>
  at: Ms
  isStalled: boolean
}

class Watching {
  readonly #world: World
  readonly #input: Input
  readonly #everyMs: number
  /** Each with when it was last seen to go on. */
  readonly #working = new Map<Promise<void>, Work>()
  /** With `--once`: those that this process has begun. */
  readonly #begun = new Set<string>()
  readonly failures: Error[] = []
  observed = 0
  #checked = false
  /** How many had been read when it was last acted by itself, and when that was. */
  #acted = { after: 0, at: -Infinity }
  /** Since when something is to be done by itself. */
  #heldAt: Ms | undefined
  /** When the last round began. */
  #roundAt: Ms | undefined
  /** Of a round: that something which was being read ended. */
  #ended = Promise.withResolvers<void>()
  /** Sends what owners are to be told, beside all else: a place that answers slowly holds up no source. */
  #sending: Promise<void> | undefined
  #broken: unknown

  constructor(world: World, given: Input) {
    this.#world = world
    this.#input = given
    this.#everyMs = durationMs(given.every)
    for (const { every } of given.override) durationMs(every)
  }

  async all(): Promise<void> {
    const { io } = this.#world
    try {
      const chosen = chooseSources(await this.#world.connections.list(this.#world.db), this.#input.sources)
      // A name that fits nothing would be an interval that nobody keeps.
      chooseSources(
        chosen,
        this.#input.override.map(({ source }) => source),
      )
      const sources = countText(chosen.length, 'source')
      this.#say(
        'watching',
        pc.dim(
          this.#input.once ? `reading ${sources} once` : `watching ${sources}, every ${this.#input.every}`,
        ),
        {
          sources: chosen.length,
          every: this.#input.every,
        },
      )
      for (let troubles = 0; !io.signal.aborted; ) {
        try {
          if (!(await this.#round())) break
          troubles = 0
        } catch (error) {
          troubles = await this.#outlast(error, troubles)
        }
      }
    } finally {
      await Promise.allSettled([...this.#working.keys(), this.#sending])
    }
    if (this.#broken !== undefined && !io.signal.aborted) throw this.#broken
    // Who asked for one round wants to know that it was not finished.
    if (this.#input.once) io.signal.throwIfAborted()
  }

  /** Begins what is due, and waits a moment. False where there is nothing left to do. */
  async #round(): Promise<boolean> {
    const { db, io } = this.#world
    if (this.#broken !== undefined) return false
    this.#followClock()
    // One for each round: what waits for a reading that never ends would be kept for as long.
    this.#ended = Promise.withResolvers()
    await enrol(db, io)
    // Whoever was killed may have folded what it had not yet checked.
    if (!this.#checked) await this.#check()
    void this.#send()
    const sources = await this.#chosen()
    await this.#hasten(sources)
    this.#checked = true
    const waiting = sources.filter(({ id }) => !this.#begun.has(id))
    const ids = waiting.map(({ id }) => id)
    // What is acted on must not be read meanwhile.
    if (this.#isToAct() && this.#busy() === 0) await this.#act()
    const most = this.#isHeld() ? 0 : MOST_AT_ONCE
    while (this.#busy() < most) {
      // Where the machine slept, the claim on what is being read here may be over before it is renewed.
      const own = new Set([...this.#working.values()].map(({ source }) => source.id))
      const claim = await claimSource(
        db,
        io,
        ids.filter(id => !this.#begun.has(id) && !own.has(id)),
        this.#input.once ? 'now' : 'due',
      )
      if (!claim) break
      const source = sources.find(({ id }) => id === claim.sourceId)!
      if (this.#input.once) this.#begun.add(source.id)
      const work: Work = { source, at: io.now().getTime(), isStalled: false }
      const taken: Promise<void> = this.#take(source, claim, () => (work.at = io.now().getTime()))
        .catch(error => this.#trouble(error))
        .finally(() => {
          this.#working.delete(taken)
          this.#ended.resolve()
        })
      this.#working.set(taken, work)
    }
    if (this.#working.size === 0 && this.#input.once) {
      if (this.observed > this.#acted.after) await this.#act()
      // Once more: the first may have been begun before there was what is now to be told.
      await this.#sending
      await this.#send()
      for (const { id, system, label } of waiting)
        if (!this.#begun.has(id))
          this.#say('busy', `${system}:${label} is being read by another process`, {
            source: `${system}:${label}`,
          })
      return false
    }
    const due = (await nextDue(db, ids)) ?? Infinity
    const pause = Math.min(LONGEST_SLEEP_MS, Math.max(20, due - io.now().getTime()))
    // A source that is due but waits for its turn is begun when another ends.
    const idle = this.#busy() >= most ? LONGEST_SLEEP_MS : pause
    await Promise.race([this.#ended.promise, io.sleep(idle).catch(() => {})])
    return true
  }

  /** Those that are still connected: one that goes takes none of the others with it. */
  async #chosen(): Promise<Row<'source'>[]> {
    const { db, connections } = this.#world
    const all = await connections.list(db)
    const { sources: names } = this.#input
    return names.length === 0 ? all : all.filter(source => names.some(name => isCalled(source, name)))
  }

  /** Each is looked at in its own interval, whatever another watch had in mind, and however the clock was set. */
  async #hasten(sources: readonly Row<'source'>[]): Promise<void> {
    const { db, io } = this.#world
    const intervals = new Map(sources.map(source => [source.id, this.#intervalOf(source)]))
    const now = io.now().getTime()
    await hasten(db, [...intervals.keys()], ({ id, observed_at, failures }) => {
      const everyMs = intervals.get(id)!
      // What failed under an earlier watch is tried at once; after that, as long as it waits.
      if (failures > 0 && this.#checked) return now + Math.max(everyMs, LONGEST_BACKOFF_MS)
      return Math.min(observed_at ?? 0, now) + everyMs
    })
  }

  /** What is measured here is measured on as if the clock had not leapt. */
  #followClock(): void {
    const now = this.#world.io.now().getTime()
    const passed = now - (this.#roundAt ?? now)
    this.#roundAt = now
    if (passed >= 0 && passed < LEAP_MS) return
    for (const work of this.#working.values()) work.at += passed
    this.#acted.at += passed
    if (this.#heldAt !== undefined) this.#heldAt += passed
  }

  /** How many are being read, without those that may hang, which are told once. */
  #busy(): number {
    const now = this.#world.io.now().getTime()
    let busy = 0
    for (const work of this.#working.values()) {
      const isStalled = now - work.at >= STALLED_MS
      if (isStalled && !work.isStalled) this.#stalled(work.source)
      work.isStalled = isStalled
      if (!isStalled) busy++
    }
    return busy
  }

  #stalled({ system, label }: Row<'source'>): void {
    const name = `${system}:${label}`
    const text = `${pc.yellow('stalled')}  ${name}: it has not gone on for ten minutes`
    this.#say('stalled', text, { source: name })
  }

  /** Nothing is begun for a while where something is to be done by itself; a source that takes long holds up no other for longer. */
  #isHeld(): boolean {
    if (!this.#isToAct()) {
      this.#heldAt = undefined
      return false
    }
    const now = this.#world.io.now().getTime()
    this.#heldAt ??= now
    const held = (now - this.#heldAt) % HOLD_AGAIN_MS
    return this.#busy() > 0 && held < HOLD_MS
  }

  /** A database that is away or busy is waited for; gives how often in a row. What waiting does not mend is raised. */
  async #outlast(raised: unknown, troubles: number): Promise<number> {
    const { io } = this.#world
    this.#trouble(raised)
    if (this.#broken !== undefined) throw this.#broken
    await io.sleep(Math.min(60_000, 1000 * 2 ** Math.min(troubles, 6))).catch(() => {})
    return troubles + 1
  }

  #trouble(raised: unknown): void {
    const error = storeError(raised)
    if (this.#world.io.signal.aborted) return
    if (this.#input.once || !isFirebreakError(error, 'STORE_BUSY', 'STORE_UNREACHABLE'))
      this.#broken ??= error
    else this.#say('waiting', pc.yellow(error.message), { code: error.code, message: error.message })
  }

  async #take(source: Row<'source'>, claim: ClaimedSource, goesOn: () => void): Promise<void> {
    const { db, io, keys, connections } = this.#world
    const name = `${source.system}:${source.label}`
    const began = io.now().getTime()
    const everyMs = this.#intervalOf(source)
    // A little early, and not all at once: a copy is found within one interval of the last look.
    const next = began + Math.round(everyMs * (0.9 + 0.1 * this.#random()))
    try {
      const connection = await connections.open(db, source.id)
      const seen = await observe(db, source, connection, {
        keys,
        io: { ...io, signal: AbortSignal.any([io.signal, claim.lost]) },
        ...ruleFoldersOf(this.#world),
        ...(this.#input.workers === undefined ? {} : { workers: this.#input.workers }),
        onProgress: event => {
          goesOn()
          this.#world.progress({ kind: 'scan', label: source.label, ...event })
        },
      })
      const unread = unreadFailure(name, seen.coverage)
      if (unread) this.#failed(unread)
      await keepCrossingsOf(this.#world)
      await claim.done({ at: next })
      this.observed++
      const { documents, skippedAsRead, read, finds } = seen
      const gaps = seen.coverage.filter(({ complete }) => !complete).length
      this.#say(
        'observed',
        `${name}: ${read} read, ${skippedAsRead} known, ${finds} found${gaps > 0 ? `, ${countText(gaps, 'gap')}` : ''}`,
        {
          source: name,
          documents,
          skippedAsRead,
          read,
          finds,
          gaps,
          nextAt: isoTime(next),
        },
      )
    } catch (raised) {
      if (io.signal.aborted || claim.lost.aborted) return await claim.release()
      const error = storeError(raised)
      if (!isFirebreakError(error) || error.code.startsWith('STORE_')) {
        await claim.release().catch(() => {})
        throw error
      }
      this.#failed(error)
      // Twice as long after each failure, but a source that is read once a day is tried no more seldom for it.
      const backoff = Math.min(
        everyMs * 2 ** Math.min(claim.failures, 20),
        Math.max(everyMs, LONGEST_BACKOFF_MS),
      )
      const at = Math.max(next, began + Math.round(backoff * (0.9 + 0.1 * this.#random())))
      await claim.done({ at, error: error.message })
      this.#say('failed', `${pc.red('failed')}  ${name}: ${error.message}`, {
        source: name,
        code: error.code,
        message: error.message,
        nextAt: isoTime(at),
      })
    } finally {
      // A connection that is kept for hours may be one that broke, or a view of what was.
      await connections.leave(source.id)
    }
    await this.#check()
  }

  /** Kept for the end where there is one soon: a watch goes on for months. */
  #failed(error: Error): void {
    if (this.#input.once) this.failures.push(error)
  }

  async #check(): Promise<void> {
    for (const change of (await runChecks(this.#world.db, this.#world, alarms)).changes)
      await this.#tell(change)
  }

  #isToAct(): boolean {
    const { after, at } = this.#acted
    const since = this.#world.io.now().getTime() - at
    return this.observed > after && since >= ACT_EVERY_MS
  }

  /** What the requirements in force say that happens by itself. */
  async #act(): Promise<void> {
    const { db, io, keys, connections } = this.#world
    this.#acted = { after: this.observed, at: io.now().getTime() }
    const options = { io, keys, connections, ...ruleFoldersOf(this.#world) }
    await actAutomatically(db, options, ({ event, ...about }) => {
      const colour = AUTOMATIC_COLOURS[event]
      const { action, name, owner, why } = about
      const mark = colour(`${action} ${event}`)
      this.#say(`${action}-${event}`, `${mark}  ${name} (${owner ?? 'nobody answers for it'}): ${why}`, about)
    })
    await tellOwners(db, io, ({ event, ...about }) =>
      this.#say(event, `${pc.yellow(event.replace('-', ' '))}  ${about.name}: ${about.why}`, about),
    )
  }

  #send(): Promise<void> {
    const { db, io } = this.#world
    this.#sending ??= deliverNotices(db, { io }, ({ event, ...about }) => {
      const colour = { sent: pc.green, failed: pc.yellow, stuck: pc.red }[event]
      const { notice, delivery, tries, why } = about
      const often = tries > 1 ? ` after ${tries} tries` : ''
      this.#say(
        `notice-${event}`,
        `${colour(`notice ${event}`)}  ${notice} ${delivery}${often}: ${why}`,
        about,
      )
    })
      .catch(error => this.#trouble(error))
      .finally(() => (this.#sending = undefined))
    return this.#sending
  }

  #intervalOf(source: Row<'source'>): number {
    const own = this.#input.override.find(({ source: name }) => isCalled(source, name))
    return own ? durationMs(own.every) : this.#everyMs
  }

  #random(): number {
    const [a = 0, b = 0] = this.#world.io.random(2)
    return (a * 256 + b) / 65_536
  }

  async #tell({ check: id, entityId, change, why }: FindingChange): Promise<void> {
    const { db, keys } = this.#world
    const check = alarms.find(one => one.id === id)
    const view = await credentialView(db, keys, entityId)
    const who = view.identity ? `${view.kind} of ${called(view.identity)}` : view.kind
    const begun = change !== 'ended'
    const mark = begun ? pc.red(pc.bold('FINDING')) : pc.green('ended')
    this.#say(
      begun ? 'finding' : 'ended',
      `${mark}  ${id}: ${who} (${view.publicFingerprint ?? formatRef(view.ref)}): ${why}`,
      {
        check: id,
        severity: check?.severity ?? null,
        frameworks: check?.frameworks ?? [],
        credential: formatRef(view.ref),
        fingerprint: view.publicFingerprint ?? null,
        identity: view.identity ? formatRef(view.identity.ref) : null,
        why,
        fix: begun ? (check?.fix ?? null) : null,
      },
    )
  }

  #say(event: string, text: string, json: Record<string, unknown>): void {
    const at = isoTime(this.#world.io.now().getTime())
    this.#world.say({ text: `${pc.dim(at)}  ${text}`, json: { at, event, ...json } })
  }
}
