import { z } from 'zod'
import type { Document } from '../../core/contract/document.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Observation } from '../../core/contract/observation.ts'
import { gap } from '../../core/contract/part.ts'
import type { Cursor, Ref } from '../../core/contract/ref.ts'
import { namedRepository } from '../../core/contract/repository-key.ts'
import { type Account, type Repository, refIn } from './account.ts'
import { SECRET } from './owner.ts'
import { assignment, secretPath, versionOf } from './places.ts'
import type { At } from './repository.ts'
import { toldValue } from './stored-values.ts'
import { actionsNamed } from './used-actions.ts'

/** What documents() saw, for discover() to tell: where what is read once stands, and what could not be read. */
export interface Reading {
  /** Only what is new was asked for. */
  isPartial: boolean
  standing: { readonly document: string; readonly path: string }[]
  gaps: Observation[]
  /** Actions that workflows name, of those whose bytes were read. */
  actions: Set<string>
}

const FILE = z.object({
  name: z.string(),
  path: z.string(),
  sha: z.string(),
  type: z.string(),
  size: z.number().optional(),
})
const BLOB = z.object({ content: z.string(), encoding: z.string() })
const ISSUE = z.object({
  number: z.number(),
  title: z.string(),
  body: z.string().nullish(),
  updated_at: z.string(),
})
const COMMENT = z.object({
  id: z.number(),
  body: z.string().nullish(),
  updated_at: z.string(),
  issue_url: z.string().optional(),
  pull_request_url: z.string().optional(),
})
const RUNS = z.object({
  workflow_runs: z.array(
    z.object({ id: z.number(), run_attempt: z.number().optional(), status: z.string().nullish() }),
  ),
})
const ARTIFACTS = z.object({
  artifacts: z.array(
    z.object({ id: z.number(), name: z.string(), size_in_bytes: z.number(), expired: z.boolean() }),
  ),
})
const ALERT = z.object({
  number: z.number(),
  state: z.string(),
  secret_type: z.string(),
  secret: z.string().optional(),
})
const LOCATION = z.object({
  type: z.string(),
  details: z.object({
    path: z.string().optional(),
    start_line: z.number().optional(),
    commit_sha: z.string().optional(),
  }),
})
const VARIABLE = SECRET.extend({ value: z.string() })
const ENVIRONMENT = z.object({ name: z.string() })
const LARGEST_ARTIFACT_BYTES = 256 * 1024 * 1024

/** Until when the comments of each repository have been listed. */
const POSITION = z.record(z.string(), z.string())

/**
 * Workflows, variables, what secrets are said to hold, what secret scanning found, issues with their comments, logs and
 * artifacts. A part that is denied or breaks off is a gap, and the rest is read.
 */
export async function* documents(
  account: Account,
  since: Cursor | undefined,
  reading: Reading,
): AsyncGenerator<Document> {
  Object.assign(reading, { isPartial: since !== undefined, standing: [], gaps: [], actions: new Set() })
  const listed = new Documents(account, reading, since)
  const { login, isOrganization } = account.owner
  if (isOrganization) {
    const org = { org: login }
    yield* listed.part('variables', () => listed.variables({ name: '' }, '/orgs/{org}/actions', org))
    yield* listed.part('secrets', () => listed.secretValues({ name: '' }, '/orgs/{org}/actions', org))
  }
  let repositories: readonly Repository[]
  try {
    repositories = await account.repositories()
  } catch (error) {
    // That they could not be listed, discover() says.
    if (isFirebreakError(error)) return
    throw error
  }
  for (const repository of repositories) yield* listed.of(repository)
}

class Documents {
  readonly #account: Account
  readonly #reading: Reading
  readonly #position: Map<string, string>
  #cursor: string

  constructor(account: Account, reading: Reading, since: Cursor | undefined) {
    this.#account = account
    this.#reading = reading
    const parsed = POSITION.safeParse(since === undefined ? {} : jsonIn(since))
    this.#position = new Map(Object.entries(parsed.data ?? {}))
    this.#cursor = since ?? ''
  }

