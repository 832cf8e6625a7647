import type { Issued, Want } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { Secret } from '../../core/contract/secret.ts'
import type { Account } from './account.ts'
import { findKey, keyRefs, keyState } from './inspect.ts'
import { newSshKey } from '../../core/contract/new-ssh-key.ts'
import { keyOf } from './keys.ts'
import { deployKeysOf } from './repository.ts'

/** Whether keys that this connection deleted might only read: another one like them may be asked for after that. */
export type Deleted = Map<string, boolean>

/**
 * A second deploy key for the repository whose key `want.like` is, with the same right. What it was like may be gone by now: then
 * what is known of it counts, and where nothing is, the new one may only read.
 */
export async function issue(account: Account, want: Want, deleted: Deleted): Promise<Issued> {
  const doing = 'adding a deploy key'
  return await account.change(doing, async () => {
    const found = await likeOf(account, want)
    if (!found) throw new FirebreakError('NOT_FOUND', 'the repository whose key this is like is not there')
    const { at, repository, fingerprint, key } = found
    const title = titleOf(want)
    if ((await deployKeysOf(account, at)).some(other => other.title === title))
      throw new FirebreakError(
        'CONFLICT',
        `${at.repo} has a deploy key of that name already`,
        'What an earlier attempt left is taken back by undoing it.',
      )
    const before = keyState.safeParse(want.before)
    const read_only = key?.read_only ?? before.data?.readOnly ?? deleted.get(fingerprint) ?? true
    const { privateKey, line } = newSshKey('firebreak', account.io.random)
    await account.api.send(doing, 'POST /repos/{owner}/{repo}/keys', { ...at, title, key: line, read_only })
    return { ref: keyRefs(account, repository, keyOf(line)!.fingerprint), secret: new Secret(privateKey) }
  })
}

/** The key with this name. */
export async function undo(account: Account, want: Want): Promise<void> {
  const doing = 'taking a deploy key back'
  await account.change(doing, async () => {
    const found = await likeOf(account, want)
    if (!found) return
    for (const { id, title } of await deployKeysOf(account, found.at))
      if (title === titleOf(want))
        await account.api.send(doing, 'DELETE /repos/{owner}/{repo}/keys/{id}', { ...found.at, id })
  })
}

async function likeOf(account: Account, { like }: Want) {
  if (like?.kind === 'ssh-key' || like?.kind === 'deploy-key') return await findKey(account, like)
  throw new FirebreakError(
    'UNSUPPORTED',
    'only deploy keys can be issued: a token is made by whom it belongs to, and an app takes its own',
  )
}

function titleOf({ name }: Want): string {
  return `firebreak ${name}`.slice(0, 200)
}
