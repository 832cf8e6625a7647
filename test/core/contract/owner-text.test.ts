import { expect, test } from 'vitest'
import { ownersInTags, ownersInText } from '../../../src/core/contract/owner-text.ts'

const of = { system: 'aws', instance: '1', kind: 'role', id: 'r' }
const told = (tags: Record<string, string>) =>
  [...ownersInTags(of, Object.entries(tags), 'tag')].map(one =>
    one.see === 'owner'
      ? `${one.owner} (${one.source})`
      : one.see === 'edge'
        ? `${one.crossing} ${one.to.id}`
        : JSON.stringify(one.facts),
  )
const said = (text: string) =>
  [...ownersInText(of, text, 'description')].map(one =>
    one.see === 'owner' ? one.owner : one.see === 'edge' ? `${one.crossing} ${one.to.id}` : '',
  )

test('owners and services are told by many keys, and by misspelt ones', () => {
  expect(
    told({ Owner: 'payments', 'acme.example/service-owner': 'a@b.example', onwer: 'x', tema: 'y' }),
  ).toEqual([
    'payments (tag Owner)',
    'a@b.example (tag acme.example/service-owner)',
    'x (tag onwer)',
    'y (tag tema)',
  ])
  expect(told({ Service: 'Orders-API', 'app.kubernetes.io/name': 'cart' })).toEqual([
    'part-of default/orders-api',
    'part-of default/cart',
  ])
})

test('what is no such key, and what says nothing, is told as nothing', () => {
  expect(
    told({ region: 'eu', Name: 'x', owner: ' ', term: 'x', steam: 'x', power: 'y', tower: 'z', own: 'w' }),
  ).toEqual([])
  expect(told({ owner: 'x'.repeat(300) })).toEqual([])
})

test('a sentence says it, too', () => {
  expect(said('Owner: payments')).toEqual(['payments'])
  expect(said('Used by orders-api. Contact: jane.doe@acme.example')).toEqual(['jane.doe@acme.example'])
  expect(said('team=payments service=orders-api')).toEqual(['payments', 'part-of default/orders-api'])
  expect(said('Owner: Jane Doe, see runbook')).toEqual(['Jane Doe'])
  expect(said('Managed by Terraform')).toEqual([])
  expect(said('see https://example.org/owner')).toEqual([])
})

test('a long text takes no longer than it is', () => {
  expect(said('owner '.repeat(100_000))).toEqual([])
  expect(said(`${'a'.repeat(100_000)}: x`)).toEqual([])
})

test('what it is for, where it is, and when it ends are told, too', () => {
  expect(
    told({ Purpose: 'nightly export', env: 'prod', 'expires-on': '2027-01-31', 'nhi-class': 'shared' }),
  ).toEqual([
    '{"purpose":{"value":"nightly export"}}',
    '{"environment":{"value":"prod"}}',
    '{"expiry":{"value":"2027-01-31"}}',
    '{"class":{"value":"shared"}}',
  ])
})