  async *of(repository: Repository): AsyncGenerator<Document> {
    const { config, owner } = this.#account
    const { name } = repository
    const at: At = { owner: owner.login, repo: name }
    const ref = refIn(this.#account, 'repository', repository.id)
    const owned = { repository: ref.id, name: '' }
    const route = '/repos/{owner}/{repo}/actions'
    const within = `${name}/${ref.id}`
    yield* this.part(`${name}/.github/workflows`, () => this.#workflows(at, ref))
    yield* this.part(`${within}/variables`, () => this.variables(owned, route, at, name))
    yield* this.part(`${within}/secrets`, () => this.secretValues(owned, route, at, name))
    yield* this.part(`${within}/environments`, () => this.#environments(at, ref))
    const scanned = () => this.#alerts(at, ref, repository.full_name)
    yield* this.part(`${name}/secret scanning`, scanned, ['repository'])
    if (config.comments) yield* this.part(`${within}/discussion`, () => this.#comments(at, ref))
    const log = refIn(this.#account, 'actions-log', `${ref.id}/logs`)
    if (config.logs > 0) yield* this.part(`${within}/logs`, () => this.#logs(at, log))
    if (config.artifacts > 0) yield* this.part(`${within}/logs (artifacts)`, () => this.#artifacts(at, log))
  }

  /** `scope` is where what it reads lies, so that what a gap hides is not taken for gone. */
  async *part(
    scope: string,
    read: () => AsyncIterable<Document>,
    hides: readonly string[] = [],
  ): AsyncGenerator<Document> {
    try {
      yield* read()
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      // Not there at all: there is nothing of it that could be hidden.
      const hidden = error.code === 'NOT_FOUND' ? [] : hides
      this.#reading.gaps.push(gap(`github:${this.#account.owner.login}/${scope}`, hidden, error))
    }
  }

  async *#workflows(at: At, ref: Ref): AsyncGenerator<Document> {
    const { api } = this.#account
    const route = 'GET /repos/{owner}/{repo}/contents/.github/workflows'
    let files: z.infer<typeof FILE>[]
    try {
      files = await api.list('listing workflows', route, { ...at, per_page: undefined }, FILE)
    } catch (error) {
      if (isFirebreakError(error, 'NOT_FOUND')) return
      throw error
    }
    for (const { path, sha, type } of files) {
      if (type !== 'file' || !/\.ya?ml$/i.test(path)) continue
      const id = `${ref.id}/${path}@${sha}`
      this.#reading.standing.push({ document: id, path })
      const { actions } = this.#reading
      yield this.#document(id, ref, path, async function* () {
        const blob = 'GET /repos/{owner}/{repo}/git/blobs/{sha}'
        const { content, encoding } = await api.get(`reading ${path}`, blob, { ...at, sha }, BLOB)
        const bytes = Buffer.from(content, encoding === 'base64' ? 'base64' : 'utf8')
        for (const name of actionsNamed(bytes.toString())) actions.add(name)
        yield bytes
      })
    }
  }

  /** `within` is the repository's name, and its environment's. */
  async *variables(
    owned: { readonly repository?: string; readonly environment?: string; readonly name: string },
    route: string,
    params: object,
    within = '',
  ): AsyncGenerator<Document> {
    const { api } = this.#account
    for (const variable of await api.list(
      'listing variables',
      `GET ${route}/variables`,
      { ...params },
      VARIABLE,
    )) {
      const { name, value, updated_at } = variable
      const ref = refIn(this.#account, 'actions-variable', secretPath({ ...owned, name }, 'variables'))
      yield this.#assigned(ref, within === '' ? name : `${within}/${name}`, name, value, updated_at)
    }
  }

  async *secretValues(
    owned: { readonly repository?: string; readonly environment?: string; readonly name: string },
    route: string,
    params: object,
    within = '',
  ): AsyncGenerator<Document> {
    const { api, config } = this.#account
    if (!config.values) return
    for (const secret of await api.list('listing secrets', `GET ${route}/secrets`, { ...params }, SECRET)) {
      const { name, updated_at } = secret
      const path = within === '' ? name : `${within}/${name}`
      const value = toldValue(this.#account, path, updated_at)
      if (value === undefined) continue
      const ref = refIn(this.#account, 'actions-secret', secretPath({ ...owned, name }))
      yield this.#assigned(ref, path, name, value, updated_at)
    }
  }

  #assigned(ref: Ref, path: string, name: string, value: string, updatedAt: string): Document {
    return this.#document(versionOf(ref, updatedAt), ref, path, async function* () {
      yield Buffer.from(assignment(name, value))
    })
  }

  async *#environments(at: At, repository: Ref): AsyncGenerator<Document> {
    const { api } = this.#account
    const listed = await api.list(
      'listing environments',
      'GET /repos/{owner}/{repo}/environments',
      { ...at },
      ENVIRONMENT,
    )
    for (const { name: environment } of listed) {
      const owned = { repository: repository.id, environment, name: '' }
      const route = '/repos/{owner}/{repo}/environments/{environment}'
      const within = `${at.repo}/${environment}`
      yield* this.variables(owned, route, { ...at, environment }, within)
      yield* this.secretValues(owned, route, { ...at, environment }, within)
    }
  }

  /** What secret scanning holds for open, as a scanner's report: with where each stands. It is read anew each time. */
  async *#alerts(at: At, ref: Ref, fullName: string): AsyncGenerator<Document> {
    const { api, io } = this.#account
    const route = 'GET /repos/{owner}/{repo}/secret-scanning/alerts'
    const alerts = await api.list('listing alerts', route, { ...at, state: 'open' }, ALERT)
    if (alerts.length === 0) return
    const id = `${ref.id}/alerts@${io.now().toISOString()}`
    const about = namedRepository(`${api.host}/${fullName}`)
    yield {
      ...this.#document(id, ref, 'secret-scanning.json', async function* () {
        const findings: object[] = []
        for (const { number, secret_type, secret } of alerts) {
          const where = `${route}/{number}/locations`
          const places = await api.list('looking where a secret stands', where, { ...at, number }, LOCATION)
          for (const { type, details } of places)
            findings.push({
              RuleID: secret_type,
              Secret: secret ?? '',
              File: details.path ?? `${type.replaceAll('_', ' ')} of alert ${number}`,
              ...(details.commit_sha !== undefined && { Commit: details.commit_sha }),
              ...(details.start_line !== undefined && { StartLine: details.start_line }),
            })
        }
        yield Buffer.from(JSON.stringify(findings))
      }),
      format: 'report',
      about,
    }
  }

