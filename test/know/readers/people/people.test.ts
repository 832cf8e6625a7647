import { describe, expect, test } from 'vitest'
import { peopleReader } from '../../../../src/know/readers/people/people.ts'
import { observed } from '../both-ways.ts'

const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'

async function read(path: string, text: string) {
  const found = await observed(peopleReader, path, text)
  return {
    people: found.flatMap(one =>
      one.see === 'resource' && one.ref.kind === 'person'
        ? [Object.fromEntries(Object.entries(one.facts).map(([name, { value }]) => [name, value]))]
        : [],
    ),
    teams: found.flatMap(one => (one.see === 'edge' ? [`${one.from.id} ${one.crossing} ${one.to.id}`] : [])),
    gaps: found.flatMap(one => (one.see === 'covered' ? [`${one.scope}: ${one.why}`] : [])),
  }
}

describe('a list of the people department', () => {
  test('is read by what stands over its columns, whatever their order and separator', async () => {
    const { people, gaps } = await read(
      'hr.csv',
      '\ufeffStatus;E-Mail;"Full Name";Employee ID;End Date;Team\r\nActive;JANE@acme.example;"Doe, Jane";7;;Payments\r\nterminated;bob@acme.example;"O""Neil, Bob";8;2025-01-31;Search\r\n',
    )
    expect(gaps).toEqual([])
    expect(people).toEqual([
      { name: 'Jane Doe', mails: ['jane@acme.example'], number: '7', teams: ['Payments'], isActive: true },
      {
        name: 'Bob O"Neil',
        mails: ['bob@acme.example'],
        number: '8',
        teams: ['Search'],
        isActive: false,
        leftAt: '2025-01-31T00:00:00.000Z',
      },
    ])
  })

  test('has who came back as one who is there, and tells of lines that are nobody', async () => {
    const head = 'Employee ID,Work Email,Status\n'
    const { people, gaps } = await read(
      'hr.csv',
      `${head}7,a@b.example,Active\n7,a@b.example,Terminated\n,,\nTotal,2\n`,
    )
    expect(people).toMatchObject([{ number: '7', isActive: true }])
    const turned = await read('hr.csv', `${head}7,a@b.example,Terminated\n7,a@b.example,Active\n`)
    expect(turned.people).toMatchObject([{ isActive: true }])
    expect(gaps).toEqual(['people:hr.csv#line 5: the line has no address of a person'])
  })

  test('keeps a last day that may be to come, and takes no word for a leaving that is none', async () => {
    const { people } = await read(
      'hr.csv',
      'Work Email,Status,Last Day\na@b.example,Notice period,2999-01-31\nc@b.example,,2020-01-31\nc@b.example,,2999-01-31\nd@b.example,no,\n',
    )
    expect(people).toEqual([
      { mails: ['a@b.example'], leftAt: '2999-01-31T00:00:00.000Z' },
      { mails: ['c@b.example'], leftAt: '2999-01-31T00:00:00.000Z' },
      { mails: ['d@b.example'], isActive: false },
    ])
  })

  test('is not taken for one where it has no addresses, or says of nobody whether they are there', async () => {
    const reads = (text: string) => peopleReader.reads({ path: 'x.csv' }, Buffer.from(text))
    expect(reads('email,status\n')).toBe(true)
    expect(reads('name,price\na@b.example,3\n')).toBe(false)
    expect(reads('email,price\na@b.example,3\n')).toBe(false)
  })

  test('with a quote that never ends is read on after ten lines', async () => {
    const lines = Array.from({ length: 30 }, (_, index) => `p${index}@b.example,Active`)
    const { people } = await read('hr.csv', `email,status\n"broken\n${lines.join('\n')}\n`)
    expect(people.length).toBeGreaterThan(15)
  })
})

describe('answers by SCIM', () => {
  const user = (id: string, more: object = {}) => ({
    id,
    userName: `${id}@acme.example`,
    active: true,
    ...more,
  })

  test('are pages that overlap and repeat: each person once, as last changed', async () => {
    const modified = (lastModified: string, active: boolean) => ({ active, meta: { lastModified } })
    const pages = [
      {
        schemas: [LIST],
        totalResults: 3,
        Resources: [user('a', modified('2026-02-01T00:00:00Z', false)), user('b')],
      },
      {
        schemas: [LIST],
        totalResults: 3,
        Resources: [user('b'), user('a', modified('2025-01-01T00:00:00Z', true)), user('c')],
      },
    ]
    for (const text of [JSON.stringify(pages), pages.map(page => JSON.stringify(page)).join('\n')]) {
      const { people, gaps } = await read('scim.json', text)
      expect(gaps).toEqual([])
      expect(people.map(({ mails, isActive }) => [mails, isActive])).toEqual([
        [['a@acme.example'], false],
        [['b@acme.example'], true],
        [['c@acme.example'], true],
      ])
    }
  })

  test('of which pages are missing, or that are cut, say so', async () => {
    const page = { schemas: [LIST], totalResults: 300, Resources: [user('a'), { id: 3 }] }
    const { people, gaps } = await read('scim.jsonl', `${JSON.stringify(page)}\n{"schemas":["${LIST}"],"Res`)
    expect(people).toHaveLength(1)
    expect(gaps).toEqual([
      'people:scim.jsonl#line 2: it is no whole JSON',
      'people:scim.jsonl#line 1: 1 entry is neither a user nor a group',
      'people:scim.jsonl#line 1: it has 1 of 300: pages are missing',
    ])
  })

  test('say who is in which group', async () => {
    const group = { id: 'g', displayName: 'Payments', members: [{ value: 'a' }, { value: 'a' }] }
    const { teams } = await read(
      'scim.json',
      JSON.stringify({ schemas: [LIST], totalResults: 1, Resources: [group] }),
    )
    expect(teams).toEqual(['a works-in g'])
  })
})
