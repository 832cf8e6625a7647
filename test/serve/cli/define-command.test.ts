import { Command } from 'commander'
import { expect, test } from 'vitest'
import { allConnectors } from '../../../src/connectors/all.ts'
import { defineCommand } from '../../../src/serve/cli/define-command.ts'
import { type Field, fieldsOf } from '../../../src/serve/cli/flags.ts'
import { operations } from '../../../src/serve/operations/all.ts'
import type { Operation } from '../../../src/serve/operations/operation.ts'
import { projectFiles, readSource } from '../../tidy/sources.ts'

test.each(operations.map(({ name }) => name))('every flag of %s comes to the field it is of', async name => {
  const operation = await operations.find(one => one.name === name)!.load(allConnectors)
  const { variants } = operation
  const commands = variants
    ? variants.choices.map(({ name, input }) => ({
        path: [name],
        fields: [...fieldsOf(input), ...fieldsOf(operation.input)].filter(
          field => ![variants.field, variants.into].includes(field.name),
        ),
      }))
    : [{ path: [], fields: fieldsOf(operation.input) }]
  for (const { path, fields } of commands)
    for (const field of fields) {
      if (operation.positional?.includes(field.name)) continue
      const given = await parsed(operation, [...path, ...wordsOf(field)])
      expect(given, `${name} ${path.join(' ')} ${field.flag}`).toHaveProperty([field.name])
    }
})

test.each(operations.map(({ name }) => name))('the help of %s fits 80 columns', async name => {
  const operation = await operations.find(one => one.name === name)!.load(allConnectors)
  const texts: string[] = []
  const command = new Command(`firebreak ${name}`).description(operation.summary)
  command.configureOutput({ getOutHelpWidth: () => 80, writeOut: text => void texts.push(text) })
  command.configureHelp({ showGlobalOptions: true })
  defineCommand(command, operation, async () => {})
  for (const one of [command, ...command.commands]) one.copyInheritedSettings(command).outputHelp()
  const lines = texts.join('').split('\n')
  expect(lines.filter(line => line.length > 80)).toEqual([])
  expect(lines.length).toBeGreaterThan(3)
})

test('an option that may be given again leaves the arguments behind it to the command', async () => {
  const scan = await operations.find(({ name }) => name === 'scan')!.load(allConnectors)
  const words = ['--exclude', 'test/**', '--exclude', 'docs/**', 'app', 'lib']
  const command = new Command('firebreak').exitOverride()
  const given: Record<string, unknown>[] = []
  defineCommand(command, scan, async ({ values }) => void given.push(values))
  await command.parseAsync(words, { from: 'user' })
  expect(given).toEqual([expect.objectContaining({ exclude: ['test/**', 'docs/**'], paths: ['app', 'lib'] })])
})

test('every flag that a hint or a page names is one of its command', async () => {
  const flags = new Map<string, string[]>()
  for (const { name, load } of operations) {
    const { input, variants } = await load(allConnectors)
    const fields = [input, ...(variants?.choices.map(choice => choice.input) ?? [])].flatMap(fieldsOf)
    flags.set(name, ['--json', '--help', ...fields.map(({ flag }) => flag)])
  }
  // To the end of the command, of which `--` and what follows is another program's.
  const HINT = /\bfirebreak ([a-z-]+)(?: (?!-- |firebreak )[^ '"`\\\n;(),:]+)*/g
  const paths = projectFiles().filter(path =>
    /^src\/.*\.ts$|^(?:docs\/.*|README|CONTRIBUTING)\.md$/.test(path),
  )
  const named = paths.flatMap(path =>
    [...readSource(path).matchAll(HINT)].flatMap(([hint, name]) =>
      [...hint.matchAll(/(?<= )--[a-z-]+/g)].map(([flag]) => ({ path, hint, flag, known: flags.get(name!) })),
    ),
  )
  expect(named.length).toBeGreaterThan(100)
  expect(named.filter(({ flag, known }) => known && !known.includes(flag))).toEqual([])
})

test('every flag is explained on a page, those of a connector also in its README', async () => {
  const pages = projectFiles()
    .filter(path => /^(?:docs\/.*|README|CONTRIBUTING)\.md$/.test(path))
    .map(readSource)
  const isNamed = ({ flag }: Field) => pages.some(page => new RegExp(`${flag}(?![\\w-])`).test(page))
  const unexplained: string[] = []
  for (const { load } of operations) {
    const { name, input, variants, positional = [] } = await load(allConnectors)
    const hidden = [...positional, variants?.field, variants?.into]
    const own = fieldsOf(input).filter(field => !hidden.includes(field.name) && !isNamed(field))
    unexplained.push(...own.map(({ flag }) => `${name} ${flag}`))
    for (const { name: system, input } of variants?.choices ?? []) {
      const readme = readSource(`src/connectors/${system}/README.md`)
      const isThere = ({ name, flag }: Field) =>
        readme.includes(`\`${name}\``) || readme.includes(`\`${flag}\``)
      const left = fieldsOf(input).filter(field => !isThere(field) && !isNamed(field))
      unexplained.push(...left.map(({ flag }) => `${system} ${flag}`))
    }
  }
  expect(unexplained).toEqual([])
})

/** What the command line makes of these words; nothing is required here, so that each flag stands alone. */
async function parsed(operation: Operation, words: readonly string[]): Promise<Record<string, unknown>> {
  const command = new Command('firebreak').exitOverride().allowExcessArguments()
  const found: Record<string, unknown>[] = []
  defineCommand(command, operation, async ({ values, nested }) => {
    found.push({ ...values, ...nested?.values })
  })
  const positional = (operation.positional ?? []).filter(name => name !== operation.variants?.field)
  const at = words.findIndex(word => word.startsWith('--'))
  const all = [...words.slice(0, at), ...positional.map(() => 'x'), ...words.slice(at)]
  await command.parseAsync(all, { from: 'user' })
  return found[0]!
}

function wordsOf(field: Field): string[] {
  return field.type === 'boolean' ? [field.flag] : [field.flag, field.choices?.[0] ?? '1']
}
