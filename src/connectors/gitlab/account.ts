import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { type Api, openApi } from './api.ts'
import type { GitlabConfig } from './config.ts'

const GROUP = z.object({ id: z.number(), full_path: z.string() })
const PROJECT = z.object({
  id: z.number(),
  path_with_namespace: z.string(),
  visibility: z.string().optional(),
  default_branch: z.string().nullish(),
  archived: z.boolean().optional(),
  web_url: z.string().optional(),
  http_url_to_repo: z.string().optional(),
  ssh_url_to_repo: z.string().optional(),
  ci_config_path: z.string().nullish(),
})
export type Project = z.infer<typeof PROJECT>

/** A group with all its projects, at one server. */
export interface Account {
  readonly config: GitlabConfig
  readonly io: Io
  readonly api: Api
  readonly group: { readonly id: number; readonly path: string }
  /** The group's number at its server: a path is given to another one when its bearer moves. */
  readonly instance: string
  stillHere(): Promise<boolean>
  /** Runs what changes something, after the group has shown to be the same. */
  change<T>(work: () => Promise<T>): Promise<T>
  projects(): Promise<Project[]>
}

export async function openAccount(config: GitlabConfig, io: Io): Promise<Account> {
  const api = openApi(config, io)
  const path = `/groups/${encodeURIComponent(config.group)}`
  const ask = async () => await api.get('asking which group it is', `${path}?with_projects=false`, GROUP)
  const group = await ask()
  return {
    config,
    io,
    api,
    group: { id: group.id, path: group.full_path },
    instance: `${api.host}:${group.id}`,
    stillHere: async () => (await ask()).id === group.id,
    async change(work) {
      const now = await ask()
      if (now.id !== group.id)
        throw new FirebreakError(
          'CONFLICT',
          `${config.group} is another group now (${now.id}, expected ${group.id})`,
          'Find out which one has the path; open a new connection if that one is meant.',
        )
      return await work()
    },
    projects: async () =>
      await api.list(
        'listing projects',
        `/groups/${group.id}/projects?include_subgroups=true&order_by=id&sort=asc`,
        PROJECT,
      ),
  }
}

export function refIn(account: Pick<Account, 'instance'>, kind: string, id: string | number): Ref {
  return { system: 'gitlab', instance: account.instance, kind, id: String(id) }
}

/** Raises CONFLICT for another group's thing, UNSUPPORTED for one of another kind. */
export function mustBeHere(account: Pick<Account, 'instance'>, ref: Ref, ...kinds: string[]): void {
  if (ref.system !== 'gitlab' || !kinds.includes(ref.kind))
    throw new FirebreakError('UNSUPPORTED', `${ref.system} ${ref.kind} is no ${kinds.join(' or ')} of GitLab`)
  if (ref.instance !== account.instance)
    throw new FirebreakError(
      'CONFLICT',
      `the reference is to ${ref.instance}, this is ${account.instance}`,
      'Use the connection of that group.',
    )
}

/** Where a thing belongs: `12` is a project, `groups/9` the group. Gives the beginning of its calls, and what follows. */
export function ownerIn(id: string): { readonly calls: string; readonly rest: string } {
  const [, group, number, rest] = /^(groups\/)?(\d+)\/(.+)$/s.exec(id) ?? []
  if (number === undefined || rest === undefined) throw new FirebreakError('NOT_FOUND', `GitLab has no ${id}`)
  return { calls: group === undefined ? `/projects/${number}` : `/groups/${number}`, rest }
}
