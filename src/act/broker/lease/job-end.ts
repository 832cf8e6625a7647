import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { DAY_MS } from '../../../core/contract/ref.ts'
import { type Db, transaction, type Tx } from '../../../core/store/store.ts'
import { secretAt } from '../../../know/connections/config.ts'
import type { Broker } from '../broker.ts'
import type { Webhook } from '../broker-config.ts'
import { beginEnd } from './end-lease.ts'
import { onceOf } from '../ledger/keep-all.ts'
import { OauthError } from '../oauth-error.ts'
import type { Workload } from '../workload.ts'

/** What a platform sends when something happens there, as it came: its signature is over these bytes. */
export interface Delivery {
  readonly bytes: Uint8Array
  header(name: string): string | undefined
}

const KEPT_MS = 7 * DAY_MS
const number = z.union([z.int().nonnegative(), z.string().regex(/^\d{1,20}$/)]).transform(String)

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_job and #workflow_run */
const githubJob = z.object({
  action: z.string(),
  workflow_job: z.object({ id: number, run_id: number, run_attempt: number.optional() }),
  repository: z.object({ full_name: z.string() }),
})
const githubRun = z.object({
  action: z.string(),
  workflow_run: z.object({ id: number, run_attempt: number }),
  repository: z.object({ full_name: z.string() }),
})
/** https://docs.gitlab.com/user/project/integrations/webhook_events/#job-events */
const gitlabJob = z.object({
  object_kind: z.literal('build'),
  build_id: number,
  build_status: z.string(),
  project_id: number,
})
const OVER = ['success', 'failed', 'canceled', 'skipped']

/** What the token of a job that is over says of itself; undefined of what is no job's end. */
type JobClaims = Readonly<Record<string, string>> | undefined

/**
 * Ends all that hangs on a job when its platform says that it is over. Raises an `OauthError` for who does not show the hook's
 * secret, and for what was delivered before. Gives the leases that end; the keeper carries it out.
 */
export async function jobEnded(
  db: Db,
  broker: Pick<Broker, 'io' | 'config' | 'ledger'>,
  platform: Webhook['platform'],
  delivery: Delivery,
): Promise<readonly string[]> {
  const { io, config, ledger } = broker
  const hook = await hookOf(
    config.webhooks.filter(each => each.platform === platform),
    delivery,
  )
  const claims = (platform === 'github' ? endAtGithub : endAtGitlab)(delivery)
  if (!claims) return []
  // What is given from here on finds this, and what was given before is found below.
  const over = { digest: jobDigest(hook.issuer, claims), expires_at: io.now().getTime() + KEPT_MS }
  const isOver = async (tx: Tx) => {
    const marked = tx.insertInto('presented_token').values(over)
    await marked.onConflict(conflict => conflict.column('digest').doNothing()).execute()
  }
  await transaction(db, isOver, 'rows')
  const leases = await leasesOf(db, hook.issuer, claims)
  const why = `its job is over (${Object.entries(claims)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')})`
  await beginEnd(db, broker, leases, why)
  // Kept after it: what broke off before is delivered again, and ends no other lease.
  const digest = createHash('sha256').update(delivery.bytes).digest('base64url')
  const once = onceOf(`webhook ${hook.issuer} ${digest}`, io.now().getTime() + KEPT_MS, 'invalid_request')
  const body = { issuer: hook.issuer, job: { ...claims }, leases: [...leases] }
  await ledger.keep({ once: [once], entries: [{ kind: 'broker.job-ended', subject: 'broker', body }] })
  return leases
}

/** By which claims a platform may say that a job is over. */
const JOBS: Readonly<Record<Webhook['platform'], readonly (readonly string[])[]>> = {
  github: [
    ['repository', 'run_id', 'check_run_id'],
    ['repository', 'run_id', 'run_attempt'],
  ],
  gitlab: [['project_id', 'job_id']],
}

