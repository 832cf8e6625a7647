import type { Change } from '../../../core/contract/change.ts'
import { countText } from '../../../core/contract/count-text.ts'
import type { Document } from '../../../core/contract/document.ts'
import { systemReason } from '../../../core/contract/system-reason.ts'

/** As other programs call it where they show a file's name. */
const NAME = '(standard input)'

/** All that is piped in, as one document: a log, a difference, an archive, what another program prints. */
export async function pipedIn(input: AsyncIterable<Uint8Array>): Promise<Change> {
  let bytes = 0
  const gaps: Change['gaps'][number][] = []
  async function* counted(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of input) {
        bytes += chunk.length
        yield chunk
      }
    } catch (error) {
      // What came until then is searched, and what is missing told.
      gaps.push({ what: NAME, why: `it cannot be read on: ${systemReason(error)}`, failed: true })
    }
  }
  const document: Document = {
    id: NAME,
    in: { system: 'input', instance: '', kind: 'stream', id: NAME },
    path: NAME,
    cursor: '',
    bytes: counted,
  }
  return {
    root: undefined,
    // Where the program before it failed, nothing came, and nothing found says nothing.
    get scope() {
      return `${NAME} of ${countText(bytes, 'byte')}`
    },
    revision: undefined,
    origin: undefined,
    places: new Map([[NAME, [{ path: NAME, before: [] }]]]),
    gaps,
    async *documents(ids) {
      for (const _ of ids) yield document
    },
    close: async () => {},
  }
}
