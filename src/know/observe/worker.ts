import { type MessagePort, workerData } from 'node:worker_threads'
import type { Ref } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import type { Fingerprinted } from '../inventory/fold.ts'
import { allReaders } from '../readers/all.ts'
import type { DictionaryPlace } from '../readers/secrets/prefilter/dictionary-place.ts'
import type { Rule } from '../readers/secrets/rules/rule.ts'
import { compileRules } from '../readers/secrets/engine.ts'
import { fingerprinted } from './fingerprinted.ts'
import { type ReadAnswer as DocumentAnswer, type Keeping, readDocument } from './read-document.ts'

/** What a worker starts with. It never gives plaintext back: findings leave it fingerprinted. */
export interface WorkerSetup {
  readonly rules: readonly Rule[]
  readonly dictionary: DictionaryPlace | undefined
  readonly fingerprintKey: Uint8Array
}

/** A document; where it has a port, `bytes` is its beginning, and the rest comes there. */
export interface ReadTask {
  readonly id: string
  readonly in: Ref
  readonly path: string
  readonly format?: string
  readonly about?: Ref
  readonly bytes: Uint8Array<SharedArrayBuffer>
  readonly port?: MessagePort
}

export type ReadAnswer = DocumentAnswer<Fingerprinted>

const setup: WorkerSetup = workerData as WorkerSetup
const key = new Secret(setup.fingerprintKey)
const readers = allReaders(compileRules(setup.rules, setup.dictionary))
const keeping: Keeping<Fingerprinted> = {
  keep(observation) {
    const finding = fingerprinted(observation, key)
    if (observation.see === 'copy') observation.secret.erase()
    return finding
  },
  valueOf: ({ fingerprint }) => fingerprint,
}

export default async function readAll(tasks: readonly ReadTask[]): Promise<ReadAnswer[]> {
  const answers: ReadAnswer[] = []
  for (const task of tasks) answers.push(await read(task))
  return answers
}

async function read(task: ReadTask): Promise<ReadAnswer> {
  const { id, path, format, about } = task
  const document = {
    id,
    in: task.in,
    path,
    ...(format !== undefined && { format }),
    ...(about && { about }),
    head: task.bytes,
    whole: task.port === undefined,
    bytes: () => bytesOf(task),
  }
  try {
    return await readDocument<Fingerprinted>(document, readers, keeping)
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