function jobDigest(issuer: string, claims: Readonly<Record<string, string>>): string {
  const said = JSON.stringify(Object.entries(claims).sort(([a], [b]) => (a < b ? -1 : 1)))
  return createHash('sha256').update(`job over ${issuer} ${said}`).digest('base64url')
}

/** Whether the platform said that the job is over whose token was shown: what it is given then would end with nothing but its time. */
export async function isJobOver(
  db: Db,
  { webhooks }: Pick<Broker['config'], 'webhooks'>,
  { issuer, claims }: Workload,
): Promise<boolean> {
  const digests = webhooks
    .filter(hook => hook.issuer === issuer)
    .flatMap(({ platform }) => JOBS[platform])
    .flatMap(names => {
      const told = names.flatMap(name => (claims[name] === undefined ? [] : [[name, claims[name]] as const]))
      return told.length === names.length ? [jobDigest(issuer, Object.fromEntries(told))] : []
    })
  if (digests.length === 0) return false
  const marked = await db
    .selectFrom('presented_token')
    .select('digest')
    .where('digest', 'in', digests)
    .executeTakeFirst()
  return marked !== undefined
}

/** The one whose secret was shown: GitHub signs with it, GitLab sends it. */
async function hookOf(hooks: readonly Webhook[], { bytes, header }: Delivery): Promise<Webhook> {
  for (const hook of hooks) {
    const secret = await secretAt(hook.secret)
    const isShown =
      hook.platform === 'github'
        ? same(
            `sha256=${createHmac('sha256', secret.reveal()).update(bytes).digest('hex')}`,
            header('x-hub-signature-256'),
          )
        : same(secret.revealText(), header('x-gitlab-token'))
    if (isShown) return hook
  }
  throw new OauthError('invalid_token', 'it is not signed with the secret of a webhook')
}

function same(wanted: string, shown: string | undefined): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return shown !== undefined && timingSafeEqual(digest(wanted), digest(shown))
}

/** Of a run's jobs each has a number, which newer tokens bear (`check_run_id`); without it, the run's end is theirs. */
function endAtGithub({ bytes, header }: Delivery): JobClaims {
  const event = header('x-github-event')
  if (event === 'workflow_job') {
    const { action, workflow_job: job, repository } = understood(githubJob, bytes)
    return action === 'completed'
      ? { repository: repository.full_name, run_id: job.run_id, check_run_id: job.id }
      : undefined
  }
  if (event !== 'workflow_run') return undefined
  const { action, workflow_run: run, repository } = understood(githubRun, bytes)
  return action === 'completed'
    ? { repository: repository.full_name, run_id: run.id, run_attempt: run.run_attempt }
    : undefined
}

function endAtGitlab({ bytes, header }: Delivery): JobClaims {
  if (header('x-gitlab-event') !== 'Job Hook') return undefined
  const { build_id, build_status, project_id } = understood(gitlabJob, bytes)
  return OVER.includes(build_status) ? { project_id, job_id: build_id } : undefined
}

function understood<T>(schema: z.ZodType<T>, bytes: Uint8Array): T {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)))
  } catch {
    throw new OauthError('invalid_request', 'it is no event of that kind')
  }
}

/** Those that were given to who showed a token of that issuer with all of these claims. */
async function leasesOf(
  db: Db,
  issuer: string,
  claims: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  let standing = db.selectFrom('lease').select(['id', 'workload']).where('state', 'in', ['issuing', 'active'])
  // Numbers only, so that none of it is a pattern: what is compared is below.
  for (const value of Object.values(claims))
    if (/^\d+$/.test(value)) standing = standing.where('workload', 'like', `%"${value}"%`)
  return (await standing.execute()).flatMap(({ id, workload }) => {
    const told = JSON.parse(workload) as Workload
    const isOfJob = Object.entries(claims).every(([name, value]) => told.claims[name] === value)
    return told.issuer === issuer && isOfJob ? [id] : []
  })
}
