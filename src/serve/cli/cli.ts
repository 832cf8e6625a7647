import { Command, CommanderError } from 'commander'
import pc from 'picocolors'
import type { Connector } from '../../core/contract/connector.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { type OperationEntry, operations } from '../operations/all.ts'
import type { World } from '../operations/operation.ts'
import { wrapped } from './wrapped.ts'

/** What the command line is given to work with, so that a test can watch all of it. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly environment: NodeJS.ProcessEnv
}

/** Makes the world that an operation runs in. `close` ends everything that was opened, and seals the evidence. */
export type Compose = (
  needs: { readonly store: boolean; readonly takesMoved: boolean; readonly ownRules: string | undefined },
  surface: Pick<World, 'progress' | 'readSecret' | 'say'>,
) => Promise<{ world: World; close(): Promise<void> }>

export interface CliOptions {
  /** Without the program's own two. */
  readonly argv: readonly string[]
  readonly version: string
  readonly terminal: Terminal
  readonly compose: Compose
  allConnectors(): Promise<readonly Connector[]>
  /** One secret from standard input; called when an argument says `-`. */
  readSecret(prompt: string): Promise<Secret>
}

/** Usage errors have the exit code of operating errors: 1 means that something was found. */
const USAGE_EXIT = 2

/** Runs one command line and returns its exit code. Only what the command needs is loaded. */
export async function runCli(options: CliOptions): Promise<number> {
  const { terminal } = options
  const argv = withoutHelp(options.argv)
  const asJson = wantsJson(argv)
  let exit = 0
  const program = new Command('firebreak')
    .description(
      'Finds every non-human identity, shows where its credentials are copied and what they reach, and cuts a leaked one off in the right order, with proof.',
    )
    .version(options.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help; firebreak COMMAND --help has examples')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: text => void terminal.stdout.write(text),
      writeErr: text => void (asJson || terminal.stderr.write(wrapped(text, terminal.stderr))),
      getOutHelpWidth: () => terminal.stdout.columns || 80,
      getErrHelpWidth: () => terminal.stderr.columns || 80,
    })
    .addHelpText('after', HELP)
  for (const entry of operations) await addOperation(program, entry)
  if (argv.length === 0) {
    program.outputHelp()
    return 0
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exit
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return 0
    const advice = `see ${['firebreak', ...commandPath(program, argv), '--help'].join(' ')}`
    const message = error.message.replace(/^error: /, '')
    terminal.stderr.write(
      asJson
        ? `${JSON.stringify({ error: { code: 'INVALID_INPUT', message, advice } })}\n`
        : wrapped(`${pc.dim('→')} ${advice}\n`, terminal.stderr),
    )
    return USAGE_EXIT
  }

  async function addOperation(program: Command, entry: OperationEntry): Promise<void> {
    const command = program.command(entry.name).description(entry.summary)
    if (argv[0] !== entry.name) return
    const operation = await entry.load(options.allConnectors)
    const [{ defineCommand }, { runOperation }] = await Promise.all([
      import('./define-command.ts'),
      import('./run-operation.ts'),
    ])
    defineCommand(command, operation, async (input, fields) => {
      exit = await runOperation(operation, input, fields, asJson, options)
    })
  }
}

/** The commands that arguments name, as far as there are such: of `connect directory --what`, both. */
function commandPath(parent: Command, [name, ...rest]: readonly string[]): string[] {
  const command = parent.commands.find(one => one.name() === name)
  return command ? [command.name(), ...commandPath(command, rest)] : []
}

const HELP = `
Start here:
  $ firebreak drill        rehearse a leak, from find to proof
  $ firebreak scan .       what stands in this repository, all of its history
  $ firebreak trace -      a token leaked: paste it, see every copy
  $ firebreak contain - --dry-run
                           what cutting it off would take, and what would break

Every command takes --json. What is known is kept in FIREBREAK_HOME, by default
~/.firebreak, and its root key in FIREBREAK_KEY_FILE, by default beside it.
Rules of your own are in FIREBREAK_RULES.
`

/** What stands after `--` is another program's. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end < 0 ? undefined : end).includes('--json')
}

/** `help scan` is `scan --help`; of what is no command there is none. */
function withoutHelp(argv: readonly string[]): string[] {
  const [name, ...rest] = argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv
  if (name === undefined) return []
  const isCommand = name.startsWith('-') || operations.some(entry => entry.name === name)
  return isCommand ? [name, ...rest] : [name, ...rest.filter(word => word === '--json')]
}
