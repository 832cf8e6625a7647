import { defineCheck, type Judgement } from '../check.ts'
import { noted, type Profiled, used } from './required.ts'

export const breakGlassInWorkflow = defineCheck<Profiled>({
  id: 'break-glass-in-workflow',
  title: 'An account for emergencies is used in an ordinary workflow',
  why: 'Its use is an alarm: where it is used every day, nobody hears the alarm, and its rights are far wider than the work needs.',
  fix: 'Give the workflow an identity of its own, with the rights that it needs, and rotate this one.',
  severity: 'high',
  frameworks: ['NHI5:2025', 'NHI9:2025'],
  async population(context) {
    const all = [...(await noted(context))]
    return new Map(all.filter(([, { profile }]) => profile.class.value === 'break-glass'))
  },
  async find(context, population) {
    if (population.size === 0) return []
    const uses = await used(context)
    return [...population].flatMap(([id, { profile }]): Judgement[] => {
      const [use] = (uses.get(id) ?? []).filter(({ isGone }) => !isGone)
      if (!use) return []
      const why = `${use.name} uses it (${use.why}), and it is for emergencies: ${profile.class.why}`
      return [{ entityId: id, outcome: 'fails', why }]
    })
  },
})
