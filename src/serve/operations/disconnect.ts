import { z } from 'zod'
import { countText } from '../../core/contract/count-text.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { disconnect as disconnectSource } from '../../know/observe/disconnect.ts'
import { chooseSources } from './choose-sources.ts'
import { keepCrossingsOf } from './graph-view.ts'
import { defineOperation } from './operation.ts'
import { sayer } from './owner.ts'
import { isoTime } from './standing.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  sources: z.array(z.string().min(1)).min(1).describe('labels or ids of sources, as ls sources shows them'),
  by: z.string().min(1).optional().describe('who says so; without it, whoever runs the command'),
  why: z.string().min(1).optional().describe('why, for the record'),
})
type Input = z.infer<typeof input>

interface Disconnected {
  readonly sources: readonly {
    readonly id: string
    readonly source: string
    readonly disconnectedAt: string
    /** It was no source before. */
    readonly already: boolean
    /** Copies in it that count as gone now. */
    readonly copies: number
  }[]
  readonly failures: readonly Error[]
}

export const disconnect = defineOperation<Input, Disconnected>({
  name: 'disconnect',
  summary: 'Read a source no more: what was found there counts as gone, and stays known',
  permission: 'connect',
  input: input as z.ZodType<Input>,
  positional: ['sources'],
  examples: [
    {
      command: 'firebreak disconnect /srv/app',
      shows: 'a repository that is gone for good, and its working tree',
    },
    {
      command: 'firebreak disconnect report:/srv/reports/old.json --why "it is no report"',
      shows: 'one source, with the reason on the record',
    },
  ],
  async run(world, { sources: wanted, by, why }) {
    const { db, io, connections } = world
    const all = await db.selectFrom('source').selectAll().orderBy('id').execute()
    const said = { by: sayer(by), why }
    const sources: Disconnected['sources'][number][] = []
    const failures: Error[] = []
    for (const { id, system, label } of chooseSources(all, wanted))
      try {
        const { at, already, copies } = await disconnectSource(db, io, id, said)
        await connections.leave(id)
        sources.push({ id, source: `${system}:${label}`, disconnectedAt: isoTime(at), already, copies })
      } catch (error) {
        // One that is being read keeps no other from being disconnected.
        if (!isFirebreakError(error, 'CONFLICT')) throw error
        failures.push(error)
      }
    if (sources.some(({ already }) => !already)) await keepCrossingsOf(world)
    return { sources, failures }
  },
  json: ({ sources }) => ({ sources }),
  failures: ({ failures }) => failures,
  text: ({ sources }, width) =>
    sources
      .map(({ source, disconnectedAt, already, copies }) => {
        const said = already
          ? `${source} is no source since ${disconnectedAt.slice(0, 16).replace('T', ' ')}.`
          : `${source} is read no more; ${countText(copies, 'copy', 'copies')} in it ${copies === 1 ? 'counts' : 'count'} as gone.`
        return wrap(said, width, '', '  ')
      })
      .join('\n'),
})
