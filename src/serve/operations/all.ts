import type { Connector } from '../../core/contract/connector.ts'
import type { Operation } from './operation.ts'

/** What `--help` needs to know; the rest is loaded when the operation is called for. */
export interface OperationEntry {
  readonly name: string
  readonly summary: string
  /** `connectors` are asked for by those whose input depends on what can be connected. */
  load(connectors: () => Promise<readonly Connector[]>): Promise<Operation>
}

/** Everything that a caller can do, in the order in which help shows it. */
export const operations: readonly OperationEntry[] = [
  {
    name: 'scan',
    summary: 'Find credentials in repositories and directories',
    load: async () => (await import('./scan.ts')).scan,
  },
  {
    name: 'import',
    summary: 'Take in what another scanner found, from its reports',
    load: async () => (await import('./import.ts')).importReports,
  },
  {
    name: 'trace',
    summary: 'Show every place where one credential stands',
    load: async () => (await import('./trace.ts')).trace,
  },
  {
    name: 'reach',
    summary: 'Show what a holder of a credential gets to, hop by hop',
    load: async () => (await import('./reach.ts')).reach,
  },
  {
    name: 'paths',
    summary: 'Show the ways from one thing to another, hop by hop',
    load: async () => (await import('./paths.ts')).paths,
  },
  {
    name: 'who-can',
    summary: 'Show everything from which one thing is reached',
    load: async () => (await import('./who-can.ts')).whoCan,
  },
  {
    name: 'cut',
    summary: 'Show which hops to take away so that one thing no longer leads to another',
    load: async () => (await import('./cut.ts')).cut,
  },
  {
    name: 'assert',
    summary: 'Check that what must not be reached is not; made for CI',
    load: async () => (await import('./assert.ts')).assert,
  },
  {
    name: 'diff',
    summary: 'Show what has changed between two times, and what is reached that was not',
    load: async () => (await import('./diff.ts')).diff,
  },
  {
    name: 'can',
    summary: 'Say whether an AWS identity may do something, and why',
    load: async () => (await import('./can.ts')).can,
  },
  {
    name: 'check',
    summary: 'Check what is known: what is wrong, why it matters, and how it is mended',
    load: async () => (await import('./check.ts')).check,
  },
  {
    name: 'verify',
    summary: 'Try credentials where they are accepted: live, dead or unknown',
    load: async () => (await import('./verify.ts')).verify,
  },
  {
    name: 'contain',
    summary: 'Cut a leaked credential off in the right order, and prove it',
    load: async () => (await import('./contain.ts')).contain,
  },
  {
    name: 'offboard',
    summary: 'Remove all that hangs on a service, a person, a vendor or an identity',
    load: async () => (await import('./offboard.ts')).offboard,
  },
  {
    name: 'resume',
    summary: 'Give an identity back what a watch suspended by policy',
    load: async () => (await import('./resume.ts')).resume,
  },
  {
    name: 'connect',
    summary: 'Connect a system, so that it can be observed and acted on',
    load: async connectors => (await import('./connect.ts')).connect(await connectors()),
  },
  {
    name: 'disconnect',
    summary: 'Read a source no more: what was found there counts as gone, and stays known',
    load: async () => (await import('./disconnect.ts')).disconnect,
  },
  {
    name: 'observe',
    summary: 'Read connected sources again: only what is new',
    load: async () => (await import('./observe.ts')).observe,
  },
  {
    name: 'watch',
    summary: 'Read connected sources on schedule, and say what is newly wrong',
    load: async () => (await import('./watch.ts')).watch,
  },
  {
    name: 'broker',
    summary: 'Hand out short-lived credentials to workloads that prove who they are',
    load: async () => (await import('./broker.ts')).broker,
  },
  {
    name: 'exec',
    summary: 'Run a command with a credential that ends with it',
    load: async () => (await import('./exec.ts')).exec,
  },
  {
    name: 'mcp',
    summary: 'Give an AI agent credentials for each of its tasks, as an MCP server on standard input',
    load: async () => (await import('./mcp.ts')).mcp,
  },
  {
    name: 'lease',
    summary: 'List, show, approve or end what the broker hands out',
    load: async () => (await import('./lease.ts')).lease,
  },
  {
    name: 'policy',
    summary: 'Test the policies by which leases are given, explain a decision, or replay all',
    load: async () => (await import('./policy.ts')).policy,
  },
  {
    name: 'replace',
    summary: 'Write the lease and the policy that would replace a standing secret, and count those left',
    load: async () => (await import('./replace.ts')).replace,
  },
  {
    name: 'ls',
    summary: 'List credentials, identities, findings, sources or runs',
    load: async () => (await import('./ls.ts')).ls,
  },
  {
    name: 'show',
    summary: 'Show all that is known of one credential or identity',
    load: async () => (await import('./show.ts')).show,
  },
  {
    name: 'owner',
    summary: 'Show, set, confirm or hand over whose an identity is',
    load: async () => (await import('./owner.ts')).owner,
  },
  {
    name: 'set',
    summary: 'Say of an identity what class it is, what it is for, or when it ends',
    load: async () => (await import('./set.ts')).set,
  },
  {
    name: 'require',
    summary: 'Put in force what identities must have, by class and environment',
    load: async () => (await import('./require.ts')).require,
  },
  {
    name: 'evidence',
    summary: 'Verify, export or anchor the record of what was done',
    load: async () => (await import('./evidence.ts')).evidence,
  },
  {
    name: 'migrate',
    summary: 'Move all that is known into another database, without loss',
    load: async () => (await import('./migrate.ts')).migrate,
  },
  {
    name: 'drill',
    summary: 'Rehearse a leak from find to proof on a throw-away estate',
    load: async () => (await import('./drill.ts')).drill,
  },
]
