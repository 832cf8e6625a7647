import type { Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { containerOf } from '../readers/archive/all.ts'
import type { MemberGap } from '../readers/archive/member-gap.ts'
import { unpack } from '../readers/archive/unpack.ts'
import { type Reader, Unreadable } from '../readers/reader.ts'
import { shareBytes } from './shared-bytes.ts'

const HEAD_BYTES = 8192

export interface DocumentToRead {
  readonly id: string
  readonly in: Ref
  readonly path: string
  readonly format?: string
  readonly about?: Ref
  /** All of it, or its beginning. */
  readonly head: Uint8Array
  /** `head` is all of it, so that several readers can read it. */
  readonly whole: boolean
  bytes(): AsyncIterable<Uint8Array>
}

export interface ReadAnswer<S> {
  readonly findings: Observation<S>[]
  /** Why what was found is not all there is. */
  readonly failure?: string
  /** What within an archive could not be looked into. It was read as far as it can be, and is not read again. */
  readonly gaps?: readonly MemberGap[]
}

/** What becomes of a secret where it is found. */
export interface Keeping<S> {
  keep(observation: Observation): Observation<S>
  /** What tells that two copies hold the same value. */
  valueOf(secret: S): string
}

/** One document through every reader that fits it, or, of an archive, image or database, all that is in it. */
export async function readDocument<S>(
  document: DocumentToRead,
  readers: readonly Reader[],
  keeping: Keeping<S>,
): Promise<ReadAnswer<S>> {
  const head = document.head.subarray(0, HEAD_BYTES)
  if (document.format === undefined && containerOf(head, document.path))
    return await readWithin(document, readers, keeping)
  const findings: Observation<S>[] = []
  const gaps: MemberGap[] = []
  const fitting = readers.filter(reader => reader.reads(document, head))
  const read = async (reader: Reader, bytes: AsyncIterable<Uint8Array>) => {
    for await (const observation of reader.read(document, bytes))
      if (observation.see === 'covered') gaps.push(toldGap('', observation))
      else findings.push(keeping.keep(observation))
  }
  try {
    if (document.whole || fitting.length < 2)
      for (const reader of fitting) await read(reader, document.bytes())
    else await readTogether(fitting, document.bytes(), read)
    return { findings, ...(gaps.length > 0 && { gaps }) }
  } catch (error) {
    return { findings, failure: failureOf(error) }
  }
}

/** What comes piece by piece comes once, and so to all at the same time. What one fails at, the others still read. */
async function readTogether(
  readers: readonly Reader[],
  bytes: AsyncIterable<Uint8Array>,
  read: (reader: Reader, bytes: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  const shares = shareBytes(bytes, readers.length)
  const ends = await Promise.allSettled(
    readers.map((reader, index) => read(reader, shares[index]!.bytes).finally(shares[index]!.leave)),
  )
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

async function readWithin<S>(
  document: DocumentToRead,
  readers: readonly Reader[],
  keeping: Keeping<S>,
): Promise<ReadAnswer<S>> {
  const left = new Set<string>()
  const told: MemberGap[] = []
  try {
    const { findings, gaps } = await unpack<S>(document.bytes(), {
      path: document.path,
      valueOf: secret => keeping.valueOf(secret),
      async *read(path, content) {
        const member = { id: document.id, in: document.in, path }
        const head = content.head.subarray(0, HEAD_BYTES)
        const fitting = readers.filter(reader => reader.reads(member, head))
        // What is not in memory comes once.
        if (!content.whole) for (const { format } of fitting.splice(1)) left.add(format)
        for (const reader of fitting)
          for await (const observation of reader.read(member, content.bytes()))
            if (observation.see === 'covered') told.push(toldGap(path, observation))
            else yield keeping.keep(observation)
      },
    })
    const unread = [...left].map(format => ({ member: '', why: `too large to be read as ${format}` }))
    return { findings, gaps: [...gaps, ...unread, ...told] }
  } catch (error) {
    return { findings: [], failure: failureOf(error) }
  }
}

/** What a reader could not make sense of stays told with the document. */
function toldGap(
  member: string,
  { scope, why = 'it was not read to the end', failed }: Extract<Observation, { see: 'covered' }>,
): MemberGap {
  const within = scope.includes('#') ? `${scope.slice(scope.indexOf('#') + 1)}: ` : ''
  return { member, why: `${within}${why}`, told: true, ...(failed && { failed }) }
}

/** A message could quote the document, unless it was written not to. */
function failureOf(error: unknown): string {
  if (error instanceof Unreadable) return error.message
  return `the reader failed (${error instanceof Error ? error.name : 'unknown'})`
}
