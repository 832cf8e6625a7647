import { z } from 'zod'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { type Api, openApi } from './api.ts'
import type { GithubConfig } from './config.ts'

const OWNER = z.object({ id: z.number(), login: z.string(), type: z.string().default('Organization') })
const REPOSITORY = z.object({
  id: z.number(),
  name: z.string(),
  full_name: z.string(),
  private: z.boolean(),
  visibility: z.string().optional(),
  default_branch: z.string().nullish(),
  archived: z.boolean().optional(),
  disabled: z.boolean().optional(),
  fork: z.boolean().optional(),
  allow_forking: z.boolean().optional(),
  html_url: z.string().optional(),
  clone_url: z.string().optional(),
  ssh_url: z.string().optional(),
  pushed_at: z.string().nullish(),
})
export type Repository = z.infer<typeof REPOSITORY>

/** The repositories of one owner, at one server. */
export interface Account {
  readonly config: GithubConfig
  readonly io: Io
  readonly api: Api
  readonly owner: { readonly id: number; readonly login: string; readonly isOrganization: boolean }
  /** The owner's number at its server: a name is given to another one when its bearer is renamed. */
  readonly instance: string
  /** Whether the name still leads to this owner. */
  stillHere(): Promise<boolean>
  /** Runs what changes something, after the owner has shown to be the same. */
  change<T>(doing: string, work: () => Promise<T>): Promise<T>
  /** All of the owner's, or those that the configuration names. */
  repositories(): Promise<readonly Repository[]>
  /** The one with this number; undefined where there is none any more. */
  repository(id: string): Promise<Repository | undefined>
}

export async function openAccount(config: GithubConfig, io: Io): Promise<Account> {
  const api = await openApi(config, io)
  const ask = async () => await ownerOf(api, config.owner)
  const owner = await ask()
  const instance = `${api.host}:${owner.id}`
  return {
    config,
    io,
    api,
    owner: { id: owner.id, login: owner.login, isOrganization: owner.type === 'Organization' },
    instance,
    stillHere: async () => (await ask()).id === owner.id,
    async change(_doing, work) {
      const now = await ask()
      if (now.id !== owner.id)
        throw new FirebreakError(
          'CONFLICT',
          `${config.owner} is another owner now (${now.id}, expected ${owner.id})`,
          'Find out who bears the name; open a new connection if that one is meant.',
        )
      return await work()
    },
    async repositories() {
      const { repositories: names } = config
      if (names.length > 0)
        return await Promise.all(
          names.map(repo =>
            api.get(
              'looking at a repository',
              'GET /repos/{owner}/{repo}',
              { owner: owner.login, repo },
              REPOSITORY,
            ),
          ),
        )
      const route = owner.type === 'Organization' ? 'GET /orgs/{owner}/repos' : 'GET /users/{owner}/repos'
      // By name: what is pushed to meanwhile would move in the usual order.
      const order = { type: 'all', sort: 'full_name', direction: 'asc' }
      return await api.list('listing repositories', route, { owner: owner.login, ...order }, REPOSITORY)
    },
    async repository(id) {
      try {
        const found = await api.get(
          'looking for a repository',
          'GET /repositories/{id}',
          { id: Number(id) },
          REPOSITORY,
        )
        return found.full_name.toLowerCase().startsWith(`${owner.login.toLowerCase()}/`) ? found : undefined
      } catch (error) {
        if (isFirebreakError(error, 'NOT_FOUND')) return undefined
        throw error
      }
    },
  }
}

/** An organisation, else a user. */
async function ownerOf(api: Api, owner: string) {
  try {
    const found = await api.get('asking who the owner is', 'GET /orgs/{owner}', { owner }, OWNER)
    return { ...found, type: 'Organization' }
  } catch (error) {
    if (!isFirebreakError(error, 'NOT_FOUND')) throw error
    return await api.get('asking who the owner is', 'GET /users/{owner}', { owner }, OWNER)
  }
}

/** What lies in a repository has the repository's number before it: so a gap in one hides nothing of the others. */
export function refIn(account: Pick<Account, 'instance'>, kind: string, id: string | number): Ref {
  return { system: 'github', instance: account.instance, kind, id: String(id) }
}

/** Raises CONFLICT for another owner's thing, UNSUPPORTED for one of another kind. */
export function mustBeHere(account: Pick<Account, 'instance'>, ref: Ref, ...kinds: string[]): void {
  if (ref.system !== 'github' || !kinds.includes(ref.kind))
    throw new FirebreakError('UNSUPPORTED', `${ref.system} ${ref.kind} is no ${kinds.join(' or ')} of GitHub`)
  if (ref.instance !== account.instance)
    throw new FirebreakError(
      'CONFLICT',
      `the reference is to ${ref.instance}, this is ${account.instance}`,
      'Use the connection of that owner.',
    )
}