  /** What changed since the last listing: issues and pull requests, their comments, and those on lines of code. */
  async *#comments(at: At, repository: Ref): AsyncGenerator<Document> {
    const { api } = this.#account
    const ref = refIn(this.#account, 'discussion', `${repository.id}/discussion`)
    const since = this.#position.get(repository.id)
    const changed = {
      ...at,
      sort: 'updated',
      direction: 'asc',
      ...(since !== undefined && { since }),
    }
    const whole = '/repos/{owner}/{repo}'
    const issues = await api.list(
      'listing issues',
      `GET ${whole}/issues`,
      { ...changed, state: 'all' },
      ISSUE,
    )
    const comments = await api.list('listing comments', `GET ${whole}/issues/comments`, changed, COMMENT)
    const onCode = await api.list('listing review comments', `GET ${whole}/pulls/comments`, changed, COMMENT)
    const texts = [
      ...issues.map(({ number, title, body, updated_at }) => ({
        path: `issues/${number}`,
        text: `${title}\n\n${body ?? ''}`,
        updated_at,
      })),
      ...[...comments, ...onCode].map(({ id, body, updated_at, issue_url, pull_request_url }) => ({
        path: `issues/${(issue_url ?? pull_request_url ?? '').split('/').at(-1)}#comment-${id}`,
        text: body ?? '',
        updated_at,
      })),
    ]
    const latest = texts.reduce(
      (last, { updated_at }) => (updated_at > last ? updated_at : last),
      since ?? '',
    )
    if (latest !== '') this.#position.set(repository.id, latest)
    this.#cursor = JSON.stringify(Object.fromEntries([...this.#position].sort()))
    for (const { path, text, updated_at } of texts)
      yield this.#document(
        `${repository.id}/${path}@${updated_at}`,
        ref,
        `${at.repo}/${path}`,
        async function* () {
          yield Buffer.from(text)
        },
      )
  }

  async *#logs(at: At, ref: Ref): AsyncGenerator<Document> {
    const { api, config } = this.#account
    const route = '/repos/{owner}/{repo}/actions/runs'
    const newest = { ...at, status: 'completed', per_page: config.logs }
    const { workflow_runs } = await api.get('listing runs', `GET ${route}`, newest, RUNS)
    for (const { id, run_attempt } of workflow_runs.slice(0, config.logs)) {
      const bytes = () =>
        kept(api.download(`reading the logs of run ${id}`, `GET ${route}/{id}/logs`, { ...at, id }))
      yield this.#document(
        `${ref.id}/${id}@${run_attempt ?? 1}`,
        ref,
        `${at.repo}/runs/${id}/logs.zip`,
        bytes,
      )
    }
  }

  async *#artifacts(at: At, ref: Ref): AsyncGenerator<Document> {
    const { api, config } = this.#account
    const route = '/repos/{owner}/{repo}/actions/artifacts'
    const newest = { ...at, per_page: config.artifacts }
    const { artifacts } = await api.get('listing artifacts', `GET ${route}`, newest, ARTIFACTS)
    for (const { id, name, size_in_bytes, expired } of artifacts.slice(0, config.artifacts)) {
      const path = `${at.repo}/artifacts/${id}/${name}.zip`
      if (expired) continue
      if (size_in_bytes > LARGEST_ARTIFACT_BYTES) {
        const why = `it has more than ${LARGEST_ARTIFACT_BYTES / 2 ** 20} MiB`
        this.#reading.gaps.push({ see: 'covered', scope: `github:${at.owner}/${path}`, complete: false, why })
        continue
      }
      const bytes = () =>
        kept(api.download(`reading the artifact ${name}`, `GET ${route}/{id}/zip`, { ...at, id }))
      yield this.#document(`${ref.id}/artifacts/${id}`, ref, path, bytes)
    }
  }

  #document(id: string, container: Ref, path: string, bytes: Document['bytes']): Document {
    return { id, in: container, path, cursor: this.#cursor, bytes }
  }
}

/** What is kept for a time only may be over by now. */
async function* kept(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    if (!isFirebreakError(error, 'NOT_FOUND', 'UNSUPPORTED')) throw error
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
