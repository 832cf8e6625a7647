import { expect, test } from 'vitest'
import { isAllowedStore } from '../../../src/judge/requirements/allowed-stores.ts'

const inFolder = { system: 'directory', label: '/srv/checkouts/estate', path: 'deploy/.env' }
const inVault = { system: 'aws', label: 'acme-prod', path: 'secretsmanager/orders/db' }

test.each([
  [inFolder, 'directory:*/deploy/.env', true],
  [inFolder, 'directory:estate/deploy/.env', true],
  [inFolder, 'directory:/srv/checkouts/estate/deploy/.env', true],
  [inFolder, 'directory:/srv/**', true],
  [inFolder, 'directory:**/.env', true],
  [inFolder, 'directory:**', true],
  [inFolder, 'directory:*', false],
  [inFolder, 'directory:*/.env', false],
  [inFolder, 'directory:other/deploy/.env', false],
  [inFolder, 'git:**', false],
  [inFolder, 'directory:estate/deploy/?env', true],
  [inFolder, 'directory:estate/deploy/xenv', false],
  [inVault, 'aws:**', true],
  [inVault, 'aws:acme-*/secretsmanager/**', true],
  [inVault, 'aws:acme-dev/**', false],
])('%j and %s: %s', (place, glob, is) => {
  expect(isAllowedStore(place, [[glob]])).toBe(is)
})

test('what several rules say holds all, and of one rule any', () => {
  expect(isAllowedStore(inVault, [['aws:**'], ['gcp:**', 'aws:acme-prod/**']])).toBe(true)
  expect(isAllowedStore(inVault, [['aws:**'], ['gcp:**']])).toBe(false)
})
