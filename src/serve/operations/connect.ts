import { resolve } from 'node:path'
import { z } from 'zod'
import type { Connection, Connector } from '../../core/contract/connector.ts'
import { defineOperation, type Operation } from './operation.ts'
import { wrap } from './wrap.ts'

interface Connected {
  readonly id: string
  readonly system: string
  readonly instance: string
  readonly label: string
  readonly can: readonly Capability[]
  readonly cannot: readonly Capability[]
}

/** A capability is there if and only if its method is. */
const CAPABILITIES = [
  'discover',
  'documents',
  'sessions',
  'verify',
  'inspect',
  'issue',
  'undo',
  'extend',
  'rotate',
  'narrow',
  'suspend',
  'resume',
  'freeze',
  'thaw',
  'endSessions',
  'revoke',
  'read',
  'write',
  'remove',
  'reload',
] as const satisfies readonly (keyof Connection)[]
type Capability = (typeof CAPABILITIES)[number]

/** `connect SYSTEM`: each connector's configuration gives the flags of its subcommand. */
export function connect(connectors: readonly Connector[]): Operation {
  const input = z.object({
    system: z.string().describe('what to connect'),
    label: z.string().min(1).optional().describe('what to call it here; the instance without it'),
    config: z.record(z.string(), z.unknown()).describe("the system's own flags"),
  })
  return defineOperation<z.infer<typeof input>, Connected>({
    name: 'connect',
    summary: 'Connect a system, so that it can be observed and acted on',
    permission: 'connect',
    input,
    variants: {
      field: 'system',
      into: 'config',
      choices: connectors.map(({ system, summary, config }) => ({ name: system, summary, input: config })),
    },
    examples: [
      {
        command: 'firebreak connect postgres --host db --user admin --password env:PGPASSWORD',
        shows: 'a PostgreSQL server; its password stays in the environment and only its name is stored',
      },
      {
        command: 'firebreak connect postgres --host db --user admin --password -',
        shows: 'the same, with the password asked for without echo and stored sealed',
      },
      {
        command: 'firebreak connect git --path /srv/app',
        shows: 'a repository, to be read again by observe',
      },
    ],
    async run(world, input) {
      const config = { ...input.config }
      // The next command may be run from another directory.
      if (typeof config['path'] === 'string') config['path'] = resolve(config['path'])
      const source = await world.connections.add(world.db, input.system, config, input.label)
      const connection = await world.connections.open(world.db, source.id)
      const can = CAPABILITIES.filter(name => typeof connection[name] === 'function')
      return {
        id: source.id,
        system: source.system,
        instance: source.instance,
        label: source.label,
        can,
        cannot: CAPABILITIES.filter(name => !can.includes(name)),
      }
    },
    text(output, width) {
      return [
        wrap(`Connected ${output.system} ${output.label}, instance ${output.instance}.`, width, '', ''),
        wrap(`Can be done there: ${output.can.join(', ')}.`, width, '', ''),
        ...(output.cannot.length === 0 ? [] : [wrap(`Cannot: ${output.cannot.join(', ')}.`, width, '', '')]),
        '',
        `Next: firebreak observe ${output.label}`,
      ].join('\n')
    },
  }) as Operation
}
