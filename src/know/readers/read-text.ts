import type { Observation } from '../../core/contract/observation.ts'
import { locateYaml } from './locate-yaml.ts'
import type { Located } from './located.ts'
import { wholeText } from './whole-text.ts'

/** What people write by hand, and programs for them to read, is smaller. */
const MOST_BYTES = 4 * 2 ** 20

/**
 * What of a document could not be read, and where. It is no failure of the run: secrets were looked for in it all the same,
 * and a tree may hold any number of broken files.
 */
export function unread(format: string, path: string, line: number, why: string): Observation {
  return { see: 'covered', scope: `${format}:${path}#line ${line}`, complete: false, why }
}

/** All of a document's text; undefined, and told, where it is larger than what is held. */
export async function* readText(
  format: string,
  path: string,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation, string | undefined> {
  const text = await wholeText(bytes, MOST_BYTES)
  if (text === undefined) yield unread(format, path, 1, `it has more than ${MOST_BYTES / 2 ** 20} MiB`)
  return text
}

/** The same with what it says as YAML; what is none in it is told. */
export async function* readYaml(
  format: string,
  path: string,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<
  Observation,
  { readonly text: string; readonly documents: readonly Located[] } | undefined
> {
  const text = yield* readText(format, path, bytes)
  if (text === undefined) return undefined
  const { documents, problems } = locateYaml(text)
  for (const { line, why } of problems) yield unread(format, path, line, why)
  return { text, documents }
}
