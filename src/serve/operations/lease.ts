import { z } from 'zod'
import { endLease } from '../../act/broker/end-lease.ts'
import { findLease, type LeaseView, leaseView, listLeases } from '../../act/broker/lease-view.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { defineOperation, type World } from './operation.ts'
import { sayer } from './owner.ts'
import { table } from './table.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  action: z.enum(['list', 'show', 'revoke']).describe('what to do'),
  id: z.string().min(1).optional().describe('show, revoke: the lease, or the beginning of its id'),
  ended: z.boolean().default(false).describe('list: also those that have ended'),
})
type Input = z.infer<typeof input>

type Output =
  | { readonly action: 'list'; readonly leases: readonly LeaseView[] }
  | { readonly action: 'show' | 'revoke'; readonly lease: LeaseView }

export const lease = defineOperation<Input, Output>({
  name: 'lease',
  summary: 'List, show or end what the broker handed out',
  permission: 'lease',
  input: input as z.ZodType<Input>,
  positional: ['action', 'id'],
  examples: [
    { command: 'firebreak lease list', shows: 'what stands now, and what cannot be ended yet' },
    { command: 'firebreak lease show ID', shows: 'whom it was given to, by which policy, and how it ended' },
    {
      command: 'firebreak lease revoke ID',
      shows: 'ends it now; exit code 1 where that has to be tried again',
    },
  ],
  run,
  text,
  json: output => (output.action === 'list' ? output.leases : output.lease),
  exitCode: output => (output.action === 'revoke' && output.lease.state === 'ending' ? 1 : 0),
})

async function run(world: World, given: Input): Promise<Output> {
  const { db } = world
  if (given.action === 'list') return { action: 'list', leases: await listLeases(db, given.ended) }
  if (given.id === undefined)
    throw new FirebreakError('INVALID_INPUT', 'no lease was named', 'firebreak lease list shows them')
  const row = await findLease(db, given.id)
  if (given.action === 'show') return { action: 'show', lease: await leaseView(db, row) }
  const ended = await endLease(db, world, row.id, `${sayer(undefined)} revoked it`)
  return { action: 'revoke', lease: await leaseView(db, ended) }
}

function text(output: Output, width: number): string {
  if (output.action !== 'list') return shown(output.lease, width)
  if (output.leases.length === 0) return 'No lease stands.'
  const rows = [...output.leases]
    .sort((a, b) => Number(b.trouble !== null) - Number(a.trouble !== null))
    .map(each => [each.id, each.name, each.state, each.workload.subject, each.notAfter.slice(0, 19)])
  return table(
    [
      { title: 'lease' },
      { title: 'name', flexible: true },
      { title: 'state' },
      { title: 'given to', flexible: true },
      { title: 'until', flexible: true },
    ],
    rows,
    width,
  )
}

function shown(view: LeaseView, width: number): string {
  const lines: [string, string | null][] = [
    ['lease', view.id],
    ['name', view.name],
    ['state', view.state],
    ['given to', `${view.workload.subject}, by ${view.workload.issuer}`],
    ['like', view.identity],
    ['task', view.task],
    ['scopes', view.scopes.join(' ') || null],
    ['why', view.permittedBy],
    ['from', view.createdAt],
    ['until', view.notAfter],
    ['ended', view.endedAt === null ? null : `${view.endedAt}: ${view.endedWhy}`],
    ['ending', view.state === 'ending' ? view.endedWhy : null],
    ['proof', view.proof && `${view.proof.state}: ${view.proof.why}`],
    ['trouble', view.trouble],
  ]
  return lines
    .filter((line): line is [string, string] => line[1] !== null)
    .map(([name, value]) => wrap(`${name.padEnd(10)}${value}`, width, '', ' '.repeat(10)))
    .join('\n')
}
