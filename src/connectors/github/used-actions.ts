import { z } from 'zod'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import { type Account, refIn } from './account.ts'

const REPOSITORY = z.object({
  full_name: z.string(),
  archived: z.boolean(),
  disabled: z.boolean().optional(),
})
/** More than that are asked about in later runs. */
const MOST_ASKED = 200

/** Repositories of actions and reusable workflows that a workflow names, in lower case. */
export function actionsNamed(text: string): string[] {
  const names = text.matchAll(
    /^[ \t-]*(?:["']?uses["']?[ \t]*:|.*[{,][ \t]*["']?uses["']?[ \t]*:)[ \t]*["']?([\w.-]+\/[\w.-]+)(?:\/[^@\s"']{1,300})?@/gm,
  )
  return [...new Set(Array.from(names, ([, name = '']) => name.toLowerCase()))]
}

/**
 * Whether the repositories of actions are archived, of those that the workflows which were read in this run name. What was asked
 * before stands; one that is not shown to us, or not asked about, nothing is told of.
 */
export async function* usedActions(account: Account, named: Set<string>): AsyncGenerator<Observation> {
  const own = `${account.owner.login.toLowerCase()}/`
  const others = [...named].filter(name => !name.startsWith(own)).sort()
  for (const name of others.slice(0, MOST_ASKED)) {
    const [owner = '', repo = ''] = name.split('/')
    const answer = await account.api.ask('GET /repos/{owner}/{repo}', { owner, repo }, 'own')
    if ('failed' in answer) throw answer.failed
    const found = REPOSITORY.safeParse(answer.data).data
    if (!found) continue
    const facts = factsOf({ archived: found.archived || found.disabled === true })
    yield { see: 'resource', ref: refIn(account, 'action', name), names: [found.full_name], facts }
  }
  if (others.length <= MOST_ASKED) return
  const why = `${others.length - MOST_ASKED} more are named than are asked about at once`
  yield { see: 'covered', scope: `github:${account.owner.login}/actions used`, complete: false, why }
}
