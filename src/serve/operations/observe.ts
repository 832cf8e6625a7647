import { z } from 'zod'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { coverageOf } from '../../know/inventory/queries.ts'
import { observe as observeSource } from '../../know/observe/observe.ts'
import { openReading } from '../../know/observe/reading.ts'
import { chooseSources } from './choose-sources.ts'
import { type Coverage, coverageText, unreadFailure } from './coverage.ts'
import { keepCrossingsOf } from './graph-view.ts'
import { defineOperation, type World } from './operation.ts'
import { OWN_RULES, ruleFoldersOf } from './own-rules.ts'
import { table } from './table.ts'

const input = z.object({
  sources: z.array(z.string().min(1)).default([]).describe('labels or ids of sources; all of them without'),
  full: z.boolean().default(false).describe('read everything again, not only what is new'),
  rules: z.string().min(1).optional().describe(OWN_RULES),
  workers: z.int().min(1).max(64).optional().describe('how many threads read'),
})
type Input = z.infer<typeof input>

interface Observed {
  readonly sources: readonly {
    source: string
    documents: number
    bytes: number
    skippedAsRead: number
    read: number
    finds: number
    error: string | null
  }[]
  readonly coverage: Coverage
  readonly failures: readonly Error[]
}

export const observe = defineOperation<Input, Observed>({
  name: 'observe',
  summary: 'Read connected sources again: only what is new',
  permission: 'observe',
  input: input as z.ZodType<Input>,
  positional: ['sources'],
  examples: [
    { command: 'firebreak observe', shows: 'what is new in every source' },
    { command: 'firebreak observe /srv/app --full', shows: 'one source, read again from its beginning' },
  ],
  ownRules: ({ rules }) => rules,
  run,
  text,
  json: ({ sources, coverage }) => ({ sources, coverage }),
  failures: output => output.failures,
})

const NOTHING = { documents: 0, bytes: 0, skippedAsRead: 0, read: 0, finds: 0 }

async function run(world: World, input: Input): Promise<Observed> {
  const { db, keys, io } = world
  const chosen = chooseSources(await world.connections.list(db), input.sources)
  const sources: Observed['sources'][number][] = []
  const readIds: string[] = []
  const failures: Error[] = []
  const skipped: Coverage['skipped'] = []
  const { workers } = input
  const reading = await openReading({ keys, ...ruleFoldersOf(world), ...(workers && { workers }) })
  try {
    for (const source of chosen) {
      const name = `${source.system}:${source.label}`
      try {
        const connection = await world.connections.open(db, source.id)
        const seen = await observeSource(db, source, connection, {
          keys,
          io,
          reading,
          full: input.full,
          onProgress: event => world.progress({ kind: 'scan', label: source.label, ...event }),
        })
        const { documents, bytes, skippedAsRead, read, finds } = seen
        const unread = unreadFailure(name, seen.coverage)
        if (unread) failures.push(unread)
        sources.push({ source: name, documents, bytes, skippedAsRead, read, finds, error: null })
        readIds.push(source.id)
      } catch (error) {
        if (!(error instanceof Error)) throw error
        failures.push(error)
        const message = isFirebreakError(error) ? error.message : error.name
        skipped.push({ what: name, why: io.signal.aborted ? 'interrupted' : message })
        sources.push({ ...NOTHING, source: name, error: message })
        if (io.signal.aborted || isFirebreakError(error, 'STORE_FULL', 'STORE_BROKEN', 'STORE_UNREACHABLE'))
          break
      }
    }
  } finally {
    await reading.close()
  }
  if (readIds.length > 0 && !io.signal.aborted) await keepCrossingsOf(world)
  // What failed was searched some time before, and not now.
  const coverage = await coverageOf(db, readIds)
  return { sources, coverage: { ...coverage, skipped: [...coverage.skipped, ...skipped] }, failures }
}

function text(output: Observed, width: number): string {
  const rows = output.sources.map(source => [
    source.source,
    String(source.read),
    String(source.skippedAsRead),
    String(source.finds),
    source.error === null ? '' : 'failed',
  ])
  const columns = [
    { title: 'SOURCE', flexible: true },
    { title: 'READ', align: 'right' as const },
    { title: 'KNOWN', align: 'right' as const },
    { title: 'FOUND', align: 'right' as const },
    { title: '' },
  ]
  return [table(columns, rows, width), '', coverageText(output.coverage, width)].join('\n')
}
