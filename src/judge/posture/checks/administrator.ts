import { defineCheck, type Judgement } from '../check.ts'
import { everythingGranted } from './everything-granted.ts'
import { owned } from './owned.ts'

/** What says that each has everything. */
export const administrator = defineCheck<readonly string[]>({
  id: 'administrator',
  title: 'An identity of a machine may do everything there',
  why: 'Whoever has its credential has the whole account, server or organisation. Few programs need more than a part.',
  fix: 'See what it does (firebreak show, last use, logs), give it a role of its own for that, and keep administration for people with a second factor.',
  severity: 'high',
  frameworks: ['NHI5:2025'],
  async population(context) {
    const whys = await everythingGranted(context)
    return new Map([...(await owned(context)).keys()].map(id => [id, whys.get(id) ?? []]))
  },
  async find(_, population) {
    return [...population].flatMap(([entityId, whys]): Judgement[] =>
      whys.length === 0 ? [] : [{ entityId, outcome: 'fails', why: [...new Set(whys)].sort().join('; ') }],
    )
  },
})
