import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { leaseNamed, readBrokerConfig } from '../../act/broker/broker-config.ts'
import { decide } from '../../act/broker/decision/decide.ts'
import { readPolicyFiles } from '../../act/broker/decision/policy-book.ts'
import { type Replayed, replay } from '../../act/broker/decision/replay.ts'
import { countText } from '../../core/contract/count-text.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { readYamlFile } from '../../core/contract/yaml-file.ts'
import type { Json } from '../../core/contract/ref.ts'
import { compilePolicies, type PolicyDecision } from '../../judge/policy/policy.ts'
import { configFile, openBroker, policySchema } from './broker/open-broker.ts'
import { durationMs } from './duration.ts'
import { defineOperation, type World } from './operation.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  action: z.enum(['test', 'explain', 'replay']).describe('what to do'),
  config: z.string().min(1).optional().describe('the broker’s file; without, broker.yaml in FIREBREAK_HOME'),
  policies: z
    .string()
    .min(1)
    .optional()
    .describe('test, replay: a folder of policies in the place of those that the file names'),
  since: z.string().default('7d').describe('replay: how far back'),
  for: z.string().min(1).optional().describe('explain: which lease is asked for'),
  issuer: z.string().min(1).default('local').describe('explain: who vouches for the workload'),
  subject: z.string().min(1).optional().describe('explain: who asks'),
  claim: z
    .array(z.object({ name: z.string(), value: z.string() }))
    .default([])
    .describe('explain: what else its issuer says of it'),
  task: z.string().optional().describe('explain: what it is for'),
  ttl: z.string().optional().describe('explain: for how long; the lease’s own time without'),
  scope: z.array(z.string()).default([]).describe('explain: which scopes'),
})
type Input = z.infer<typeof input>

const cases = z.array(
  z.strictObject({
    name: z.string().min(1),
    workload: z.strictObject({
      issuer: z.string(),
      subject: z.string(),
      claims: z.record(z.string(), z.string()).default({}),
    }),
    lease: z.strictObject({
      name: z.string(),
      kind: z.enum(['credential', 'token']).default('credential'),
      system: z.string().optional(),
      identity: z.string().optional(),
      class: z.string().optional(),
      environment: z.string().optional(),
      owner: z.string().optional(),
    }),
    context: z
      .strictObject({
        now: z.iso.datetime().default('2026-01-01T12:00:00Z'),
        ttlSeconds: z.int().default(600),
        scopes: z.array(z.string()).default([]),
        task: z.string().optional(),
        held: z.boolean().default(false),
        findings: z.array(z.string()).default([]),
      })
      .prefault({}),
    expect: z.enum(['allow', 'deny']),
  }),
)

interface Tried {
  readonly file: string
  readonly name: string
  readonly expected: 'allow' | 'deny'
  readonly ok: boolean
  readonly why: string
}

type Output =
  | {
      readonly action: 'test'
      readonly policies: number
      readonly version: string
      readonly cases: readonly Tried[]
    }
  | ({ readonly action: 'replay'; readonly version: string } & Replayed)
  | {
      readonly action: 'explain'
      readonly decision: PolicyDecision
      readonly account: { [name: string]: Json }
    }

export const policy = defineOperation<Input, Output>({
  name: 'policy',
  summary: 'Test the policies by which leases are given, explain a decision, or replay all',
  permission: 'read',
  input: input as z.ZodType<Input>,
  positional: ['action'],
  examples: [
    {
      command: 'firebreak policy test',
      shows: 'whether the cases beside the policies come out as they should',
    },
    {
      command: 'firebreak policy explain --for postgres:orders/read --subject ann',
      shows: 'what would be decided now, from what, and by which policies',
    },
    {
      command: 'firebreak policy replay --policies proposed --since 7d',
      shows: 'what a change would have denied, or let through, of all that was decided since',
    },
  ],
  needsStore: ({ action }) => action !== 'test',
  run: async (world, given) => await ACTIONS[given.action](world, given),
  text,
  exitCode: output => (output.action === 'test' && output.cases.some(({ ok }) => !ok) ? 1 : 0),
})

const ACTIONS: Readonly<Record<Input['action'], (world: World, given: Input) => Promise<Output>>> = {
  test,
  explain,
  replay: replayed,
}

async function folderOf(world: World, given: Input): Promise<string> {
  return given.policies ?? (await readBrokerConfig(configFile(world, given.config))).policies
}

async function replayed(world: World, given: Input): Promise<Output> {
  const folder = await folderOf(world, given)
  const policies = await compilePolicies(await policySchema(world), await readPolicyFiles(folder))
  const since = world.io.now().getTime() - durationMs(given.since)
  return { action: 'replay', version: policies.version, ...(await replay(world.db, policies, since)) }
}

