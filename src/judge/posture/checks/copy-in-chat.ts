import { defineCheck, type Judgement } from '../check.ts'
import { copied } from './copied.ts'
import { CHATS } from './copied-values.ts'
import { type Standing, standing } from './standing.ts'

export const copyInChat = defineCheck<Standing>({
  id: 'copy-in-chat',
  title: 'A credential was posted in a chat',
  why: 'Everyone in the channel has it, whoever joins later too, and so has every program that reads along.',
  fix: 'Contain it: firebreak contain CREDENTIAL. Then take the message away, and hand credentials over by a store.',
  severity: 'high',
  frameworks: ['NHI2:2025', 'NHI10:2025'],
  population: standing,
  async find(context, population) {
    const isRead = (await copied(context)).places.has(CHATS)
    return [...population].flatMap(([entityId, one]): Judgement[] => {
      if (!isRead) return [{ entityId, outcome: 'unknown', why: 'no chat was read' }]
      const place = one.placeOf('chat')
      return place === undefined ? [] : [{ entityId, outcome: 'fails', why: `it was posted in ${place}` }]
    })
  },
})
