import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { stringify } from 'yaml'
import { z } from 'zod'
import { leaseNamed, parseBrokerConfig } from '../../act/broker/broker-config.ts'
import { readPolicyFiles } from '../../act/broker/decision/policy-book.ts'
import { proofsOf } from '../../act/broker/replacement/proof.ts'
import {
  casesText,
  issuersOf,
  policyName,
  policyText,
  type Replacement,
  withReplacement,
} from '../../act/broker/replacement/replacement.ts'
import { countText } from '../../core/contract/count-text.ts'
import { codeOf, FirebreakError } from '../../core/contract/errors.ts'
import { systemReason } from '../../core/contract/system-reason.ts'
import { formatRef } from '../../core/contract/ref.ts'
import { compilePolicies } from '../../judge/policy/policy.ts'
import { type Standing, standingCredentials } from '../../judge/posture/figures.ts'
import { lifeOf } from '../../judge/requirements/life.ts'
import { workflowUses } from '../../judge/requirements/workflow-uses.ts'
import type { Db } from '../../core/store/store.ts'
import { loadGraph } from '../../know/graph/load-graph.ts'
import { findSubject, namesOf, refOf, resolveEntity } from '../../know/inventory/queries.ts'
import { membersOf } from '../../know/inventory/merge.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import { configFile, policySchema } from './broker/open-broker.ts'
import { defineOperation, type World } from './operation.ts'
import { replaceFile } from './replace-file.ts'
import { credentialsOf, subjectOf } from './subject.ts'
import { table } from './table.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  subject: z
    .string()
    .min(1)
    .optional()
    .describe('a standing credential or its identity; without, how many there are'),
  config: z.string().min(1).optional().describe('the broker’s file; without, broker.yaml in FIREBREAK_HOME'),
  name: z.string().min(1).optional().describe('what the lease is called; without, system and identity'),
  ttl: z.string().default('10m').describe('how long it lasts where nothing else is asked: 10m, 1h'),
  clusterIssuer: z
    .url()
    .optional()
    .describe(
      'who signs the tokens of Kubernetes’ service accounts (kubectl get --raw /.well-known/openid-configuration)',
    ),
  write: z.boolean().default(false).describe('write it to the broker’s files; without, only show it'),
})
type Input = z.infer<typeof input>

interface ShownUse {
  readonly name: string
  readonly why: string
  readonly issuer: string
  readonly subject: string
}

interface Output {
  /** Credentials that live for longer than a day, of the systems and kinds. */
  readonly standing: Standing
  readonly replacement: {
    readonly identity: string
    readonly lease: Replacement['lease']
    readonly users: readonly ShownUse[]
    /** What it may do now, and did as far as known. */
    readonly mayDo: string | null
    readonly reallyUsed: string | null
    readonly credentials: number
    /** Each file and what is written to it; of the broker's own the part that is new. */
    readonly files: readonly { readonly path: string; readonly text: string }[]
    readonly written: boolean
  } | null
}

/** Where there is no file yet: a broker on this machine. */
const FIRST_LINES =
  '# Who hands out leases, on this machine: docs/broker.md shows what else may stand here.\nissuer: http://127.0.0.1:7412\n'

export const replace = defineOperation<Input, Output>({
  name: 'replace',
  summary: 'Write the lease and the policy that would replace a standing secret, and count those left',
  permission: 'connect',
  input,
  positional: ['subject'],
  examples: [
    { command: 'firebreak replace', shows: 'how many standing secrets there are, by system and kind' },
    {
      command: 'firebreak replace app_orders',
      shows: 'the lease, who uses the secret now and how each proves itself, and the policies',
    },
    { command: 'firebreak replace app_orders --write', shows: 'the same, in the broker’s files' },
  ],
  run,
  text,
})

