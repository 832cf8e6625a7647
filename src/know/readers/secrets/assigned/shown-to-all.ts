import type { KeyName } from './key-name.ts'
import type { Text } from '../text.ts'

const BACK = 320
const AHEAD = 480

/** The plain names of what pages send events with. */
const PLAIN = /^(?:with_)?(?:(?:project|app|api)_)?(?:token|key)$/
/** What searches and does nothing else, of an engine that has a key for it; elsewhere it is the key of a service that searches. */
const MAY_SEARCH = /^search_(?:api_)?key$/
const ENGINE = /algolia|docsearch|meilisearch|typesense/i
/** What is set up so, and only so: whoever reads events or ends them needs a secret besides. */
const SENDS = /(?:mixpanel|amplitude)[\w.]{0,32}["']?\s{0,4}(?:[:=]\s{0,4}\{|\(\s{0,4}\{?)[^{}()]{0,240}$/i
/** A search box, and what tells it from what writes the index. */
const SEARCHES = /(?:docsearch|algolia)[\w.]{0,32}["']?\s{0,4}(?:[:=]\s{0,4}\{|\(\s{0,4}\{)[^{}()]{0,240}$/i
const OF_SEARCH =
  /docsearch|(?:indexName|index_name|searchParameters|contextualSearch|inputSelector|searchPagePath)["']?\s{0,4}:/i

/**
 * Whether everybody is shown what a key of a plain name is given: `docsearch({ apiKey: "x", indexName: "docs" })`,
 * `Mixpanel.initialize(token: "x")`. Where the name itself tells, key-name.ts knows.
 */
export function isShownToAll(text: Text, keyAt: number, { family, normal }: KeyName): boolean {
  if (family !== 'token' && family !== 'key') return false
  const isOfSearch = MAY_SEARCH.test(normal)
  if (!isOfSearch && !PLAIN.test(normal)) return false
  const lead = text.latin1(keyAt - BACK, keyAt)
  if (isOfSearch) return ENGINE.test(lead)
  if (SENDS.test(lead)) return true
  const box = SEARCHES.exec(lead)
  return box !== null && OF_SEARCH.test(box[0] + text.latin1(keyAt, keyAt + AHEAD).split('}')[0]!)
}
