import { z } from 'zod'
import { type Document, documentOf } from '../../core/contract/document.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { accountSchema, idOf, keysOf } from './accounts.ts'
import { type Project, refIn } from './project.ts'
import { accessLatest, isApproved } from './stored.ts'

/** What could not be read, for discover to say. */
export type Gaps = Map<string, { why: string; failed: boolean; hides: readonly string[] }>

const named = z.looseObject({ name: z.string() })

/**
 * The project, who may do what in it, whose tokens its pools take, as `gcloud` prints them, and the values of its secrets. What is
 * denied or breaks off is a gap, and the rest is read.
 */
export async function* documents(project: Project, gaps: Gaps): AsyncGenerator<Document> {
  gaps.clear()
  const items: unknown[] = []
  const { instance } = project
  const [manager, own] = ['cloudresourcemanager', `projects/${instance}`] as const
  const gather = async (scope: string, hides: string[], read: () => Promise<void>) => {
    try {
      await read()
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      gaps.set(scope, gapOf(error, hides))
    }
  }
  const policy = async (doing: string, host: 'cloudresourcemanager' | 'iam', name: string) =>
    items.push({
      resource: `//${host}.googleapis.com/${name}`,
      policy: await project.ask(doing, host, `v1/${name}:getIamPolicy`),
    })
  items.push(await project.get('reading the project', manager, `v1/${own}`))
  await gather('policy', ['project'], async () => void (await policy('reading its policy', manager, own)))
  await gather('service-accounts', [], async () => {
    for await (const account of listAccounts(project)) {
      items.push(account)
      await policy('reading the policy of a service account', 'iam', account.name)
    }
  })
  await gather('roles', ['role'], async () => {
    const path = `v1/${own}/roles`
    for await (const role of project.list('listing roles', 'iam', path, 'roles', named))
      items.push(await project.get('reading a role', 'iam', `v1/${role.name}`))
  })
  await gather('pools', ['workload-identity-pool', 'workload-identity-provider'], async () => {
    const path = `v1/${own}/locations/global/workloadIdentityPools`
    for await (const pool of project.list('listing pools', 'iam', path, 'workloadIdentityPools', named)) {
      const providers = `v1/${pool.name}/providers`
      for await (const one of project.list(
        'listing providers',
        'iam',
        providers,
        'workloadIdentityPoolProviders',
        named,
      ))
        items.push(one)
    }
  })
  const stored: string[] = []
  await gather('secrets-values', [], async () => {
    for await (const name of listSecrets(project)) {
      stored.push(name)
      items.push({ name: `${own}/secrets/${name}` })
    }
  })
  const text = items.map(item => JSON.stringify(item)).join('\n')
  const whole = documentOf(refIn(project, 'project', instance), 'project.json', Buffer.from(text), {
    format: 'gcp',
  })
  // It is read each time, also where it says the same: what it tells of is there as of now.
  yield { ...whole, id: `${whole.id}@${project.io.now().toISOString()}` }
  for (const name of stored)
    try {
      const { version, bytes } = await accessLatest(project, name)
      // Its version is what a write is made on, so that it stands for the content.
      yield { ...documentOf(secretRef(project, name), name, bytes), id: version }
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      // One that has no version holds nothing.
      if (error.code !== 'NOT_FOUND') gaps.set(`secret/${name}`, gapOf(error, []))
    }
}

/** Service accounts with their keys, and secrets with whether Firebreak may write them. */
export async function* discover(project: Project, gaps: Gaps): AsyncGenerator<Observation> {
  const parts: [string, string[], () => AsyncIterable<Observation>][] = [
    ['accounts', ['service-account', 'service-account-key'], () => accounts(project)],
    ['secrets', ['secret'], () => secrets(project)],
  ]
  for (const [scope, hides, read] of parts)
    try {
      yield* read()
      yield { see: 'covered', scope: `gcp:${project.instance}/${scope}`, complete: true }
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      yield uncovered(project, scope, gapOf(error, hides))
    }
  for (const [scope, gap] of gaps) yield uncovered(project, scope, gap)
}

async function* accounts(project: Project): AsyncGenerator<Observation> {
  for await (const account of listAccounts(project)) {
    const identity = refIn(project, 'service-account', account.uniqueId)
    yield {
      see: 'identity',
      ref: identity,
      names: [account.email, ...(account.displayName ? [account.displayName] : [])],
      facts: { disabled: { value: account.disabled } },
    }
    for (const key of await keysOf(project, account))
      yield {
        see: 'credential',
        ref: { ...refIn(project, 'service-account-key', idOf(key)), identity },
        facts: {
          active: { value: !key.disabled },
          ...(key.validAfterTime !== undefined && { created: { value: key.validAfterTime } }),
          ...(key.validBeforeTime !== undefined && { expires: { value: key.validBeforeTime } }),
        },
      }
  }
}

async function* secrets(project: Project): AsyncGenerator<Observation> {
  for await (const name of listSecrets(project))
    yield {
      see: 'resource',
      ref: secretRef(project, name),
      names: [name],
      facts: { approved: { value: isApproved(project, name) } },
    }
}

function listAccounts(project: Project) {
  const path = `v1/projects/${project.instance}/serviceAccounts`
  return project.list('listing service accounts', 'iam', path, 'accounts', accountSchema)
}

async function* listSecrets(project: Project): AsyncGenerator<string> {
  const path = `v1/projects/${project.instance}/secrets`
  for await (const { name } of project.list('listing secrets', 'secretmanager', path, 'secrets', named))
    yield name.slice(name.lastIndexOf('/') + 1)
}

function secretRef(project: Project, name: string): Ref {
  return refIn(project, 'secret', `secrets/${name}`)
}

function gapOf({ message, code }: { message: string; code: string }, hides: readonly string[]) {
  return { why: message, failed: !['DENIED', 'UNSUPPORTED'].includes(code), hides }
}

function uncovered(
  { instance }: Project,
  scope: string,
  { why, failed, hides }: { why: string; failed: boolean; hides: readonly string[] },
): Observation {
  return {
    see: 'covered',
    scope: `gcp:${instance}/${scope}`,
    complete: false,
    why,
    ...(failed && { failed }),
    ...(hides.length > 0 && { hides }),
  }
}