async function run(world: World, given: Input): Promise<Output> {
  const { db, io, keys } = world
  const now = io.now().getTime()
  const standing = await standingCredentials({ db, keys, now })
  if (given.subject === undefined) return { standing, replacement: null }
  const identity = await identityMeant(world, given.subject)
  const { label } = identity
  const roots = await loadRoots(db)
  const uses = ((await workflowUses(db, roots, [identity.row.id])).get(identity.row.id) ?? []).filter(
    ({ isGone }) => !isGone,
  )
  const proofs = await proofsOf(
    db,
    roots,
    uses.map(({ workloadId }) => workloadId),
    given.clusterIssuer,
  )
  const users = uses.map(({ workloadId, name, why }) => ({ name, why, proof: proofs.get(workloadId)! }))
  const name = given.name ?? `${identity.row.system}:${slugOf(label)}`
  const isOnlyOne = (await findSubject(db, keys, label)).length === 1
  const like = isOnlyOne ? label : identity.ref
  const lease = { name, like, ttl: given.ttl, maxTtl: given.ttl }
  const files = await filesOf(world, configFile(world, given.config), { lease, users }, identity.row.system)
  if (given.write) await writeAll(files)
  const life = await lifeOf(db, identity.row, now, () => loadGraph(db))
  const answer = (asked: string) => life.find(one => one.asked === asked)?.value ?? null
  return {
    standing,
    replacement: {
      identity: label,
      lease,
      users: users.map(({ name: called, why, proof: { issuer, subject } }) => ({
        name: called,
        why,
        issuer,
        subject,
      })),
      mayDo: answer('may do'),
      reallyUsed: answer('really used'),
      credentials: await credentialsLeft(db, identity.row.id),
      files: files.map(({ path, shown }) => ({ path, text: shown })),
      written: given.write,
    },
  }
}

/** Those of it that are not known to be dead. */
async function credentialsLeft(db: Db, identityId: string): Promise<number> {
  const { count } = await db
    .selectFrom('credential')
    .innerJoin('entity', 'entity.id', 'credential.entity_id')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('credential.identity_id', 'in', await membersOf(db, [identityId]))
    .where('credential.state', '<>', 'dead')
    .where('entity.gone_at', 'is', null)
    .where('entity.merged_into', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** The identity itself, or the one that the credential is of; one of a system that is connected. */
async function identityMeant(world: World, subject: string) {
  const named = await subjectOf(world, subject)
  const [credential] = named.type === 'credential' ? await credentialsOf(world, named.ref) : []
  const id = named.type === 'identity' ? named.id : credential?.identity?.id
  if (id === undefined)
    throw new FirebreakError(
      'INVALID_INPUT',
      `nobody knows which identity ${subject} is of`,
      'connect the system that takes it, observe it, and name the identity: firebreak ls identities',
    )
  const row = await resolveEntity(world.db, id)
  const { connections, db } = world
  const sources = await connections.forInstance(db, row.system, row.instance)
  const canIssue = await Promise.all(
    sources.map(async ({ id: source }) => (await connections.open(db, source)).issue !== undefined),
  )
  if (!canIssue.includes(true))
    throw new FirebreakError(
      'UNSUPPORTED',
      `no connected system can issue leases like ${subject} (${row.system})`,
      'firebreak connect says of each what can be done there',
    )
  return { row, ref: formatRef(refOf(row)), label: (await namesOf(db, row.id))[0] ?? row.native }
}

interface Written {
  readonly path: string
  /** The whole file, and what of it is new. */
  readonly whole: string
  readonly shown: string
}

/** What the files will be, tried as the broker itself would read them. Raises INVALID_CONFIG where they would not do. */
async function filesOf(
  world: World,
  config: string,
  replacement: Replacement,
  system: string,
): Promise<Written[]> {
  const before = await textOf(config)
  const known = before === undefined ? undefined : parseBrokerConfig(before, config)
  if (known && leaseNamed(known, replacement.lease.name))
    throw new FirebreakError(
      'INVALID_INPUT',
      `${config} has a lease ${replacement.lease.name} already`,
      'give this one another name with --name',
    )
  const whole = withReplacement(before ?? FIRST_LINES, replacement)
  const folder = resolve(dirname(config), parseBrokerConfig(whole, config).policies)
  const name = policyName(replacement.lease.name)
  const policies = policyText(replacement)
  const cases = casesText(replacement, system)
  const others = existsSync(folder) ? await readPolicyFiles(folder) : {}
  for (const path of [`${name}.cedar`, `${name}.test.yaml`].map(file => join(folder, file)))
    if (existsSync(path))
      throw new FirebreakError(
        'INVALID_INPUT',
        `${path} is there already`,
        'give the lease another name with --name, or remove the file',
      )
  await compilePolicies(await policySchema(world), { ...others, [`${name}.cedar`]: policies })
  const issuers = issuersOf(replacement)
  const added = { ...(issuers.length > 0 && { issuers }), leases: [replacement.lease] }
  return [
    { path: join(folder, `${name}.cedar`), whole: policies, shown: policies },
    { path: join(folder, `${name}.test.yaml`), whole: cases, shown: cases },
    // Last: until it names the lease, nothing of the others is used.
    { path: config, whole, shown: before === undefined ? whole : stringify(added, { lineWidth: 0 }) },
  ]
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new FirebreakError('INVALID_CONFIG', `${file} could not be read: ${systemReason(error)}`)
  }
}

/** Each whole or not at all, and the broker’s own file last. */
async function writeAll(files: readonly Written[]): Promise<void> {
  for (const { path, whole } of files) {
    // Where that fails, what comes next says so.
    await mkdir(dirname(path), { recursive: true }).catch(() => {})
    await replaceFile(path, whole)
  }
}

/** `Orders API` → `orders-api` */
function slugOf(name: string): string {
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[^a-z0-9]+|-+$/g, '')
      .slice(0, 100) || 'lease'
  )
}

