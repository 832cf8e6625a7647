import { isCommon, ownName, wordsOf } from '../../ownership/words.ts'
import { defineCheck, type Judgement } from '../check.ts'
import { noted, type Profiled, used } from './required.ts'

/** One that a purpose names by some word of its own. */
function names(purpose: ReadonlySet<string>, name: string): boolean {
  const words = wordsOf(ownName(name))
  const own = words.filter(word => !isCommon([word]))
  return (own.length > 0 ? own : words).some(word => purpose.has(word))
}

export const purposeDrift = defineCheck<Profiled>({
  id: 'purpose-drift',
  title: 'An identity is used beyond the purpose that was declared',
  why: 'Its rights, and who answers for it, were chosen for another use: a leak in either use is one in both.',
  fix: 'Give the other use an identity of its own; or say what it is for now: firebreak set IDENTITY purpose TEXT.',
  severity: 'medium',
  frameworks: ['NHI9:2025'],
  async population(context) {
    return new Map([...(await noted(context))].filter(([, { profile }]) => profile.purpose))
  },
  async find(context, population) {
    if (population.size === 0) return []
    const uses = await used(context)
    return [...population].flatMap(([id, { profile }]): Judgement[] => {
      const now = (uses.get(id) ?? []).filter(({ isGone }) => !isGone)
      const purpose = new Set(wordsOf(profile.purpose!.value))
      const meant = now.filter(({ name }) => names(purpose, name))
      const others = now.filter(one => !meant.includes(one))
      if (others.length === 0) return []
      const [other] = others
      // A purpose that names nobody who uses it may be for all of them.
      if (meant.length === 0)
        return [
          {
            entityId: id,
            outcome: 'unknown',
            why: `it is for “${profile.purpose!.value}”, and ${other!.name} uses it`,
          },
        ]
      const why = `it is for “${profile.purpose!.value}”, and ${other!.name} uses it as well: ${other!.why}`
      return [{ entityId: id, outcome: 'fails', why }]
    })
  },
})
