import type { Reader } from '../reader.ts'
import type { Engine } from '../secrets/engine.ts'

/** What another scanner found. What it takes is loaded when a report comes: most workers never see one. */
export function reportReader(engine: Engine): Reader {
  return {
    format: 'report',
    reads: document => document.format === 'report',
    async *read(document, bytes) {
      const { takeReport } = await import('./take-report.ts')
      yield* takeReport(engine, document, bytes)
    },
  }
}
