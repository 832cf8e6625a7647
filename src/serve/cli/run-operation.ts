import { FirebreakError } from '../../core/contract/errors.ts'
import type { Operation } from '../operations/operation.ts'
import type { CliOptions } from './cli.ts'
import type { Fields, Given } from './define-command.ts'
import { failure } from './failure.ts'
import { explain, type Field, fieldValue } from './flags.ts'
import { jsonText } from './json-text.ts'
import { printable } from './printable.ts'
import { progressView } from './progress.ts'
import { wrapped } from './wrapped.ts'

/** Narrower than this, tables are not worth reading; wider, lines are not. */
const MIN_WIDTH = 40
const MAX_WIDTH = 160

/** Runs an operation, prints what came of it, and returns the exit code. */
export async function runOperation(
  operation: Operation,
  given: Given,
  fields: Fields,
  asJson: boolean,
  options: CliOptions,
): Promise<number> {
  const { stdout, stderr, environment } = options.terminal
  const view = progressView(stderr)
  const readSecret = (prompt: string) => {
    view.clear()
    return options.readSecret(prompt)
  }
  const fail = (error: unknown): number => {
    view.clear()
    const failed = failure(error, environment)
    stderr.write(asJson ? `${JSON.stringify(failed.json)}\n` : printable(wrapped(failed.text, stderr)))
    return failed.exit
  }
  try {
    const input = await parseInput(operation, given, fields, readSecret)
    const needs = {
      store: operation.needsStore?.(input) ?? true,
      takesMoved: operation.takesMoved ?? false,
      ownRules: operation.ownRules?.(input),
    }
    const { world, close } = await options.compose(needs, {
      progress: event => view.show(event),
      say({ text, json }) {
        view.clear()
        stdout.write(asJson ? `${JSON.stringify(json)}\n` : `${printable(wrapped(text, stdout))}\n`)
      },
      readSecret,
    })
    const { signal } = world.io
    // What was under way when it was interrupted fails in its own words, a broken connection for instance.
    const causeOf = (error: unknown) =>
      signal.aborted && !(error instanceof FirebreakError && error.code.startsWith('STORE_'))
        ? signal.reason
        : error
    let exit = 0
    try {
      const output = await operation.run(world, input)
      view.clear()
      const width = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, stdout.columns || 80))
      const pieces = asJson
        ? jsonText(operation.json ? operation.json(output) : output)
        : printed(operation.lines?.(output, width) ?? [operation.text(output, width)])
      write(stdout, pieces)
      exit = operation.exitCode?.(output) ?? 0
      for (const error of operation.failures?.(output) ?? []) exit = Math.max(exit, fail(causeOf(error)))
    } catch (error) {
      exit = fail(causeOf(error))
    }
    try {
      await close()
    } catch (error) {
      exit = Math.max(exit, fail(error))
    }
    return exit
  } catch (error) {
    return fail(error)
  }
}

function* printed(lines: Iterable<string>): Generator<string, void> {
  let before = ''
  for (const line of lines) {
    yield before + printable(line)
    before = '\n'
  }
}

const PIECE_CHARACTERS = 65_536

/** Ends with a line break, unless there is nothing to write. */
function write(stdout: NodeJS.WritableStream, pieces: Iterable<string>): void {
  let text = ''
  let last = '\n'
  for (const piece of pieces) {
    text += piece
    if (text.length < PIECE_CHARACTERS) continue
    stdout.write(text)
    last = text.at(-1)!
    text = ''
  }
  text += (text.at(-1) ?? last) === '\n' ? '' : '\n'
  if (text !== '') stdout.write(text)
}

async function parseInput(
  operation: Operation,
  given: Given,
  fields: Fields,
  readSecret: CliOptions['readSecret'],
): Promise<unknown> {
  const input = await converted(given.values, fields.own, readSecret)
  if (given.nested) input[given.nested.into] = await converted(given.nested.values, fields.nested, readSecret)
  const parsed = operation.input.safeParse(input)
  if (parsed.success) return parsed.data
  throw new FirebreakError(
    'INVALID_INPUT',
    explain(parsed.error, fields.own, fields.positional),
    `see firebreak ${operation.name} --help`,
  )
}

async function converted(
  values: Record<string, unknown>,
  fields: readonly Field[],
  readSecret: CliOptions['readSecret'],
): Promise<Record<string, unknown>> {
  const result: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(values)) {
    const field = fields.find(field => field.name === name)
    // What the command itself tells (which variant was called) is no flag, and needs no reading.
    if (value !== undefined) result[name] = field ? await fieldValue(field, value, readSecret) : value
  }
  return result
}
