import { z } from 'zod'
import { giveBack } from '../../act/lifecycle/automatic.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { ownershipOfOne } from '../../judge/ownership/ownership.ts'
import { requirementsInForce } from '../../judge/requirements/requirements.ts'
import { suspensionsOf } from '../../judge/requirements/suspensions.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import { defineOperation } from './operation.ts'
import { ruleFoldersOf } from './own-rules.ts'
import { sayer } from './owner.ts'
import { subjectOf } from './subject.ts'
import { wrap } from './wrap.ts'
import { patience } from './patience.ts'

const input = z.strictObject({
  subject: z.string().min(1).describe('an identity that was suspended by policy: its name or reference'),
  by: z.string().min(1).optional().describe('who wants it; without it, whoever runs the command'),
  patience,
})

interface Resumed {
  readonly name: string
  readonly ref: string
  readonly outcome: 'left' | 'acted' | 'failed'
  readonly why: string
  readonly run: string | null
  /** Who answers for it by a person’s word; without one it may be suspended again. */
  readonly owner: string | null
}

export const resume = defineOperation<z.infer<typeof input>, Resumed>({
  name: 'resume',
  summary: 'Give an identity back what a watch suspended by policy',
  permission: 'contain',
  input,
  positional: ['subject'],
  examples: [
    { command: 'firebreak resume app_orders', shows: 'that it may log in again, as it could before' },
  ],
  async run(world, { subject, by, patience }) {
    const { db, io, keys, connections } = world
    const { id, names, ref } = await subjectOf(world, subject)
    const suspension = (await suspensionsOf(db, await loadRoots(db))).get(id)
    if (!suspension || suspension.state === 'left' || suspension.state === 'announced')
      throw new FirebreakError(
        'NOT_FOUND',
        suspension ? 'it is only announced to be suspended' : 'it is not suspended by policy',
        'an owner keeps it from being suspended: firebreak owner set IDENTITY OWNER',
      )
    const { ownership } = await ownershipOfOne(db, io.now().getTime(), id)
    const owner = ownership?.state === 'confirmed' ? (ownership.answers?.name ?? null) : null
    const isSent = (await requirementsInForce(db))?.notify !== undefined
    const options = { io, keys, connections, ...ruleFoldersOf(world), patienceSeconds: patience }
    const why = `${sayer(by)} wants it`
    const { outcome, ...done } = await giveBack(db, options, suspension.row, { owner, why }, isSent)
    return { name: names[0] ?? ref, ref, outcome, why: done.why, run: done.run ?? null, owner }
  },
  text({ name, outcome, why, owner }, width) {
    const said = {
      acted: `${name} is given back what was taken: ${why}.`,
      left: `${name} stays suspended: ${why}.`,
      failed: `${name} is not given back: ${why}. The same command goes on with it.`,
    }[outcome]
    const again =
      outcome === 'acted' && owner === null
        ? [`Nobody said whose it is: by policy it is suspended again. firebreak owner set ${name} OWNER`]
        : []
    return [said, ...again].map(line => wrap(line, width, '', '')).join('\n')
  },
  exitCode: ({ outcome }) => (outcome === 'acted' ? 0 : 1),
})
