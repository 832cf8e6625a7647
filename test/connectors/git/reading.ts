import type { Connection } from '../../../src/core/contract/connector.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import type { Cursor } from '../../../src/core/contract/ref.ts'

export interface ReadDocument {
  readonly id: string
  readonly path: string
  readonly size: number | undefined
  readonly cursor: Cursor
  readonly text: string
}

export async function documentsOf(connection: Connection, since?: Cursor): Promise<ReadDocument[]> {
  const documents: ReadDocument[] = []
  for await (const { id, path, size, cursor, bytes } of connection.documents!(since)) {
    const chunks: Uint8Array[] = []
    for await (const chunk of bytes()) chunks.push(chunk)
    documents.push({ id, path, size, cursor, text: Buffer.concat(chunks).toString('latin1') })
  }
  return documents
}

/** Without the git directory's own files, which `git init` fills differently from version to version. */
export function withoutOwnFiles(documents: readonly ReadDocument[]): ReadDocument[] {
  return documents.filter(({ path }) => !path.startsWith('.git/'))
}

export async function observationsOf(connection: Connection): Promise<Observation[]> {
  const observations: Observation[] = []
  for await (const observation of connection.discover!()) observations.push(observation)
  return observations
}

type Occurrence = Omit<Extract<Observation, { see: 'occurrence' }>, 'see' | 'document'>

export async function occurrencesOf(connection: Connection, document: string): Promise<Occurrence[]> {
  const found: Occurrence[] = []
  for (const observation of await observationsOf(connection)) {
    if (observation.see !== 'occurrence' || observation.document !== document) continue
    const { see: _, document: __, ...occurrence } = observation
    found.push(occurrence)
  }
  return found
}
