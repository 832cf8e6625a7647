import { describe, expect, test } from 'vitest'
import { People } from '../../../src/judge/ownership/people.ts'
import { type Sign, type SignKind, weigh } from '../../../src/judge/ownership/weigh.ts'

const people = new People()
for (const team of ['payments', 'search']) people.addTeam([team, `Team ${team}`])
const person = (mail: string, team: string, hasLeft = false) =>
  people.addPerson([mail, mail.split('@')[0]!], {
    kind: 'person',
    key: `person:${mail}`,
    name: mail,
    hasLeft,
    teams: [`team:${team}`],
  })
person('jane@acme.example', 'payments')
person('bob@acme.example', 'search')
person('left@acme.example', 'payments', true)

const sign = (owner: string, kind: SignKind = 'tag', weight = 0.75): Sign => ({
  owner,
  kind,
  source: kind,
  weight,
})
const said = (...signs: Sign[]) => {
  const { state, answers } = weigh(signs, people)
  return [state, answers?.name]
}

describe('whose it is', () => {
  test('however the team is written, it is one', () => {
    for (const owner of [
      'payments',
      '@acme/payments',
      'group:default/payments',
      '#payments',
      'payments@x.example',
      'Team Payments',
      'payments-team',
    ])
      expect(said(sign(owner)), owner).toEqual(['confident', 'payments'])
  })

  test('a person’s word outranks everything', () => {
    expect(
      said(sign('payments'), sign('@acme/payments', 'code', 0.6), sign('search', 'confirmed', 1)),
    ).toEqual(['confirmed', 'search'])
  })

  test('what two sources tell alike is said once', () => {
    const rule = { ...sign('payments', 'code', 0.5), source: 'CODEOWNERS, line 4' }
    const [one] = weigh([rule], people).candidates
    const twice = weigh([rule, { ...rule, weight: 0.4 }, rule, rule], people)
    expect(twice).toMatchObject({ state: 'likely', candidates: [{ weight: one!.weight, signs: [rule] }] })
  })

  test('what agrees adds up; two of one kind hardly do', () => {
    const two = weigh([sign('payments', 'code', 0.4), sign('payments', 'author', 0.4)], people).candidates[0]!
      .weight
    const same = weigh([sign('payments', 'code', 0.4), sign('payments', 'code', 0.4)], people).candidates[0]!
      .weight
    expect(two).toBeCloseTo(0.64)
    expect(same).toBeLessThan(0.5)
  })

  test('a team and people in it are no conflict: the team answers', () => {
    expect(said(sign('payments'), sign('jane@acme.example', 'author', 0.4))).toEqual([
      'confident',
      'payments',
    ])
  })

  test('who alone is named answers', () => {
    expect(said(sign('jane@acme.example'))).toEqual(['confident', 'jane@acme.example'])
  })

  test('of two teams for which nearly as much speaks, it is a conflict', () => {
    expect(said(sign('payments'), sign('search', 'catalog', 0.7))).toEqual(['conflict', 'payments'])
    expect(said(sign('payments'), sign('bob', 'catalog', 0.75))[0]).toBe('conflict')
  })

  test('a hint is no claim', () => {
    expect(said(sign('jane', 'author', 0.3))[0]).toBe('likely')
  })

  test('where whoever it was left, nobody answers', () => {
    expect(said(sign('left@acme.example'))).toEqual(['departed', 'left@acme.example'])
    expect(said(sign('left', 'name', 0.8), sign('search', 'code', 0.6))).toEqual([
      'departed',
      'left@acme.example',
    ])
    expect(said(sign('left', 'confirmed', 1))).toEqual(['departed', 'left@acme.example'])
    expect(said(sign('left@acme.example'), sign('search', 'catalog', 0.75))).toEqual(['confident', 'search'])
  })

  test('what names nobody who is known is no owner, and is told', () => {
    const { state, unresolved } = weigh([sign('TBD'), sign('@acme/phoenix')], people)
    expect([state, unresolved.length]).toEqual(['orphan', 2])
  })

  test('where no list of people was read, words are taken as they are', () => {
    const found = weigh([sign('@acme/payments'), sign('payments', 'catalog', 0.6), sign('n/a')], new People())
    expect([found.state, found.answers?.name, found.unresolved.length]).toEqual([
      'confident',
      '@acme/payments',
      1,
    ])
  })

  test('a name that two have means neither', () => {
    const two = new People()
    for (const mail of ['a@x.example', 'b@x.example'])
      two.addPerson([mail, 'Jane Doe'], {
        kind: 'person',
        key: `person:${mail}`,
        name: mail,
        hasLeft: false,
        teams: [],
      })
    expect(weigh([sign('Jane Doe')], two).state).toBe('orphan')
    expect(weigh([sign('Jane Doe <b@x.example>')], two).answers?.name).toBe('b@x.example')
  })
})
