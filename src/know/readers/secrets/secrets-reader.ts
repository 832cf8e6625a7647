import type { Reader } from '../reader.ts'
import type { Engine } from './engine.ts'

/** Every document but another scanner's report is looked at for credentials; each one found is a copy. The place's version is the content's id. */
export function secretsReader(engine: Engine): Reader {
  return {
    format: 'secrets',
    // What stands in a report stands elsewhere too: it would be counted twice.
    reads: document => document.format !== 'report',
    async *read(document, bytes) {
      for await (const find of engine.scanStream(bytes, { path: document.path })) {
        yield {
          see: 'copy',
          place: { in: document.in, path: document.path, version: document.id, slots: find.slots },
          kind: find.rule,
          secret: find.secret,
          confidence: find.confidence,
          reasons: find.reasons,
          ...(find.claims && { claims: find.claims }),
          ...(find.facts && { facts: find.facts }),
          ...(find.preview && { preview: find.preview }),
          ...(find.allowance && { allowance: find.allowance.reason ?? '' }),
        }
      }
    },
  }
}
