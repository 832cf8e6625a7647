import type { Observation } from '../../../core/contract/observation.ts'
import { headText } from '../head-text.ts'
import type { Reader } from '../reader.ts'
import { wholeText } from '../whole-text.ts'
import { itemsIn } from '../json-items.ts'
import { Telling } from './telling.ts'

/**
 * What `gcloud` prints of identities and who may do what, each answer in a file of its own or many in one, as a list or a line
 * each; what the connector asks the same APIs for:
 * - `gcloud asset export`, `asset list`, `asset search-all-iam-policies`, `asset search-all-resources`
 * - `gcloud projects|organizations|secrets|… get-iam-policy`, with the resource in the file's name
 * - `gcloud iam service-accounts list`, `… keys list`, `iam roles list`, `iam workload-identity-pools providers list`
 * - `gcloud projects list`, `secrets list`, `compute instances list`, `functions list`, `run services list`
 *
 * Who may do what is kept as the policies say it, in the language `gcp-iam`: `{ bindings }`. What a role of one's own permits is
 * its fact `permissions`.
 */
export const gcpReader: Reader = {
  format: 'gcp',
  reads({ format }, head) {
    if (format !== undefined) return format === 'gcp'
    const text = headText(head)
    return /^(?:\xef\xbb\xbf)?\s*[[{]/.test(text) && MARKS.some(mark => mark.test(text))
  },
  async *read(document, bytes) {
    const text = await wholeText(bytes, MOST_BYTES)
    if (text === undefined) {
      yield gap(document.path, `it has more than ${MOST_BYTES / 2 ** 20} MiB`)
      return
    }
    const { items, broken } = itemsIn(text)
    for (const where of broken) yield gap(`${document.path}${where}`, 'it is no whole JSON')
    yield* new Telling(document.path, items).all()
  },
}

const MOST_BYTES = 256 * 2 ** 20

const MARKS: readonly RegExp[] = [
  /"(?:asset_?[tT]ype|name|resource)"\s*:\s*"(?:\/\/)?[a-z0-9-]+\.googleapis\.com\//,
  /"role"\s*:\s*"(?:roles|projects\/[^/"]+\/roles|organizations\/[^/"]+\/roles)\//,
  /"name"\s*:\s*"projects\/[^/"]+\/(?:serviceAccounts|secrets|locations\/[^/"]+\/(?:workloadIdentityPools|functions|services|jobs))\//,
  /"name"\s*:\s*"(?:projects|organizations)\/[^/"]+\/roles\//,
  /"projectNumber"\s*:\s*"\d+"/,
  /"kind"\s*:\s*"compute#instance"/,
]

function gap(scope: string, why: string): Observation {
  return { see: 'covered', scope: `gcp:${scope}`, complete: false, why, failed: true }
}
