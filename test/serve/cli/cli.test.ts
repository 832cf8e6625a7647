import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { type CliOptions, runCli } from '../../../src/serve/cli/cli.ts'
import { runOperation } from '../../../src/serve/cli/run-operation.ts'
import { defineOperation, type Operation } from '../../../src/serve/operations/operation.ts'

/** A stream that keeps what is written to it, a terminal or a pipe. */
class Screen extends Writable {
  readonly columns = 34
  readonly isTTY: boolean
  written = ''

  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.written += chunk.toString()
    done()
  }
}

function commandLine(isTTY: boolean, argv: readonly string[] = []) {
  const [stdout, stderr] = [new Screen(isTTY), new Screen(isTTY)]
  const options = {
    argv,
    version: '0',
    terminal: { stdout, stderr, stdin: process.stdin, environment: {} },
    compose: async (_needs: unknown, surface: object) => ({
      world: { io: { signal: new AbortController().signal }, ...surface },
      close: async () => {},
    }),
    connectors: async () => [],
    readSecret: () => Promise.reject(new Error('nobody is there')),
  } as unknown as CliOptions
  return { options, stdout, stderr }
}

test.each([
  [['scan', '--min-confidnce', '0.8', '--no-histroy']],
  [['a-command-that-is-none-and-whose-name-is-long', 'and more of it']],
  [['trace', '-', '--no-such-option-is-known-here']],
])('what is wrong with %j is told within the width of a terminal, and whole to a pipe', async argv => {
  const pipe = commandLine(false, argv)
  expect(await runCli(pipe.options)).toBe(2)
  const told = pipe.stderr.written
  expect(told).toMatch(/^error: .+\n[^]*→ see firebreak .*--help\n$/)
  const terminal = commandLine(true, argv)
  expect(await runCli(terminal.options)).toBe(2)
  const lines = terminal.stderr.written.split('\n')
  expect(lines.length).toBeGreaterThan(told.split('\n').length)
  for (const line of lines) expect(line.length <= 34 || !line.trim().includes(' '), line).toBe(true)
  expect(terminal.stderr.written.replaceAll('\n  ', ' ')).toBe(told)
})

test.each([
  [['help', 'scna'], /^error: unknown command 'scna'\n\(Did you mean scan\?\)/],
  [['scna', '--help'], /^error: unknown command 'scna'/],
])('%j has no help, and says so', async (argv, told) => {
  const { options, stdout, stderr } = commandLine(false, argv)
  expect(await runCli({ ...options, allConnectors: async () => [] })).toBe(2)
  expect(stdout.written).toBe('')
  expect(stderr.written).toMatch(told)
})

test.each([
  [['help'], /^Usage: firebreak \[options\]/],
  [['help', 'connect'], /^Usage: firebreak connect \[options\]/],
  [['help', 'evidence'], /^Usage: firebreak evidence \[options\]/],
])('%j prints the help that there is', async (argv, told) => {
  const { options, stdout } = commandLine(false, argv)
  expect(await runCli({ ...options, allConnectors: async () => [] })).toBe(0)
  expect(stdout.written).toMatch(told)
})

test('lines that come while a command runs are told so, too', async () => {
  const line = '2026-01-01T00:00:00.000Z  git:/srv/app: 12 read, 30 known, 0 found, 1 gap'
  const operation = defineOperation({
    name: 'telling',
    summary: 'tells a line',
    permission: 'read',
    input: z.object({}),
    examples: [],
    run: async world => world.say({ text: line, json: { line } }),
    text: () => '',
    json: () => undefined,
  }) as Operation
  const told = async (isTTY: boolean, asJson: boolean) => {
    const { options, stdout } = commandLine(isTTY)
    const fields = { own: [], nested: [], positional: [] } as never
    expect(await runOperation(operation, { values: {} } as never, fields, asJson, options)).toBe(0)
    return stdout.written
  }
  expect(await told(true, false)).toBe(
    '2026-01-01T00:00:00.000Z\n  git:/srv/app: 12 read, 30 known,\n  0 found, 1 gap\n',
  )
  expect(await told(false, false)).toBe(`${line}\n`)
  expect(await told(true, true)).toBe(`${JSON.stringify({ line })}\n`)
})
