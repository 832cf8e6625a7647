import { format, inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Secret } from '../../../src/core/contract/secret.ts'

const PLAIN = 'correct-horse-battery'

describe('a secret', () => {
  const secret = new Secret(PLAIN, 'app')
  const nested = {
    credential: { secret, list: [secret], map: new Map([['k', secret]]), set: new Set([secret]) },
  }

  test.each<[string, () => string]>([
    ['String()', () => String(secret)],
    ['a template', () => `${secret}`],
    ['concatenation', () => `x${secret as unknown as string}`],
    ['toString()', () => secret.toString()],
    ['toLocaleString()', () => secret.toLocaleString()],
    ['JSON', () => JSON.stringify(nested)],
    ['inspect', () => inspect(nested, { depth: Infinity })],
    [
      'inspect with hidden fields',
      () => inspect(secret, { showHidden: true, customInspect: false, depth: Infinity }),
    ],
    ['%s', () => format('%s', secret)],
    ['%o', () => format('%o', nested)],
    ['%j', () => format('%j', nested)],
    ['%O', () => format('%O', secret)],
    [
      'an error',
      () =>
        new Error(`failed with ${secret}`, { cause: secret }).stack +
        inspect(new Error('x', { cause: secret })),
    ],
    ['its entries', () => JSON.stringify(Object.entries(secret)) + Object.keys(secret).join()],
    ['a join', () => [secret, secret].join()],
    ['its tag', () => Object.prototype.toString.call(secret)],
    ['assignment', () => JSON.stringify({ ...secret }) + JSON.stringify(Object.assign({}, secret))],
    ['a number', () => String(Number(secret)) + String(Number.parseInt(String(secret), 10))],
  ])('does not show in %s', (_, print) => {
    const text = print()
    expect(text).not.toContain(PLAIN)
    expect(text).not.toContain(Buffer.from(PLAIN).toString('hex'))
    expect(text).not.toContain([...Buffer.from(PLAIN)].slice(0, 5).join(','))
    expect(text).not.toContain([...Buffer.from(PLAIN)].slice(0, 5).join(', '))
  })

  test('does not go to another thread by itself', () => {
    expect(inspect(structuredClone({ ...secret }))).not.toContain(PLAIN)
    expect(inspect(structuredClone(secret), { showHidden: true, customInspect: false })).not.toContain(PLAIN)
  })

  test('is told by reveal alone, as bytes or as text', () => {
    expect(secret.revealText()).toBe(PLAIN)
    expect(Buffer.from(secret.reveal()).toString()).toBe(PLAIN)
    expect([secret.length, secret.id]).toEqual([PLAIN.length, 'app'])
  })

  test('keeps bytes of its own, and can forget them', () => {
    const bytes = Buffer.from(PLAIN)
    const own = new Secret(bytes)
    bytes.fill(0)
    expect(own.revealText()).toBe(PLAIN)
    own.erase()
    expect(own.reveal().every(byte => byte === 0)).toBe(true)
  })
})
