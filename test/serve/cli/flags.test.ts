import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isFirebreakError } from '../../../src/core/contract/errors.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import { explain, type Field, fieldsOf, fieldValue } from '../../../src/serve/cli/flags.ts'

const schema = z.strictObject({
  paths: z.array(z.string()).min(1).describe('what to read'),
  history: z.boolean().default(true).describe('without history'),
  full: z.boolean().default(false),
  minConfidence: z.number().min(0).max(1).default(0.5),
  mode: z.enum(['fast', 'slow']).optional(),
  password: z.instanceof(Secret).describe('its password'),
  token: z.instanceof(Secret).optional(),
  workloads: z.array(z.strictObject({ name: z.string(), reads: z.string() })).optional(),
})
const fields = fieldsOf(schema)
const field = (name: string): Field => fields.find(field => field.name === name)!
const noSecret = () => Promise.reject(new Error('standard input was read'))

describe('fieldsOf', () => {
  test('names flags after fields, and what is on by default after how to switch it off', () => {
    expect(fields.map(field => field.flag)).toEqual([
      '--paths',
      '--no-history',
      '--full',
      '--min-confidence',
      '--mode',
      '--password',
      '--token',
      '--workloads',
    ])
  })

  test('tells types, also those of secrets, which JSON Schema does not know', () => {
    expect(fields.map(field => field.type)).toEqual([
      'list',
      'boolean',
      'boolean',
      'number',
      'text',
      'secret',
      'secret',
      'records',
    ])
  })

  test('tells what is required, chosen from, and assumed', () => {
    expect(fields.filter(field => field.required).map(field => field.name)).toEqual(['paths', 'password'])
    expect(field('mode').choices).toEqual(['fast', 'slow'])
    expect(field('minConfidence').fallback).toBe(0.5)
  })
})

describe('fieldValue', () => {
  test('makes numbers of numbers and refuses the rest', async () => {
    expect(await fieldValue(field('minConfidence'), '0.25', noSecret)).toBe(0.25)
    for (const wrong of ['', ' ', 'x', '1o'])
      await expect(fieldValue(field('minConfidence'), wrong, noSecret)).rejects.toThrow('takes a number')
  })

  test('makes objects of key=value pairs, whose values may hold commas', async () => {
    expect(
      await fieldValue(field('workloads'), ['name=api,reads=a,b.env', 'reads=x,name=y'], noSecret),
    ).toEqual([
      { name: 'api', reads: 'a,b.env' },
      { reads: 'x', name: 'y' },
    ])
    await expect(fieldValue(field('workloads'), ['api'], noSecret)).rejects.toThrow('name=VALUE,reads=VALUE')
  })

  test('keeps references to secrets as references', async () => {
    expect(await fieldValue(field('password'), 'env:PGPASSWORD', noSecret)).toEqual({
      $secret: 'env:PGPASSWORD',
    })
    expect(await fieldValue(field('password'), 'file:./pw', noSecret)).toEqual({
      $secret: `file:${resolve('pw')}`,
    })
  })

  test('reads a secret from standard input for -', async () => {
    const prompts: string[] = []
    const secret = await fieldValue(field('password'), '-', async prompt => {
      prompts.push(prompt)
      return new Secret('s3cret')
    })
    expect(secret).toBeInstanceOf(Secret)
    expect(prompts).toEqual(['password: '])
  })

  test('refuses a secret in the arguments, with advice, and does not repeat it', async () => {
    const canary = `canary${Math.random().toString(36).slice(2)}`
    for (const given of [canary, `env${canary}`, 'env:', 'file:']) {
      const error = await fieldValue(field('password'), given, noSecret).catch((error: unknown) => error)
      if (!isFirebreakError(error, 'INVALID_INPUT')) throw error
      expect(error.advice).toContain('env:NAME')
      expect(error.message + error.advice).not.toContain(canary)
    }
  })
})

test('explain names fields as the command line does', () => {
  const { error } = schema.safeParse({ minConfidence: 7, password: new Secret('x'), mode: 'wild' })
  const text = explain(error!, fields, ['paths'])
  expect(text).toBe('PATHS: is needed; --min-confidence: is 1 at most; --mode: is one of fast, slow')
  const none = z.object({ subject: z.string().min(1) }).safeParse({ subject: '' })
  expect(explain(none.error!, [], ['subject'])).toBe('SUBJECT: is empty')
  const few = schema.safeParse({ paths: [], minConfidence: -1, password: new Secret('x') })
  expect(explain(few.error!, fields, ['paths'])).toContain('--min-confidence: is 0 at least')
})
