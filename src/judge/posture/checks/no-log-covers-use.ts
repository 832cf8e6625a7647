import { defineCheck, type Judgement } from '../check.ts'
import { type Told, usable } from './told.ts'

interface Subject {
  readonly told: Told
  /** Of some other of its kind at its system a last use is known. */
  readonly isCovered: boolean
}

export const noLogCoversUse = defineCheck<Subject>({
  id: 'no-log-covers-use',
  title: 'Nothing tells when a credential is used',
  why: 'What nobody sees used can be used by anyone for as long as they like; when it leaks, nobody can say whether it was tried.',
  fix: 'Connect what knows: the cloud’s own report of last use, or an export of its log. Where there is none, let the system write one.',
  severity: 'low',
  frameworks: ['NHI10:2025'],
  takesNothing: true,
  async population(context) {
    const listed = [...(await usable(context)).values()].filter(one => one.isListed)
    const kindOf = ({ system, instance, kind }: Told) => JSON.stringify([system, instance, kind])
    const covered = new Set(listed.filter(({ facts }) => facts.has('lastUsed')).map(kindOf))
    return new Map(listed.map(one => [one.id, { told: one, isCovered: covered.has(kindOf(one)) }]))
  },
  async find(_, population) {
    return [...population].flatMap(([entityId, { told, isCovered }]): Judgement[] => {
      if (told.facts.has('lastUsed')) return []
      return isCovered
        ? [
            {
              entityId,
              outcome: 'unknown',
              why: 'of others of its kind a last use is told, and of this one none',
            },
          ]
        : [
            {
              entityId,
              outcome: 'fails',
              why: `no log and no report tells of any use of a ${told.kind} of ${told.system}`,
            },
          ]
    })
  },
})
