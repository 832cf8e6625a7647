import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import { transaction } from '../../core/store/store.ts'
import { CLASSES, classNamed, endNamed } from '../../judge/requirements/profiles.ts'
import { say, takeBack, WORD_NAMES, type WordName } from '../../know/inventory/word.ts'
import { defineOperation } from './operation.ts'
import { sayer } from './owner.ts'
import { subjectOf } from './subject.ts'
import { wrap } from './wrap.ts'

const input = z.strictObject({
  subject: z.string().min(1).describe('an identity, or a resource: its name or reference'),
  name: z.enum(WORD_NAMES).describe('what is said of it'),
  value: z.string().min(1).max(500).describe('what it is; “nothing” takes a word back'),
  by: z.string().min(1).optional().describe('who says so; without it, whoever runs the command'),
  why: z.string().min(1).optional().describe('why, for the record'),
})

interface Said {
  readonly name: string
  readonly ref: string
  readonly word: WordName
  readonly value: string | null
}

export const set = defineOperation<z.infer<typeof input>, Said>({
  name: 'set',
  summary: 'Say of an identity what class it is, what it is for, or when it ends',
  permission: 'connect',
  input,
  positional: ['subject', 'name', 'value'],
  examples: [
    {
      command: 'firebreak set app_orders purpose "orders-api reads its database"',
      shows: 'what it is for, which outranks what tags tell',
    },
    {
      command: 'firebreak set root-recovery class break-glass',
      shows: 'nothing acts on it by itself any more',
    },
    { command: 'firebreak set app_orders class nothing', shows: 'what was said is taken back' },
  ],
  async run(world, { subject, name, value, by, why }) {
    const named = await subjectOf(world, subject)
    const shown = { name: named.names[0] ?? named.ref, ref: named.ref, word: name }
    const entityId = named.id
    const who = sayer(by)
    if (value.trim().toLowerCase() === 'nothing') {
      await transaction(world.db, tx => takeBack(tx, world.io, { entityId, name, by: who }))
      return { ...shown, value: null }
    }
    const said = meant(name, value.trim())
    await transaction(world.db, tx => say(tx, world.io, { entityId, name, value: said, by: who, why }))
    return { ...shown, value: said }
  },
  text: ({ name, word, value }, width) =>
    wrap(
      value === null
        ? `${name}: what was said of its ${word} is taken back`
        : `${name}: its ${word} is ${value}`,
      width,
      '',
      '  ',
    ),
})

function meant(name: WordName, value: string): string {
  if (name === 'class') {
    const known = classNamed(value)
    if (known) return known
    throw new FirebreakError('INVALID_INPUT', 'there is no such class', `give one of: ${CLASSES.join(', ')}`)
  }
  if (name === 'expiry') {
    const end = endNamed(value)
    if (end === 'never') return end
    const at = Date.parse(value)
    if (!Number.isNaN(at)) return new Date(at).toISOString()
    throw new FirebreakError('INVALID_INPUT', 'it is no date', 'give one as 2027-01-31, or never')
  }
  return value
}
