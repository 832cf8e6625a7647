import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { z } from 'zod'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import { sleep } from '../../core/contract/io.ts'
import { type Handed, handOver } from './exec-environment.ts'
import { type CommandLease, leaseOf, ownLease, whichBroker } from './exec-lease.ts'
import { defineOperation, type World } from './operation.ts'

/** A timer takes no longer time. */
const LONGEST_WAIT_MS = 24 * 3_600_000

const input = z.object({
  reveal: z
    .boolean()
    .default(false)
    .describe(
      'let the values themselves into the model’s context; without, it is told in which file they are',
    ),
  ...whichBroker,
})
type Input = z.infer<typeof input>

const wanted = {
  lease: z.string().min(1).max(128).describe('which one, as the broker’s configuration names it'),
  task: z
    .string()
    .min(1)
    .max(256)
    .describe('what it is for, in a few words: policies see it, and it is recorded'),
  scopes: z
    .array(z.string().max(256))
    .max(64)
    .default([])
    .describe('no more than the task needs; all of the lease’s without'),
  ttlSeconds: z.int().positive().optional().describe('for how long; the lease’s own time without'),
}

interface HeldLease {
  readonly lease: CommandLease
  readonly handed: Handed
  readonly folder: string
}

export const mcp = defineOperation<Input, { readonly failures: readonly Error[] }>({
  name: 'mcp',
  summary: 'Give an AI agent credentials for each of its tasks, as an MCP server on standard input',
  permission: 'lease',
  input: input as z.ZodType<Input>,
  examples: [
    { command: 'firebreak mcp', shows: 'the server that an agent starts; all of its leases end with it' },
    {
      command: 'firebreak mcp --broker https://broker.example',
      shows: 'the same where the broker runs elsewhere',
    },
  ],
  needsStore: ({ broker }) => broker === undefined,
  run: async (world, given) => ({ failures: await new AgentSession(world, given).run() }),
  text: () => '',
  json: () => undefined,
  failures: ({ failures }) => failures,
})

/** One agent, from its first word to its last: what it got ends with that. */
class AgentSession {
  readonly #world: World
  readonly #given: Input
  readonly #held = new Map<string, HeldLease>()
  readonly #atWork = new Set<Promise<unknown>>()
  readonly #over = new AbortController()

  constructor(world: World, given: Input) {
    this.#world = world
    this.#given = given
  }

  /** What could not be ended. Standard output is the protocol's alone. */
  async run(): Promise<Error[]> {
    const [{ McpServer }, { StdioServerTransport }] = await Promise.all([
      import('@modelcontextprotocol/sdk/server/mcp.js'),
      import('@modelcontextprotocol/sdk/server/stdio.js'),
    ])
    const server = new McpServer({ name: 'firebreak', version: this.#world.version })
    server.registerTool(
      'lease_credential',
      {
        description:
          'Gets a short-lived credential for one task. It is put into a file that only this user reads; load that file in the command that needs it, and end the lease after it.',
        inputSchema: wanted,
      },
      asked => this.#answer(() => this.#begin(asked)),
    )
    server.registerTool(
      'end_lease',
      {
        description: 'Ends a lease that this session got: its credential is revoked at once.',
        inputSchema: { id: z.string().min(1).describe('as lease_credential gave it') },
      },
      ({ id }) => this.#answer(() => this.#endNamed(id)),
    )
    const ended = new Promise<void>(resolve => {
      this.#over.signal.addEventListener('abort', () => resolve(), { once: true })
    })
    const release = this.#world.takeSignals(() => this.#over.abort())
    for (const event of ['end', 'close'] as const) process.stdin.once(event, () => this.#over.abort())
    try {
      await server.connect(new StdioServerTransport())
      await ended
    } finally {
      await Promise.allSettled(this.#atWork)
      await server.close()
    }
    const failures: Error[] = []
    for (const id of this.#held.keys())
      await this.#end(id, 'its agent’s session is over').catch(error => {
        if (!isFirebreakError(error)) throw error
        failures.push(error)
      })
    release()
    return failures
  }

  async #answer(work: () => Promise<object>) {
    const working = work()
    this.#atWork.add(working)
    try {
      return { content: [{ type: 'text' as const, text: JSON.stringify(await working) }] }
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      return { isError: true, content: [{ type: 'text' as const, text: error.messageAndAdvice }] }
    } finally {
      this.#atWork.delete(working)
    }
  }

  async #begin(asked: z.infer<z.ZodObject<typeof wanted>>): Promise<object> {
    if (this.#over.signal.aborted) throw new FirebreakError('CONFLICT', 'the session is over')
    const { lease: name, task, scopes, ttlSeconds } = asked
    const { broker, token, audience, config, reveal } = this.#given
    const wish = { name, task, scopes, ...(ttlSeconds !== undefined && { ttlSeconds }) }
    const lease =
      broker === undefined
        ? await ownLease(this.#world, config, wish)
        : await leaseOf(this.#world, { broker, token, audience }, wish)
    const { id, notAfter } = lease.given()
    const handed = await handOver(lease.given())
    const folder = await mkdtemp(join(tmpdir(), 'firebreak-agent-'))
    this.#held.set(id, { lease, handed, folder })
    const variables = Object.entries(handed.env).filter(
      (each): each is [string, string] => each[1] !== undefined,
    )
    const file = join(folder, 'environment')
    const text = variables.map(([variable, value]) => `export ${variable}=${quoted(value)}\n`).join('')
    await writeFile(file, text, { mode: 0o600 })
    this.#endAtItsTime(id, notAfter)
    return {
      id,
      until: new Date(notAfter).toISOString(),
      load: `. ${quoted(file)}`,
      variables: reveal ? Object.fromEntries(variables) : variables.map(([variable]) => variable),
      ...(lease.standing && { note: 'a standing secret: it stays good when the lease ends' }),
    }
  }

  async #endNamed(id: string): Promise<object> {
    if (!this.#held.has(id))
      throw new FirebreakError('NOT_FOUND', 'this session has no such lease', 'it may have ended at its time')
    await this.#end(id, 'its agent ended it')
    return { id, ended: true }
  }

  async #end(id: string, why: string): Promise<void> {
    const held = this.#held.get(id)
    if (!held) return
    this.#held.delete(id)
    await rm(held.folder, { recursive: true, force: true })
    await held.handed.remove()
    await held.lease.end(why)
    await held.lease.settled()
  }

  #endAtItsTime(id: string, notAfter: number): void {
    const left = Math.max(0, notAfter - this.#world.io.now().getTime())
    void sleep(Math.min(left, LONGEST_WAIT_MS), this.#over.signal)
      .then(() => this.#end(id, 'its time is over'))
      .catch(() => {})
  }
}

/** For a shell: nothing in it means anything. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
