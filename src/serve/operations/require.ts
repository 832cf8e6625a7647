import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { retryStuck } from '../../act/lifecycle/delivery.ts'
import { countText } from '../../core/contract/count-text.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { systemReason } from '../../core/contract/system-reason.ts'
import { newId } from '../../core/contract/id.ts'
import { record } from '../../core/evidence/evidence.ts'
import { transaction } from '../../core/store/store.ts'
import { profilesOf } from '../../judge/requirements/profiles.ts'
import { parseRequirements, requiredOf, requirementsInForce } from '../../judge/requirements/requirements.ts'
import { nonHumans } from '../../judge/ownership/non-human.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import { defineOperation } from './operation.ts'
import { sayer } from './owner.ts'
import { isoTime } from './standing.ts'
import { wrap } from './wrap.ts'

const input = z.strictObject({
  file: z
    .string()
    .min(1)
    .optional()
    .describe('a YAML file of what identities must have; without, what is in force'),
  by: z.string().min(1).optional().describe('who requires it; without it, whoever runs the command'),
})

interface InForce {
  readonly file: string | null
  readonly at: string | null
  readonly by: string | null
  readonly rules: number
  /** Identities for which some rule is, and all there are. */
  readonly covered: number
  readonly identities: number
}

const MOST_BYTES = 1024 * 1024

export const require = defineOperation<z.infer<typeof input>, InForce>({
  name: 'require',
  summary: 'Put in force what identities must have, by class and environment',
  permission: 'connect',
  input,
  positional: ['file'],
  examples: [
    {
      command: 'firebreak require requirements.yaml',
      shows: 'in force from now on; firebreak check tells who lacks it',
    },
    { command: 'firebreak require', shows: 'which file is in force, since when, and whom it covers' },
  ],
  async run(world, { file, by }) {
    const { db, io } = world
    if (file !== undefined) {
      const text = await readRequirements(file)
      parseRequirements(text, file)
      await transaction(db, async tx => {
        const id = newId(io)
        const said = sayer(by)
        await tx
          .insertInto('requirement')
          .values({ id, text, file, said_by: said, at: io.now().getTime() })
          .execute()
        await retryStuck(tx, io.now().getTime())
        await record(tx, io, { kind: 'requirements.set', subject: id, body: { file, by: said, text } })
      })
    }
    const requirements = await requirementsInForce(db)
    const identities = await nonHumans(db)
    const profiles = await profilesOf(db, await loadRoots(db), identities)
    const rules = requirements?.rules ?? []
    return {
      file: requirements?.file ?? null,
      at: requirements ? isoTime(requirements.at) : null,
      by: requirements?.by ?? null,
      rules: rules.length,
      covered: [...profiles.values()].filter(profile => requiredOf(rules, profile)).length,
      identities: identities.length,
    }
  },
  text({ file, at, by, rules, covered, identities }, width) {
    if (file === null) return 'Nothing is required. firebreak require FILE puts a file in force.'
    const counted = `${countText(rules, 'rule')} for ${covered} of ${countText(identities, 'identity', 'identities')}`
    return wrap(
      `${file} is in force since ${at}, by ${by}: ${counted}. firebreak check tells who lacks what.`,
      width,
      '',
      '',
    )
  },
})

async function readRequirements(file: string): Promise<string> {
  try {
    const bytes = await readFile(file)
    if (bytes.length > MOST_BYTES)
      throw new FirebreakError(
        'INVALID_INPUT',
        `${file} has more than a mebibyte`,
        'name a file of requirements',
      )
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (error instanceof FirebreakError) throw error
    throw new FirebreakError(
      'INVALID_INPUT',
      `${file} cannot be read: ${systemReason(error)}`,
      'name a file of requirements',
    )
  }
}
