import { countText } from '../../core/contract/count-text.ts'
import type { Observation } from '../../core/contract/observation.ts'
import { gap, part } from '../../core/contract/part.ts'
import type { Account, Repository } from './account.ts'
import type { Reading } from './documents.ts'
import { discoverOwner, type OwnerSeen } from './owner.ts'
import { discoverRepository } from './repository.ts'
import { usedActions } from './used-actions.ts'

/**
 * Who may do what at the owner and in each repository: members, teams, apps, keys, secrets by name, environments, rules,
 * hooks and runners. `reading` tells where the documents that were read before stand, and what of them could not be read.
 */
export async function* discover(account: Account, reading: Reading): AsyncGenerator<Observation> {
  const scope = `github:${account.owner.login}`
  const seen: OwnerSeen = { secrets: [], runners: [], installations: [] }
  yield* discoverOwner(account, seen)
  let repositories: readonly Repository[] = []
  try {
    repositories = await account.repositories()
    const only = account.config.repositories.length > 0
    const why = only ? 'only the repositories that the configuration names' : undefined
    yield {
      see: 'covered',
      scope: `${scope}: ${countText(repositories.length, 'repository', 'repositories')}`,
      complete: true,
      ...(why && { why }),
    }
  } catch (error) {
    yield gap(`${scope}/repositories`, EVERYTHING, error)
  }
  for (const repository of repositories) yield* discoverRepository(account, repository, seen)
  for (const { document, path } of reading.standing) yield { see: 'occurrence', document, path, atHead: true }
  yield* reading.gaps
  yield* part(`${scope}/actions used`, [], () => usedActions(account, reading.actions))
  // Of logs only the last ones are asked for, of comments and used actions only what is new: what was read before stands.
  yield {
    see: 'covered',
    scope: `${scope}: comments and logs`,
    complete: true,
    keeps: ['actions-log', 'action', ...(reading.isPartial ? ['discussion'] : [])],
  }
}

const EVERYTHING = [
  'repository',
  'deploy-key',
  'ssh-key',
  'actions-secret',
  'actions-variable',
  'environment',
  'webhook',
  'runner',
  'user',
  'team',
  'discussion',
  'actions-log',
]
