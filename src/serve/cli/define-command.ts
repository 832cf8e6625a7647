import type { Command } from 'commander'
import type { Operation } from '../operations/operation.ts'
import { wrap } from '../operations/wrap.ts'
import { addOption, type Field, fieldsOf } from './flags.ts'

/** What the parser gave, by field, and the fields that it can be explained with. */
export type Given = {
  values: Record<string, unknown>
  nested?: { into: string; values: Record<string, unknown> }
}
export type Fields = { own: readonly Field[]; nested: readonly Field[]; positional: readonly string[] }

/** Derives arguments, options, subcommands and help from an operation. */
export function defineCommand(
  command: Command,
  operation: Operation,
  act: (given: Given, fields: Fields) => Promise<void>,
): void {
  const variants = operation.variants
  const hidden = variants ? [variants.field, variants.into] : []
  const positional = (operation.positional ?? []).filter(name => !hidden.includes(name))
  const own = fieldsOf(operation.input).filter(field => !hidden.includes(field.name))
  command.addHelpText('after', examplesText(operation.examples))
  if (!variants) return define(command, { own, nested: [], positional }, values => ({ values }))
  command.helpCommand(false)
  for (const choice of variants.choices) {
    const fields = { own, nested: fieldsOf(choice.input), positional }
    const subcommand = command.command(choice.name).description(choice.summary)
    define(subcommand, fields, values => {
      const nestedNames = new Set(fields.nested.map(field => field.name))
      const entries = Object.entries(values)
      return {
        values: {
          ...Object.fromEntries(entries.filter(([name]) => !nestedNames.has(name))),
          [variants.field]: choice.name,
        },
        nested: {
          into: variants.into,
          values: Object.fromEntries(entries.filter(([name]) => nestedNames.has(name))),
        },
      }
    })
  }

  function define(command: Command, fields: Fields, shape: (values: Record<string, unknown>) => Given): void {
    command.helpOption('-h, --help', 'print this help')
    for (const name of fields.positional) {
      const field = fields.own.find(field => field.name === name)
      if (!field) throw new Error(`${operation.name} has no field ${name}`)
      const dots = field.type === 'list' ? '...' : ''
      const label = name.toUpperCase() + dots
      const choices = field.choices ? ` (one of ${field.choices.join(', ')})` : ''
      command.argument(field.required ? `<${label}>` : `[${label}]`, field.description + choices)
    }
    const takesMany = fields.own.some(({ name, type }) => type === 'list' && fields.positional.includes(name))
    for (const field of [...fields.nested, ...fields.own])
      if (!fields.positional.includes(field.name)) addOption(command, field, takesMany)
    command.option('--json', 'print JSON')
    command.action(async (...parameters: unknown[]) => {
      const { json: _, ...values } = command.opts()
      fields.positional.forEach((name, index) => {
        const value = parameters[index]
        const isGiven = Array.isArray(value) ? value.length > 0 : value !== undefined
        if (isGiven) values[name] = value
      })
      await act(shape(values), fields)
    })
  }
}

const HELP_WIDTH = 80
const INDENT = ' '.repeat(6)

function examplesText(examples: Operation['examples']): string {
  if (examples.length === 0) return ''
  const lines = examples.map(
    ({ command, shows }) => `  $ ${command}
${wrap(shows, HELP_WIDTH, INDENT, INDENT)}`,
  )
  return `\nExamples:\n${lines.join('\n')}\n`
}
