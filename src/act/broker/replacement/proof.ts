import { repositoryKey } from '../../../core/contract/repository-key.ts'
import type { Db } from '../../../core/store/store.ts'
import { inChunks } from '../../../know/inventory/in-chunks.ts'
import { namesById } from '../../../know/inventory/queries.ts'
import type { Roots } from '../../../know/inventory/roots.ts'

/** What a workload can show of itself, as policies compare it. */
export interface Proof {
  readonly issuer: string
  readonly subject: string
  /** What else its token says, where the subject alone is that of others, too. */
  readonly claims: Readonly<Record<string, string>>
  /** One of the same issuer that is not meant. */
  readonly other: string
  /** Which subjects of the issuer are to come at all. */
  readonly subjects: string
  /** What is taken for so without being told. */
  readonly supposed?: string
}

const GITHUB = 'https://token.actions.githubusercontent.com'
/** Of a workload that no platform vouches for: who starts it brings a join token. */
const JOIN = 'join'

interface Told {
  readonly names: readonly string[]
  readonly facts: ReadonlyMap<string, unknown>
  /** Where it is defined: `github.com/acme/shop`, and the branch that is checked out without another word. */
  readonly repository?: { readonly key: string; readonly branch?: string }
}

/**
 * How each workload proves who it is: by the token that its platform gives it, else by a join token. `clusterIssuer` is who signs
 * the tokens of Kubernetes' service accounts there.
 */
export async function proofsOf(
  db: Db,
  roots: Roots,
  workloadIds: readonly string[],
  clusterIssuer: string | undefined,
): Promise<ReadonlyMap<string, Proof>> {
  const told = await toldOf(db, roots, workloadIds)
  return new Map([...told].map(([id, one]) => [id, proofOf(one, clusterIssuer)]))
}

function proofOf(one: Told, clusterIssuer: string | undefined): Proof {
  const runtime = one.facts.get('runtime')
  const [, host = '', path = ''] = /^([^/]+\.[^/]+)\/(.+)$/.exec(one.repository?.key ?? '') ?? []
  if (runtime === 'GitHub Actions' && host === 'github.com') return ofGithub(one, path)
  if (runtime === 'GitLab CI' && host !== '') return ofGitlab(one, host, path)
  if (runtime === 'Kubernetes' && clusterIssuer !== undefined) {
    const account = one.facts.get('serviceAccount')
    const namespace = one.names[0]?.split('/')[0] ?? 'default'
    const within = `system:serviceaccount:${namespace}`
    return {
      issuer: clusterIssuer,
      subject: `${within}:${typeof account === 'string' ? account : 'default'}`,
      claims: {},
      other: `${within}:another`,
      subjects: `${within}:*`,
    }
  }
  const subject = (one.names[0] ?? 'workload').slice(0, 200)
  return { issuer: JOIN, subject, claims: {}, other: `not ${subject}`, subjects: '*' }
}

/** https://docs.github.com/en/actions/reference/security/oidc */
function ofGithub({ names, facts, repository }: Told, path: string): Proof {
  const environment = facts.get('environment')
  const isKnown = typeof environment === 'string' && !environment.includes('${{')
  const branch = repository?.branch ?? 'main'
  const file = names[0]?.slice(0, names[0].lastIndexOf('#'))
  return {
    issuer: GITHUB,
    subject: `repo:${path}:${isKnown ? `environment:${environment}` : `ref:refs/heads/${branch}`}`,
    // The subject is that of every workflow there.
    claims: file ? { workflow_ref: `${path}/${file}@refs/heads/${branch}` } : {},
    other: `repo:${path}:pull_request`,
    subjects: `repo:${path}:*`,
    ...(repository?.branch === undefined && { supposed: 'main is its default branch' }),
  }
}

/** https://docs.gitlab.com/ci/secrets/id_token_authentication/ */
function ofGitlab({ repository }: Told, host: string, path: string): Proof {
  const project = `project_path:${path}`
  return {
    issuer: `https://${host}`,
    subject: `${project}:ref_type:branch:ref:${repository?.branch ?? 'main'}`,
    claims: {},
    other: `${project}:ref_type:branch:ref:anything-else`,
    subjects: `${project}:*`,
    ...(repository?.branch === undefined && { supposed: 'main is its default branch' }),
  }
}

async function toldOf(
  db: Db,
  roots: Roots,
  workloadIds: readonly string[],
): Promise<ReadonlyMap<string, Told>> {
  const all = (ids: readonly string[]) => ids.flatMap(id => [id, ...roots.membersOf(id)])
  const defined = await inChunks(all(workloadIds), chunk =>
    db
      .selectFrom('edge')
      .select(['from_id', 'to_id'])
      .where('from_id', 'in', chunk)
      .where('crossing', '=', 'defined-in')
      .where('gone_at', 'is', null)
      .execute(),
  )
  const home = new Map(defined.map(({ from_id, to_id }) => [roots.of(from_id), roots.of(to_id)]))
  const ids = [...new Set([...workloadIds, ...home.values()])]
  const names = await namesById(db, roots, ids)
  const facts = await inChunks(all(ids), chunk =>
    db
      .selectFrom('fact')
      .select(['entity_id', 'name', 'value'])
      .where('entity_id', 'in', chunk)
      .where('name', 'in', ['runtime', 'environment', 'serviceAccount', 'defaultBranch'])
      .where('gone_at', 'is', null)
      .orderBy('learnt_at')
      .execute(),
  )
  const byId = Map.groupBy(facts, ({ entity_id }) => roots.of(entity_id))
  const factsOf = (id: string) =>
    new Map((byId.get(id) ?? []).map(({ name, value }) => [name, JSON.parse(value) as unknown]))
  return new Map(
    workloadIds.map(id => {
      const repository = home.get(id)
      const key = (names.get(repository ?? '') ?? [])
        .flatMap(name => repositoryKey(name) ?? [])
        .find(each => /^[^/]+\.[^/]+\/.+/.test(each))
      const branch = factsOf(repository ?? '').get('defaultBranch')
      return [
        id,
        {
          names: names.get(id) ?? [],
          facts: factsOf(id),
          ...(key !== undefined && {
            repository: {
              key,
              ...(typeof branch === 'string' && { branch: branch.replace(/^refs\/heads\//, '') }),
            },
          }),
        },
      ] as const
    }),
  )
}
