import { type MessagePort, workerData } from 'node:worker_threads'
import type { Ref } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import type { Finding, Fingerprinted } from '../inventory/fold.ts'
import { allReaders } from '../readers/all.ts'
import { containerOf } from '../readers/archive/all.ts'
import { type MemberGap, unpack } from '../readers/archive/unpack.ts'
import type { Rule } from '../readers/secrets/rule.ts'
import { compileRules } from '../readers/secrets/engine.ts'
import { fingerprinted } from './fingerprinted.ts'

/** What a worker starts with. It never gives plaintext back: findings leave it fingerprinted. */
export interface WorkerSetup {
  readonly rules: readonly Rule[]
  readonly fingerprintKey: Uint8Array
}

/** A document; where it has a port, `bytes` is its beginning, and the rest comes there. */
export interface ReadTask {
  readonly id: string
  readonly in: Ref
  readonly path: string
  readonly format?: string
  readonly bytes: Uint8Array
  readonly port?: MessagePort
}

export interface ReadAnswer {
  readonly findings: Finding[]
  /** Why what was found is not all there is. */
  readonly failure?: string
  /** What within an archive could not be looked into. It was read as far as it can be, and is not read again. */
  readonly gaps?: readonly MemberGap[]
}

const HEAD_BYTES = 8192

const setup: WorkerSetup = workerData as WorkerSetup
const key = new Secret(setup.fingerprintKey)
const readers = allReaders(compileRules(setup.rules))

export default async function readAll(tasks: readonly ReadTask[]): Promise<ReadAnswer[]> {
  const answers: ReadAnswer[] = []
  for (const task of tasks) answers.push(await read(task))
  return answers
}

async function read(task: ReadTask): Promise<ReadAnswer> {
  if (containerOf(task.bytes.subarray(0, HEAD_BYTES), task.path)) return await readWithin(task)
  const { id, path, format } = task
  const document = { id, in: task.in, path, ...(format !== undefined && { format }) }
  const findings: Finding[] = []
  const fitting = readers.filter(reader => reader.reads(document, task.bytes.subarray(0, HEAD_BYTES)))
  // What comes through a port comes once.
  const left = task.port ? fitting.splice(1).map(reader => reader.format) : []
  try {
    for (const reader of fitting)
      for await (const observation of reader.read(document, bytesOf(task))) {
        findings.push(fingerprinted(observation, key))
        if (observation.see === 'copy') observation.secret.erase()
      }
    return {
      findings,
      ...(left.length > 0 && { failure: `it is too large to be read as ${left.join(', ')}` }),
    }
  } catch (error) {
    // A message could quote the document.
    return { findings, failure: `the reader failed (${error instanceof Error ? error.name : 'unknown'})` }
  } finally {
    task.port?.close()
  }
}

/** An archive, image or database: every reader reads all that is in it. */
async function readWithin(task: ReadTask): Promise<ReadAnswer> {
  const left = new Set<string>()
  try {
    const { findings, gaps } = await unpack<Fingerprinted>(bytesOf(task), {
      path: task.path,
      valueOf: ({ fingerprint }) => fingerprint,
      async *read(path, content) {
        const document = { id: task.id, in: task.in, path }
        const fitting = readers.filter(reader => reader.reads(document, content.head.subarray(0, HEAD_BYTES)))
        // What is not in memory comes once.
        if (!content.whole) for (const { format } of fitting.splice(1)) left.add(format)
        for (const reader of fitting)
          for await (const observation of reader.read(document, content.bytes())) {
            const finding = fingerprinted(observation, key)
            if (observation.see === 'copy') observation.secret.erase()
            yield finding
          }
      },
    })
    const unread = [...left].map(format => ({ member: '', why: `too large to be read as ${format}` }))
    return { findings, gaps: [...gaps, ...unread] }
  } catch (error) {
    return { findings: [], failure: `the reader failed (${error instanceof Error ? error.name : 'unknown'})` }
  } finally {
    task.port?.close()
  }
}

async function* bytesOf({ bytes, port }: ReadTask): AsyncGenerator<Uint8Array> {
  yield bytes
  if (port) yield* received(port)
}

/** Chunks until `null`; each is asked for, so that no more than a few are held. */
async function* received(port: MessagePort): AsyncGenerator<Uint8Array> {
  const arrived: (Uint8Array | null)[] = []
  let wake = () => {}
  port.on('message', (chunk: Uint8Array | null) => {
    arrived.push(chunk)
    wake()
  })
  for (;;) {
    if (arrived.length === 0)
      await new Promise<void>(resolve => {
        wake = resolve
      })
    const chunk = arrived.shift()
    if (chunk === null) return
    if (chunk === undefined) continue
    yield chunk
    port.postMessage('next')
  }
}
