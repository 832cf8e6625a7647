import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type ZodType, z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Json } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'

/** One field of an input, as the command line offers it. */
export interface Field {
  readonly name: string
  /** `--min-confidence`, or `--no-history` for what is on unless switched off. */
  readonly flag: string
  readonly type: 'text' | 'number' | 'boolean' | 'list' | 'records' | 'secret'
  /** The keys of a list of objects, each given as `name=api,reads=api.env`. */
  readonly keys: readonly string[]
  readonly choices: readonly string[] | undefined
  readonly required: boolean
  readonly fallback: Json | undefined
  readonly description: string
}

/** The part of JSON Schema that an input's fields come as. */
interface FieldSchema {
  type?: string
  enum?: string[]
  default?: Json
  description?: string
  items?: FieldSchema
  minItems?: number
  properties?: Record<string, FieldSchema>
  anyOf?: FieldSchema[]
}

/** The fields of a `z.object`, with what JSON Schema tells of them. */
export function fieldsOf(input: ZodType): Field[] {
  const schema = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, FieldSchema>
    required?: string[]
  }
  const shape = shapeOf(input)
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const type = isSecretField(shape[name]) ? 'secret' : typeOf(property)
    const dashed = name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
    return {
      name,
      flag: type === 'boolean' && property.default === true ? `--no-${dashed}` : `--${dashed}`,
      type,
      keys: Object.keys(property.items?.properties ?? {}),
      choices: property.enum ?? property.items?.enum,
      required:
        (schema.required ?? []).includes(name) || (property.minItems !== undefined && property.minItems > 0),
      fallback: property.default,
      description: property.description ?? '',
    }
  })
}

function shapeOf(input: ZodType): Record<string, ZodType> {
  return 'shape' in input ? (input.shape as Record<string, ZodType>) : {}
}

/** A field that takes a `Secret` and no text is one, however its schema was written. */
function isSecretField(field: ZodType | undefined): boolean {
  return field !== undefined && field.safeParse(new Secret('x')).success && !field.safeParse('x').success
}

function typeOf(property: FieldSchema): Field['type'] {
  if (property.type === 'boolean') return 'boolean'
  if (property.type === 'number' || property.type === 'integer') return 'number'
  if (property.type !== 'array') return 'text'
  return property.items?.type === 'object' ? 'records' : 'list'
}

/**
 * Adds a field as an option. Whether it is required is left to the schema, which says so for all fields at once. Where a command takes
 * any number of arguments, an option that did so as well would take them away: there it takes one, as often as it is given.
 */
export function addOption(command: Command, field: Field, takesMany = false): void {
  const hints = [
    field.choices ? `one of ${field.choices.join(', ')}` : undefined,
    field.type === 'records' ? recordForm(field) : undefined,
    field.type === 'secret' ? 'env:NAME, file:PATH, or - to read it from standard input' : undefined,
    field.required ? 'required' : undefined,
    field.type !== 'boolean' && String(field.fallback ?? '') !== ''
      ? `default ${String(field.fallback)}`
      : undefined,
  ].filter(hint => hint !== undefined)
  const description = `${field.description}${hints.length > 0 ? ` (${hints.join('; ')})` : ''}`.trim()
  if (field.type === 'boolean') command.option(field.flag, description)
  else if (field.type === 'list' && takesMany)
    command.option(`${field.flag} <value>`, description, (value: string, before: string[] = []) => [
      ...before,
      value,
    ])
  else command.option(`${field.flag} ${valueName(field)}`, description)
}

function valueName(field: Field): string {
  if (field.type === 'list' || field.type === 'records') return '<value...>'
  if (field.type === 'number') return '<number>'
  return field.type === 'secret' ? '<reference>' : '<value>'
}

/** Beside the description: as the option's value it would leave the descriptions of all options no room in 80 columns. */
function recordForm({ keys }: Field): string {
  return keys.map(key => `${key}=${key.toUpperCase()}`).join(',')
}

/** What the parser gave for a field, as the input's schema wants it. Raises INVALID_INPUT without repeating a secret. */
export async function fieldValue(
  field: Field,
  given: unknown,
  readSecret: (prompt: string) => Promise<Secret>,
): Promise<unknown> {
  if (field.type === 'secret') return await secretValue(field, String(given), readSecret)
  if (field.type === 'records') return (given as string[]).map(text => recordValue(field, text))
  if (field.type !== 'number') return given
  const number = Number(given)
  if (String(given).trim() === '' || Number.isNaN(number))
    throw new FirebreakError(
      'INVALID_INPUT',
      `${field.flag} takes a number`,
      'write it in digits, as in 10 or 0.5',
    )
  return number
}

/** `name=api,reads=api.env`: a value ends at a comma that the next key follows, so that it may hold others. */
function recordValue(field: Field, text: string): Record<string, string> {
  const record: Record<string, string> = {}
  for (const part of text.split(new RegExp(`,(?=(?:${field.keys.join('|')})=)`))) {
    const at = part.indexOf('=')
    if (at < 1)
      throw new FirebreakError(
        'INVALID_INPUT',
        `${field.flag} takes ${field.keys.map(key => `${key}=VALUE`).join(',')}`,
        'give each as one word, without spaces around the commas',
      )
    record[part.slice(0, at)] = part.slice(at + 1)
  }
  return record
}

async function secretValue(
  field: Field,
  given: string,
  readSecret: (prompt: string) => Promise<Secret>,
): Promise<Secret | { $secret: string }> {
  if (given === '-') return await readSecret(`${field.flag.slice(2)}: `)
  // The next command may be run from another directory.
  if (/^file:./.test(given)) return { $secret: `file:${resolve(given.slice(5))}` }
  if (/^env:./.test(given)) return { $secret: given }
  throw new FirebreakError(
    'INVALID_INPUT',
    `${field.flag} does not take the secret itself, because other users of this machine can read a command's arguments`,
    `give env:NAME or file:PATH, or ${field.flag} - and the secret on standard input; change the secret if this was it`,
  )
}

/** One sentence for each field that does not fit, named as the command line names it. */
export function explain(error: z.ZodError, fields: readonly Field[], positional: readonly string[]): string {
  return error.issues
    .map(issue => {
      const name = String(issue.path[0] ?? '')
      const field = fields.find(field => field.name === name)
      const shown = positional.includes(name) ? name.toUpperCase() : (field?.flag ?? name)
      return `${shown}: ${said(issue)}`
    })
    .join('; ')
}

function said(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) return 'is needed'
  if (issue.code === 'invalid_value') return `is one of ${issue.values.map(String).join(', ')}`
  const isNumber = 'origin' in issue && (issue.origin === 'number' || issue.origin === 'int')
  if (isNumber && issue.code === 'too_big') return `is ${String(issue.maximum)} at most`
  if (isNumber && issue.code === 'too_small') return `is ${String(issue.minimum)} at least`
  const isText = 'origin' in issue && issue.origin === 'string'
  if (isText && issue.code === 'too_small') return 'is empty'
  return lowerFirst(issue.message)
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
