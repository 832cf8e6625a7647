import type { Reader } from '../reader.ts'
import { columnsOf } from './staff-columns.ts'

/**
 * Who works here, and who left: a list of the people department as CSV, and what an identity provider answers by SCIM 2.0, as JSON, as
 * several pages of it, or a page in a line. https://www.rfc-editor.org/rfc/rfc7644#section-3.4.2
 */
export const peopleReader: Reader = {
  format: 'people',
  reads({ path, format }, head) {
    if (format !== undefined) return format === 'people'
    const isTable = /\.(?:csv|tsv)$/i.test(path)
    if (!isTable && !/\.(?:json|jsonl|ndjson)$/i.test(path)) return false
    const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('utf8')
    if (isTable) return columnsOf(text.slice(0, text.search(/\r?\n|$/))) !== undefined
    return /urn:ietf:params:scim:(?:api|schemas):/.test(text)
  },
  async *read(document, bytes) {
    const { readPeople } = await import('./read-people.ts')
    yield* readPeople(document, bytes)
  },
}