async function test(world: World, given: Input): Promise<Output> {
  const folder = await folderOf(world, given)
  const policies = await compilePolicies(await policySchema(world), await readPolicyFiles(folder))
  const tried: Tried[] = []
  for (const file of (await readdir(folder)).filter(name => name.endsWith('.test.yaml')).sort())
    for (const each of await readCases(join(folder, file))) {
      const { workload, lease, context } = each
      const now = Date.parse(context.now)
      const { allowed, why } = policies.decide({
        workload,
        lease: present(lease),
        context: present({ ...context, now }),
      })
      tried.push({
        file,
        name: each.name,
        expected: each.expect,
        ok: allowed === (each.expect === 'allow'),
        why,
      })
    }
  return { action: 'test', policies: policies.count, version: policies.version, cases: tried }
}

async function readCases(file: string): Promise<z.infer<typeof cases>> {
  const advice = 'docs/broker.md shows a case'
  return (await readYamlFile({ file, schema: cases, advice, code: 'INVALID_CONFIG' })).data
}

async function explain(world: World, given: Input): Promise<Output> {
  const broker = await openBroker(world, configFile(world, given.config))
  const definition = leaseNamed(broker.config, given.for ?? '')
  if (!definition)
    throw new FirebreakError(
      'INVALID_INPUT',
      given.for === undefined ? 'no lease was named' : `no lease is called ${given.for}`,
      `give one with --for: ${broker.config.leases.map(({ name }) => name).join(', ')}`,
    )
  if (given.subject === undefined)
    throw new FirebreakError('INVALID_INPUT', 'nobody was named who asks', 'give --subject')
  const workload = {
    issuer: given.issuer,
    subject: given.subject,
    claims: Object.fromEntries(given.claim.map(({ name, value }) => [name, value])),
  }
  const { decision, account } = await decide(world.db, broker, workload, definition, {
    ttlSeconds: given.ttl === undefined ? definition.ttl : durationMs(given.ttl) / 1000,
    scopes: given.scope,
    ...(given.task !== undefined && { task: given.task }),
  })
  return { action: 'explain', decision, account }
}

/** Without what is undefined. */
function present<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never
}

function text(output: Output, width: number): string {
  if (output.action === 'replay') return replayText(output, width)
  if (output.action === 'explain') {
    const { allowed, why, version } = output.decision
    const said = `${allowed ? 'given' : 'refused'}: ${why} (policies ${version})`
    const from = Object.entries(output.account)
      .filter(([name]) => name !== 'decision')
      .flatMap(([part, values]) =>
        Object.entries(values as { [name: string]: Json }).map(([name, value]) =>
          wrap(`${`${part}.${name}`.padEnd(24)}${shown(name, value)}`, width, '  ', ' '.repeat(26)),
        ),
      )
    return [wrap(said, width, '', '  '), '', 'decided from', ...from].join('\n')
  }
  const lines = output.cases.map(({ file, name, expected, ok, why }) =>
    wrap(
      `${ok ? '✓' : '✗'} ${file}: ${name}: ${ok ? why : `expected ${expected}, but ${why}`}`,
      width,
      '',
      '  ',
    ),
  )
  const failed = output.cases.filter(({ ok }) => !ok).length
  const sum = `${countText(output.policies, 'policy holds', 'policies hold')}; ${countText(output.cases.length, 'case')}, ${failed} of them otherwise than expected`
  return [...lines, wrap(sum, width, '', '  ')].join('\n')
}

function replayText(output: Extract<Output, { action: 'replay' }>, width: number): string {
  const { decisions, unreadable, changed, since, version } = output
  const lines = changed.map(({ lease, issuer, subject, would, why, times, last }) =>
    wrap(
      `${would === 'deny' ? '✗ denied' : '+ given'}: ${lease} to ${subject}, by ${issuer}: ${why}; ${countText(times, 'time')}, last ${new Date(last).toISOString()}`,
      width,
      '',
      '  ',
    ),
  )
  const other = changed.reduce((all, { times }) => all + times, 0)
  const rest = unreadable > 0 ? `; ${unreadable} more say too little to decide by them again` : ''
  const from = new Date(since).toISOString().slice(0, 16)
  const sum = `${other} of ${countText(decisions, 'decision')} since ${from} would come out otherwise by policies ${version}${rest}`
  return [...lines, wrap(sum, width, '', '  ')].join('\n')
}

function shown(name: string, value: Json): string {
  if (name === 'now') return new Date(Number(value)).toISOString()
  return typeof value === 'string' ? value : JSON.stringify(value)
}
