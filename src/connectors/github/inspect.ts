import { z } from 'zod'
import { FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import type { Ref, State } from '../../core/contract/ref.ts'
import { type Account, mustBeHere, refIn } from './account.ts'
import { inspectAppKey } from './app.ts'
import { tokenState } from './installation-token.ts'
import { keyOf } from './keys.ts'
import { type At, type DeployKey, deployKeysOf } from './repository.ts'
import { type Held, storedAt } from './stored-values.ts'

/** A deploy key as it stands: its public half, so that it can be put back. */
export const keyState = z.object({ title: z.string(), publicKey: z.string(), readOnly: z.boolean() })
export type KeyState = z.infer<typeof keyState>

const INSTALLATION = z.object({ app_slug: z.string(), suspended_at: z.string().nullish() })

/** What stands for it now; null for what is not there. Never a secret: of a key its public half. */
export async function inspect(account: Account, ref: Ref, held: Held): Promise<State> {
  if (ref.kind === 'app-key') return await inspectAppKey(account)
  if (!(await account.stillHere()))
    throw new FirebreakError('CONFLICT', `${account.config.owner} is another owner now`, 'Connect it anew.')
  switch (ref.kind) {
    case 'ssh-key':
    case 'deploy-key': {
      const found = await findKey(account, ref)
      return found?.key ? stateOf(found.key) : null
    }
    case 'actions-secret':
    case 'actions-variable': {
      mustBeHere(account, ref, ref.kind)
      const stored = await storedAt(account, ref, held).catch(absent)
      return stored ? { version: stored.version } : null
    }
    case 'app-installation': {
      mustBeHere(account, ref, ref.kind)
      return { suspended: await isSuspended(account, ref) }
    }
    case 'installation-token':
      return tokenState(account, ref)
    case 'repository': {
      mustBeHere(account, ref, ref.kind)
      const found = await account.repository(ref.id)
      return found ? { name: found.full_name, archived: found.archived ?? false } : null
    }
    default:
      mustBeHere(account, ref, ref.kind)
      return null
  }
}

export function stateOf(key: DeployKey): KeyState {
  // What follows the key itself is a comment, which is not kept.
  return { title: key.title, publicKey: key.key.split(' ').slice(0, 2).join(' '), readOnly: key.read_only }
}

export async function isSuspended(account: Account, ref: Ref): Promise<boolean> {
  const answer = await account.api.ask('GET /app/installations/{id}', { id: Number(ref.id) }, 'app')
  if ('failed' in answer) throw answer.failed
  const parsed = INSTALLATION.safeParse(answer.data)
  if (!parsed.success)
    throw new FirebreakError(
      'DENIED',
      'only the app itself is told of its installation',
      'Connect as that app.',
    )
  return parsed.data.suspended_at != null
}

/** The repository of a deploy key, and the key in it; undefined where there is no such repository any more. */
export async function findKey(
  account: Account,
  ref: Ref,
): Promise<{ at: At; repository: string; fingerprint: string; key: DeployKey | undefined } | undefined> {
  mustBeHere(account, ref, 'ssh-key', 'deploy-key')
  const [, repository, fingerprint] = /^(\d+)\/keys\/(SHA256:.+)$/.exec(ref.id) ?? []
  if (repository === undefined || fingerprint === undefined)
    throw new FirebreakError('NOT_FOUND', `GitHub has no deploy key ${ref.id}`)
  const found = await account.repository(repository)
  if (!found) return undefined
  const at = { owner: account.owner.login, repo: found.name }
  const keys = await deployKeysOf(account, at)
  const key = keys.find(({ key }) => keyOf(key)?.fingerprint === fingerprint)
  return { at, repository, fingerprint, key }
}

/** How a deploy key is told, and who it authenticates as: it is an identity of its own. */
export function keyRefs(account: Account, repository: string, fingerprint: string) {
  const identity = refIn(account, 'deploy-key', `${repository}/keys/${fingerprint}`)
  return { ...identity, kind: 'ssh-key', identity }
}

function absent(error: unknown): undefined {
  if (!isFirebreakError(error, 'NOT_FOUND')) throw error
}
