import type { Ownership } from '../../ownership/weigh.ts'
import { defineCheck, type Judgement } from '../check.ts'
import { owned, suspensionNote } from './owned.ts'

export const ownerMissing = defineCheck<Ownership>({
  id: 'owner-missing',
  title: 'Nobody owns an identity',
  why: 'When it leaks, nobody can say what breaks if it is cut off; when it is needed no more, nobody takes it away.',
  fix: 'Ask who uses it (firebreak show), and say so: firebreak owner set IDENTITY OWNER. What nobody wants can be suspended, and removed.',
  severity: 'medium',
  frameworks: ['NHI1:2025'],
  takesNothing: true,
  population: owned,
  async find(context, population) {
    const noteOf = await suspensionNote(context)
    return [...population].flatMap(([entityId, { state, unresolved }]): Judgement[] => {
      if (state === 'likely') {
        const why = 'something speaks for an owner, and not enough'
        return [{ entityId, outcome: 'unknown', why }]
      }
      if (state !== 'orphan') return []
      const written = [...new Set(unresolved.map(({ owner, source }) => `${owner} (${source})`))]
      const why =
        written.length === 0
          ? 'no tag, code, catalog or commit that was read says whose it is'
          : `what is written names nobody who is known: ${written.slice(0, 3).join(', ')}`
      return [{ entityId, outcome: 'fails', why: why + noteOf(entityId) }]
    })
  },
})
