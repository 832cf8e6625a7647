import pc from 'picocolors'
import { z } from 'zod'
import { countText } from '../../core/contract/count-text.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import {
  offboard as offboardSubject,
  type OffboardOptions,
  type OffboardReport,
  resumeOffboarding,
} from '../../act/lifecycle/offboard.ts'
import { containText, planText } from './contain-text.ts'
import { defineOperation, type World } from './operation.ts'
import { ruleFoldersOf } from './own-rules.ts'
import { sayer } from './owner.ts'
import { wrap } from './wrap.ts'
import { patience } from './patience.ts'

const input = z.strictObject({
  subject: z
    .string()
    .min(1)
    .optional()
    .describe('a service, system, workload, person or identity; service:NAME where several are called so'),
  apply: z.boolean().default(false).describe('do it; without, only what hangs on it and the plan are shown'),
  handoverTo: z
    .string()
    .min(1)
    .optional()
    .describe('who takes over what a person answers for and others use'),
  keepRights: z
    .boolean()
    .default(false)
    .describe('what it may do stays, for leases that are like it; only its credentials go'),
  emergency: z.boolean().default(false).describe('wait for nobody who may still use what goes'),
  window: z.number().min(0).max(3600).default(5).describe('seconds to watch for who uses it'),
  patience,
  breakGlass: z
    .boolean()
    .default(false)
    .describe('also accounts for emergencies, which are left alone without this'),
  resume: z.string().min(1).optional().describe('go on with this run'),
})

export const offboard = defineOperation<z.infer<typeof input>, OffboardReport>({
  name: 'offboard',
  summary: 'Remove all that hangs on a service, a person, a vendor or an identity',
  permission: 'contain',
  input,
  positional: ['subject'],
  examples: [
    { command: 'firebreak offboard orders', shows: 'what hangs on it, what others use, and the plan' },
    {
      command: 'firebreak offboard orders --apply',
      shows: 'removed in order, each credential tried at the end',
    },
    {
      command: 'firebreak offboard jane@acme.example --handover-to payments --apply',
      shows: 'what others use is handed over, the rest goes',
    },
    { command: 'firebreak offboard --resume RUN', shows: 'go on with a run that stopped or is stuck' },
  ],
  async run(world, given) {
    const mode = given.emergency ? 'emergency' : 'graceful'
    const options = optionsOf(world, given.patience)
    if (given.resume !== undefined) return await resumeOffboarding(world.db, options, given.resume, mode)
    if (given.subject === undefined)
      throw new FirebreakError('INVALID_INPUT', 'nothing was named', 'firebreak offboard NAME')
    return await offboardSubject(world.db, options, {
      subject: given.subject,
      mode,
      windowSeconds: given.emergency ? 0 : given.window,
      apply: given.apply,
      breakGlass: given.breakGlass,
      keepRights: given.keepRights,
      ...(given.handoverTo !== undefined && { handover: { to: given.handoverTo, by: sayer(undefined) } }),
    })
  },
  text,
  exitCode: report => (report.state === 'planned' || report.contained ? 0 : 1),
})

function optionsOf(world: World, patienceSeconds: number): OffboardOptions {
  const { io, keys, connections } = world
  return {
    io,
    keys,
    connections,
    ...ruleFoldersOf(world),
    patienceSeconds,
    onPlan: report =>
      world.progress({
        kind: 'note',
        text: `${belongingsText(report, 80)}\n\n${planText(report, 80, WORDS)}`,
      }),
    onBoundary: (step, boundary, error) => {
      if (error !== undefined)
        world.progress({ kind: 'step', title: step.title, state: step.state, detail: error })
      else if (boundary === 'intent' || boundary === 'verified')
        world.progress({ kind: 'step', title: step.title, state: step.state })
    },
  }
}

const WORDS = {
  planned: 'What goes',
  command: 'firebreak offboard',
  done: 'Gone',
  next: 'the same with --apply',
}

function text(report: OffboardReport, width: number): string {
  return `${belongingsText(report, width)}\n\n${containText(report, width, WORDS)}`
}

function belongingsText({ subject, own, shared, likely }: OffboardReport, width: number): string {
  const lines = [pc.bold(`${subject.kind} ${subject.name}`), '']
  const add = (heading: string, items: readonly string[]) => {
    if (items.length === 0) return
    lines.push(pc.bold(heading), ...items.map(item => wrap(item, width, '  ', '    ')), '')
  }
  add(
    'Its own',
    own.map(({ name, credentials, isWhole, why }) => {
      const what = countText(credentials, 'credential')
      return `${name} (${isWhole ? what : `only ${what} of it`}): ${why.join('; ')}`
    }),
  )
  add(
    'Shared with others, so that it stays; replace what the leaving one knows of it',
    shared.map(({ name, why }) => `${name}: ${why}`),
  )
  add(
    'Perhaps a part of it, so that it stays',
    likely.map(({ name, why }) => `${name}: ${why}`),
  )
  return lines.join('\n').trimEnd()
}
