import { z } from 'zod'
import { endLease } from '../../act/broker/lease/end-lease.ts'
import { findLease, type LeaseView, leaseView, listLeases } from '../../act/broker/lease/lease-view.ts'
import type { Json } from '../../core/contract/ref.ts'
import type { Row } from '../../core/store/schema.ts'
import { approve, waitingApprovals } from '../../act/broker/decision/approval.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { defineOperation, type World } from './operation.ts'
import { sayer } from './owner.ts'
import { table } from './table.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  action: z.enum(['list', 'show', 'revoke', 'requests', 'approve']).describe('what to do'),
  id: z
    .string()
    .min(1)
    .optional()
    .describe('show, revoke: the lease, or the beginning of its id; approve: the request'),
  ended: z.boolean().default(false).describe('list: also those that have ended'),
})
type Input = z.infer<typeof input>

type Output =
  | { readonly action: 'list'; readonly leases: readonly LeaseView[] }
  | { readonly action: 'show' | 'revoke'; readonly lease: LeaseView }
  | { readonly action: 'requests' | 'approve'; readonly requests: readonly RequestView[] }

/** What waits for a person, or was approved now. */
interface RequestView {
  readonly id: string
  readonly lease: string
  readonly workload: { readonly issuer: string; readonly subject: string }
  readonly asked: Json
  readonly expiresAt: string
}

export const lease = defineOperation<Input, Output>({
  name: 'lease',
  summary: 'List, show, approve or end what the broker hands out',
  permission: 'lease',
  input: input as z.ZodType<Input>,
  positional: ['action', 'id'],
  examples: [
    { command: 'firebreak lease list', shows: 'what stands now, and what cannot be ended yet' },
    { command: 'firebreak lease show ID', shows: 'whom it was given to, by which policy, and how it ended' },
    { command: 'firebreak lease requests', shows: 'what waits for a person, where a policy says so' },
    { command: 'firebreak lease approve ID', shows: 'lets it through once, when it is asked for again' },
    {
      command: 'firebreak lease revoke ID',
      shows: 'ends it now; exit code 1 where that has to be tried again',
    },
  ],
  run,
  text,
  json: output => {
    if (output.action === 'list') return output.leases
    return 'requests' in output ? output.requests : output.lease
  },
  exitCode: output => (output.action === 'revoke' && output.lease.state === 'ending' ? 1 : 0),
})

async function run(world: World, given: Input): Promise<Output> {
  const { db } = world
  if (given.action === 'list') return { action: 'list', leases: await listLeases(db, given.ended) }
  if (given.action === 'requests') {
    const waiting = await waitingApprovals(db, world.io.now().getTime())
    return { action: 'requests', requests: waiting.map(requestView) }
  }
  if (given.id === undefined)
    throw new FirebreakError('INVALID_INPUT', 'no lease was named', 'firebreak lease list shows them')
  if (given.action === 'approve') {
    const approved = await approve(db, world.io, given.id, sayer(undefined))
    return { action: 'approve', requests: [requestView(approved)] }
  }
  const row = await findLease(db, given.id)
  if (given.action === 'show') return { action: 'show', lease: await leaseView(db, row) }
  const ended = await endLease(db, world, row.id, `${sayer(undefined)} revoked it`)
  return { action: 'revoke', lease: await leaseView(db, ended) }
}

function text(output: Output, width: number): string {
  if ('requests' in output) return requestsText(output.action, output.requests, width)
  if (output.action !== 'list') return shown(output.lease, width)
  if (output.leases.length === 0) return 'No lease stands.'
  const rows = [...output.leases]
    .sort((a, b) => Number(b.trouble !== null) - Number(a.trouble !== null))
    .map(each => [
      each.id,
      each.name,
      each.state,
      each.workload.subject,
      each.notAfter.slice(0, 19).replace('T', ' '),
    ])
  return table(
    [
      { title: 'LEASE' },
      { title: 'NAME', flexible: true },
      { title: 'STATE' },
      { title: 'GIVEN TO', flexible: true },
      { title: 'UNTIL (UTC)', flexible: true },
    ],
    rows,
    width,
  )
}

function requestView({ id, lease, issuer, subject, asked, expires_at }: Row<'approval'>): RequestView {
  return {
    id,
    lease,
    workload: { issuer, subject },
    asked: JSON.parse(asked) as Json,
    expiresAt: new Date(expires_at).toISOString(),
  }
}

function requestsText(
  action: 'requests' | 'approve',
  requests: readonly RequestView[],
  width: number,
): string {
  if (requests.length === 0) return 'Nothing waits for approval.'
  const said = action === 'approve' ? 'approved, to be used once until' : 'waits until'
  return requests
    .map(({ id, lease, workload, asked, expiresAt }) =>
      wrap(
        `${id} ${lease} for ${workload.subject}, by ${workload.issuer}: ${JSON.stringify(asked)}; ${said} ${expiresAt.slice(0, 19)}`,
        width,
        '',
        '  ',
      ),
    )
    .join('\n')
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
    ['note', view.standing ? 'a standing secret, which stays good after the lease' : null],
    ['proof', view.proof && `${view.proof.state}: ${view.proof.why}`],
    ['trouble', view.trouble],
  ]
  return lines
    .filter((line): line is [string, string] => line[1] !== null)
    .map(([name, value]) => wrap(`${name.padEnd(10)}${value}`, width, '', ' '.repeat(10)))
    .join('\n')
}
