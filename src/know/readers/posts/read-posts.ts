import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { unread } from '../read-text.ts'
import type { Reader } from '../reader.ts'
import type { Engine } from '../secrets/engine.ts'
import { secretsReader } from '../secrets/secrets-reader.ts'
import { jsonPosts } from './json-posts.ts'
import { xmlPosts } from './xml-posts.ts'

const MOST_BYTES = 64 * 2 ** 20
/** What says more of a copy is told in the stead of what says less: it must be a little surer. */
const SURER = 0.001

type Copy = Extract<Observation, { see: 'copy' }>

/** The copies of a document in which people posted, each with its post. */
export async function* readPosts(
  engine: Engine,
  document: { readonly id: string; readonly in: Ref; readonly path: string },
  bytes: Parameters<Reader['read']>[1],
): AsyncGenerator<Observation> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    size += chunk.length
    if (size > MOST_BYTES)
      return yield unread('posts', document.path, 1, `it has more than ${MOST_BYTES / 2 ** 20} MiB`)
    chunks.push(chunk)
  }
  const whole = Buffer.concat(chunks, size)
  const copies: Copy[] = []
  for await (const one of secretsReader(engine).read(document, once(whole)))
    if (one.see === 'copy') copies.push(one)
  if (copies.length === 0) return
  const postsAt = /\.xml$/i.test(document.path) ? xmlPosts(whole) : jsonPosts(whole, document.path)
  const posts = postsAt(copies.map(startOf))
  for (const copy of copies) {
    const post = posts.get(startOf(copy))
    if (post)
      yield {
        ...copy,
        confidence: Math.min(1, copy.confidence + SURER),
        facts: { ...copy.facts, ...factsOf({ ...post }) },
        reasons: [...(copy.reasons ?? []), 'in a message'],
      }
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function startOf({ place }: Copy): number {
  return Number(/^\d+/.exec(place.slots[0]?.at ?? '')?.[0] ?? 0)
}
