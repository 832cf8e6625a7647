import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import { contain as containCredential, type ContainOptions, resume } from '../../act/incident/contain.ts'
import type { ContainReport } from '../../act/incident/report.ts'
import { defineOperation, type World } from './operation.ts'
import { ruleFoldersOf } from './own-rules.ts'
import { containText, planText } from './contain-text.ts'
import { patience } from './patience.ts'

const input = z.strictObject({
  subject: z
    .string()
    .min(1)
    .optional()
    .describe(
      'a credential or identity (name, id, fp_… or system:instance/kind/id), or - to paste the secret',
    ),
  secretStdin: z
    .boolean()
    .default(false)
    .describe('read the leaked secret itself from standard input as well'),
  leakedIn: z
    .string()
    .min(1)
    .optional()
    .describe('everything that stands, or stood, in this document leaked: its path, or the end of it'),
  emergency: z
    .boolean()
    .default(false)
    .describe('cut first, replace after: for a credential that is being abused now'),
  dryRun: z.boolean().default(false).describe('print the plan and what will break; change nothing'),
  window: z
    .number()
    .min(0)
    .max(3600)
    .optional()
    .describe('seconds to watch for who uses it before planning; default 5, in an emergency 0'),
  patience,
  breakGlass: z
    .boolean()
    .default(false)
    .describe('also where it is an account for emergencies, which is left alone without this'),
  resume: z.string().min(1).optional().describe('go on with this run'),
})

export const contain = defineOperation<z.infer<typeof input>, ContainReport>({
  name: 'contain',
  summary: 'Cut a leaked credential off in the right order, and prove it',
  permission: 'contain',
  input,
  positional: ['subject'],
  examples: [
    { command: 'firebreak contain app_orders --dry-run', shows: 'the plan, and what will break' },
    { command: 'firebreak contain app_orders', shows: 'replace first, cut when every consumer has moved' },
    { command: 'firebreak contain - --emergency', shows: 'paste the secret; cut it off at once' },
    {
      command: 'firebreak contain --leaked-in dump.env',
      shows: 'all that stands in one document, in one run',
    },
    { command: 'firebreak contain --resume RUN', shows: 'go on with a run that stopped or is stuck' },
  ],
  async run(world, given) {
    const mode = given.emergency ? 'emergency' : 'graceful'
    const options = optionsOf(world, given.patience)
    if (given.resume !== undefined) return await resume(world.db, options, given.resume, mode)
    const pasted = given.subject === '-' || given.secretStdin
    if (given.leakedIn !== undefined && (given.subject !== undefined || pasted))
      throw new FirebreakError(
        'INVALID_INPUT',
        'a document was named, and a credential as well',
        'give one of them: --leaked-in stands for all that is in the document',
      )
    if (given.subject === undefined && given.leakedIn === undefined && !pasted)
      throw new FirebreakError(
        'INVALID_INPUT',
        'nothing was named',
        'firebreak contain REF, firebreak contain - to paste the leaked secret, or --leaked-in DOCUMENT',
      )
    const secret = pasted ? await world.readSecret('leaked secret: ') : undefined
    return await containCredential(world.db, options, {
      mode,
      windowSeconds: given.window ?? (given.emergency ? 0 : 5),
      dryRun: given.dryRun,
      breakGlass: given.breakGlass,
      ...(secret ? { secret } : {}),
      ...(given.leakedIn === undefined ? {} : { leakedIn: given.leakedIn }),
      ...(given.subject !== undefined && given.subject !== '-' ? { subject: given.subject } : {}),
    })
  },
  text: containText,
  exitCode: report => (report.state === 'planned' || report.contained ? 0 : 1),
})

function optionsOf(world: World, patienceSeconds: number): ContainOptions {
  const { io, keys, connections } = world
  return {
    io,
    keys,
    connections,
    ...ruleFoldersOf(world),
    patienceSeconds,
    onWatch: seconds => world.progress({ kind: 'note', text: `Watching who uses it, for ${seconds} s …` }),
    onRead: label =>
      world.progress({ kind: 'note', text: `Reading ${label}, which was not since it was connected …` }),
    onPlan: report => world.progress({ kind: 'note', text: planText(report, 80) }),
    onBoundary: (step, boundary, error) => {
      if (error !== undefined)
        world.progress({ kind: 'step', title: step.title, state: step.state, detail: error })
      else if (boundary === 'intent' || boundary === 'verified')
        world.progress({ kind: 'step', title: step.title, state: step.state })
    },
  }
}
