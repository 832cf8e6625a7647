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
  readonly type: 'text' | 'number' | 'boolean' | 'list' | 'secret'
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
  return property.type === 'array' ? 'list' : 'text'
}

/** Adds a field as an option. Whether it is required is left to the schema, which says so for all fields at once. */
export function addOption(command: Command, field: Field): void {
  const hints = [
    field.choices ? `one of ${field.choices.join(', ')}` : undefined,
    field.type === 'secret' ? 'env:NAME, file:PATH, or - to read it from standard input' : undefined,
    field.required ? 'required' : undefined,
    field.fallback !== undefined && field.type !== 'boolean'
      ? `default ${String(field.fallback)}`
      : undefined,
  ].filter(hint => hint !== undefined)
  const description = field.description + (hints.length > 0 ? ` (${hints.join('; ')})` : '')
  if (field.type === 'boolean') command.option(field.flag, description)
  else command.option(`${field.flag} ${valueName(field)}`, description)
}

function valueName(field: Field): string {
  if (field.type === 'list') return '<value...>'
  if (field.type === 'number') return '<number>'
  return field.type === 'secret' ? '<reference>' : '<value>'
}

/** What the parser gave for a field, as the input's schema wants it. Raises INVALID_INPUT without repeating a secret. */
export async function fieldValue(
  field: Field,
  given: unknown,
  readSecret: (prompt: string) => Promise<Secret>,
): Promise<unknown> {
  if (field.type === 'secret') return await secretValue(field, String(given), readSecret)
  if (field.type !== 'number') return given
  const number = Number(given)
  if (String(given).trim() === '' || Number.isNaN(number))
    throw new FirebreakError('INVALID_INPUT', `${field.flag} takes a number`)
  return number
}

async function secretValue(
  field: Field,
  given: string,
  readSecret: (prompt: string) => Promise<Secret>,
): Promise<Secret | { $secret: string }> {
  if (given === '-') return await readSecret(`${field.flag.slice(2)}: `)
  if (/^(env|file):./.test(given)) return { $secret: given }
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
      const absent = issue.code === 'invalid_type' && issue.message.endsWith('received undefined')
      return `${shown}: ${absent ? 'is needed' : lowerFirst(issue.message)}`
    })
    .join('; ')
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
