import { createHash } from 'node:crypto'
import type { Change, ChangedPlace } from '../../core/contract/change.ts'
import type { Document } from '../../core/contract/document.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Facts, Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { isValue } from '../../core/contract/secret-parts.ts'
import { allReaders } from '../readers/all.ts'
import type { Reader } from '../readers/reader.ts'
import { compileRules } from '../readers/secrets/engine.ts'
import type { LoadedRules } from '../readers/secrets/rules/load-rules.ts'
import { type ReadAnswer, readDocument } from './read-document.ts'
import { begin } from './reading.ts'

/** A secret that a change puts at a place where it did not stand before. The caller erases it. */
export interface Look {
  readonly place: ChangedPlace
  readonly member: string | undefined
  readonly line: number | undefined
  readonly kind: string
  readonly secret: Secret
  readonly preview: string | undefined
  readonly confidence: number
  readonly claims: Ref | undefined
  readonly facts: Facts | undefined
  readonly allowance: string | undefined
  readonly reasons: readonly string[]
}

export interface Looked {
  readonly finds: readonly Look[]
  readonly documents: number
  readonly gaps: readonly { readonly what: string; readonly why: string; readonly failed: boolean }[]
}

type Copy = Extract<Observation, { see: 'copy' }>

/**
 * Reads a change in this process, and keeps nothing of it. What stood at the same path before the change is no find, as
 * often as it stood there: a line that moves within its file brings nothing new.
 */
export async function look(
  change: Change,
  inUse: Pick<LoadedRules, 'rules' | 'dictionary'>,
  io: Pick<Io, 'signal'>,
): Promise<Looked> {
  const looking = new Looking(change, readersHere(inUse), io)
  return await looking.all()
}

/** Compiling the rules takes a moment: once for all documents. */
export function readersHere({
  rules,
  dictionary,
}: Pick<LoadedRules, 'rules' | 'dictionary'>): readonly Reader[] {
  return allReaders(compileRules(rules, dictionary))
}

class Looking {
  readonly #change: Change
  readonly #readers: readonly Reader[]
  readonly #io: Pick<Io, 'signal'>
  readonly #gaps: { what: string; why: string; failed: boolean }[] = []

  constructor(change: Change, readers: readonly Reader[], io: Pick<Io, 'signal'>) {
    this.#change = change
    this.#readers = readers
    this.#io = io
  }

  async all(): Promise<Looked> {
    const found = await this.#read(this.#change.places.keys())
    const older = new Set<string>()
    for (const id of found.keys())
      for (const place of this.#change.places.get(id) ?? [])
        for (const before of place.before) older.add(before)
    const stood = await this.#read(older)
    const finds: Look[] = []
    for (const [id, copies] of found)
      for (const place of this.#change.places.get(id) ?? [])
        finds.push(...added(copies, place, stood).map(copy => lookOf(copy, place)))
    for (const copies of stood.values()) for (const copy of copies) copy.secret.erase()
    const gaps = [...this.#gaps, ...this.#change.gaps]
    return { finds, documents: this.#change.places.size, gaps }
  }

  async #read(ids: Iterable<string>): Promise<Map<string, Copy[]>> {
    const found = new Map<string, Copy[]>()
    for await (const document of this.#change.documents(ids)) {
      this.#io.signal.throwIfAborted()
      const copies = await this.#copiesIn(document)
      // What was interrupted while it was read was not read to its end.
      this.#io.signal.throwIfAborted()
      if (copies.length > 0) found.set(document.id, copies)
    }
    return found
  }

  async #copiesIn(document: Document): Promise<Copy[]> {
    const answer = await readHere(document, this.#readers)
    const { root } = this.#change
    const scope = root === undefined ? document.path : `git:${root}/${document.path}`
    for (const { member, why } of answer.gaps ?? [])
      this.#gaps.push({ what: member === '' ? scope : `${scope}!/${member}`, why, failed: false })
    if (answer.failure !== undefined) this.#gaps.push({ what: scope, why: answer.failure, failed: true })
    return answer.findings.filter(finding => finding.see === 'copy')
  }
}

/** One document through every reader that fits it, in this process: the secrets are whoever asks's, to be erased. */
export async function readHere(document: Document, readers: readonly Reader[]): Promise<ReadAnswer<Secret>> {
  const begun = await begin(document)
  const chunks = async function* () {
    yield* begun.chunks
    if (begun.rest)
      for (let next = await begun.rest.next(); !next.done; next = await begun.rest.next()) yield next.value
  }
  return await readDocument<Secret>(
    {
      id: document.id,
      in: document.in,
      path: document.path,
      head: begun.chunks.length === 1 ? begun.chunks[0]! : Buffer.concat(begun.chunks),
      whole: begun.rest === undefined,
      bytes: chunks,
    },
    readers,
    { keep: observation => observation, valueOf },
  )
}

/** Copies whose value stood fewer times before: the last of them, where some are new. */
function added(copies: readonly Copy[], place: ChangedPlace, stood: ReadonlyMap<string, Copy[]>): Copy[] {
  const before = new Map<string, number>()
  for (const id of place.before) {
    // Of several parents of a merge, the one in which it stood most often counts.
    const counts = new Map<string, number>()
    for (const copy of stood.get(id) ?? []) count(counts, keyOf(copy))
    for (const [key, times] of counts) before.set(key, Math.max(before.get(key) ?? 0, times))
  }
  return copies.filter(copy => {
    const key = keyOf(copy)
    const left = before.get(key) ?? 0
    if (left > 0) before.set(key, left - 1)
    return left === 0
  })
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** Whom it claims to be belongs to it: one password for another server is another find. */
function keyOf({ secret, claims }: Copy): string {
  return JSON.stringify([valueOf(secret), claims ?? null])
}

function valueOf(secret: Secret): string {
  return createHash('sha256').update(secret.reveal()).digest('base64')
}

function lookOf(copy: Copy, place: ChangedPlace): Look {
  const { kind, secret, preview, confidence, claims, facts, allowance, reasons } = copy
  return {
    place,
    member: copy.place.member,
    line: copy.place.slots.find(isValue)?.line,
    kind,
    secret,
    preview,
    confidence,
    claims,
    facts,
    allowance,
    reasons: reasons ?? [],
  }
}
