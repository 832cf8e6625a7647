import { describe, expect, test } from 'vitest'
import { loadCrossingRules } from '../../../src/know/graph/crossing-rules.ts'
import { trialActions } from '../../../src/know/graph/trial-actions.ts'

const rules = await loadCrossingRules(new URL('../../../rules', import.meta.url).pathname)

describe('what has to be allowed, for a hop to be tried', () => {
  test('is what the rule asks of whom it begins with', () => {
    expect(trialActions(rules, 'kubernetes-read-secrets')).toEqual([
      { action: 'get secrets', or: ['list secrets', 'watch secrets'], onTarget: true },
    ])
    expect(trialActions(rules, 'kubernetes-token-request')).toEqual([
      { action: 'create serviceaccounts/token', onTarget: true },
    ])
    expect(trialActions(rules, 'kubernetes-create-pods-account')).toEqual([
      { action: 'create pods beside service-account', onTarget: false },
    ])
    expect(trialActions(rules, 'aws-sts-001')).toEqual([{ action: 'sts:AssumeRole', onTarget: true }])
  })

  test('is all of it, and in the cluster also where that is not what is gained', () => {
    expect(trialActions(rules, 'kubernetes-impersonate-group')?.map(({ action }) => action)).toEqual([
      'impersonate groups',
      'impersonate users in cluster',
    ])
  })

  test.each([
    ['of a namespace that the hop does not name', 'kubernetes-create-pods-node'],
    ['which is no permission', 'kubernetes-escape-privileged'],
    ['of no rule', 'runs-as'],
  ])('is not known: %s', (_, crossing) => {
    expect(trialActions(rules, crossing)).toBeUndefined()
  })
})
