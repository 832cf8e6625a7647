import type { Trial } from '../../core/contract/probe.ts'
import type { CrossingRules } from './crossing-rules.ts'
import { type JoinedCrossing, systemOf } from './joined/joined-crossing.ts'
import { alternatives, questionOf } from './kubernetes/question.ts'

/**
 * What has to be allowed for a crossing to be crossed, as its rule says; undefined where that is no matter of permissions alone, or
 * the rule asks for some of a thing that the hop does not name.
 */
export function trialActions(rules: CrossingRules, crossing: string): Trial['actions'] {
  const ofAws = rules.aws.find(({ id }) => id === crossing)
  if (ofAws) return ofAws.premises.map(({ action, on }) => ({ action, onTarget: on === 'target' }))
  const joined = rules.joined.find(({ id }) => id === crossing)
  if (!joined) return undefined
  const asked = joined.premises.flatMap(premise => ('may' in premise ? [premise] : []))
  const own = asked.filter(({ from, may }) => from === joined.gains.from && isPermission(joined, may[0]!))
  const isNamed = own.every(
    ({ to, may }) => to === joined.gains.to || may.every(one => / in cluster\b/.test(one)),
  )
  if (own.length === 0 || !isNamed) return undefined
  return own.map(({ may }) => {
    const [action, ...or] = systemOf(joined) === 'kubernetes' ? may.flatMap(alternatives) : may
    return { action: action!, ...(or.length > 0 && { or }), onTarget: !/ (?:in|beside) /.test(action!) }
  })
}

/** Of Kubernetes, `may` asks for where things stand, too. */
function isPermission(rule: JoinedCrossing, action: string): boolean {
  return systemOf(rule) !== 'kubernetes' || questionOf(action).about === 'policy'
}