function text({ standing, replacement }: Output, width: number): string {
  const kinds = Object.entries(standing.byKind).sort(([, a], [, b]) => b - a)
  const counted = `${countText(standing.total, 'standing credential')}${kinds.length > 0 ? `: ${kinds.map(([kind, count]) => `${count} ${kind}`).join(', ')}` : ''}.`
  if (!replacement) return wrap(counted, width, '', '  ')
  const { identity, lease, users, mayDo, reallyUsed, files, written, credentials } = replacement
  const uses = table(
    [
      { title: 'USED BY', flexible: true },
      { title: 'PROVES ITSELF BY', flexible: true },
      { title: 'BECAUSE', flexible: true },
    ],
    users.map(({ name, issuer, subject, why }) => [
      name,
      issuer === 'join' ? 'a join token: no platform vouches for it' : `${subject}, says ${issuer}`,
      why,
    ]),
    width,
  )
  return [
    wrap(
      `The lease ${lease.name} replaces what ${identity} has now: a credential of its own for each task, for ${lease.ttl}, with the same rights.`,
      width,
      '',
      '',
    ),
    '',
    wrap(`may do       ${mayDo ?? 'unknown'}`, width, '', ' '.repeat(13)),
    wrap(`really used  ${reallyUsed ?? 'unknown'}`, width, '', ' '.repeat(13)),
    '',
    users.length > 0 ? uses : 'Nobody is known to use it: nobody gets the lease until a policy says who.',
    '',
    ...files.flatMap(({ path, text: lines }) => [
      `${written ? 'Written' : 'Would be written'}: ${path}`,
      ...lines
        .trimEnd()
        .split('\n')
        .map(line => `  ${line}`),
      '',
    ]),
    wrap(`Of it ${credentials} stand; of all: ${counted}`, width, '', '  '),
    '',
    wrap(
      written
        ? `Next: firebreak policy test; let each use it by firebreak exec --for ${lease.name} -- COMMAND; when none uses the old one any more, firebreak offboard ${identity} --keep-rights --apply ends it, and what it may do stays for leases.`
        : `Next: firebreak replace ${identity} --write`,
      width,
      '',
      '  ',
    ),
  ].join('\n')
}
