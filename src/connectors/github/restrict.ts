import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, Ref, State } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { type Account, mustBeHere } from './account.ts'
import { installationOfKey, revokeAppKey } from './app.ts'
import { findKey, keyState } from './inspect.ts'
import type { Deleted } from './issue.ts'
import { isInstallationToken } from './verify.ts'

/** Ends a deploy key, a fine-grained token of the organisation, or any token whose value is at hand. */
export async function revoke(
  account: Account,
  ref: CredentialRef,
  secret: Secret | undefined,
  deleted: Deleted,
): Promise<void> {
  if (ref.kind === 'ssh-key' || ref.kind === 'deploy-key') return await deleteKey(account, ref, deleted)
  if (ref.kind === 'app-key') return await revokeAppKey(account, ref, secret)
  mustBeHere(account, ref, 'fine-grained-token', 'user', 'app-installation', 'installation-token')
  await account.change('revoking a token', async () => {
    if (secret && secret.length > 0) return await revokeValue(account, secret.revealText())
    if (ref.kind !== 'fine-grained-token')
      throw new FirebreakError(
        'UNSUPPORTED',
        'GitHub ends a token by its value, which is not at hand',
        ref.kind === 'user'
          ? 'Ask its owner to delete it.'
          : 'Suspend the installation, or delete the app’s keys.',
      )
    const params = { org: account.owner.login, id: Number(ref.id), action: 'revoke' }
    const answer = await account.api.ask('POST /orgs/{org}/personal-access-tokens/{id}', params, 'own')
    if ('failed' in answer) throw answer.failed
    if (![200, 202, 204, 404].includes(answer.status))
      throw new FirebreakError(
        'DENIED',
        `GitHub does not let us take the token’s rights away (${answer.status})`,
        'Only an app with “Personal access tokens: write” may do this.',
      )
  })
}

/** Whoever has a token may end it: GitHub asks for no right. */
async function revokeValue({ api }: Account, token: string): Promise<void> {
  const answer = isInstallationToken(token)
    ? await api.ask('DELETE /installation/token', {}, { token })
    : // On github.com whoever is logged in is refused: https://docs.github.com/en/rest/credentials/revoke
      await api.ask(
        'POST /credentials/revoke',
        { credentials: [token] },
        api.host === 'github.com' ? 'nobody' : 'own',
      )
  if ('failed' in answer) throw answer.failed
  // A token that is none any more is refused.
  if ([202, 204, 401].includes(answer.status)) return
  throw new FirebreakError(
    'UNSUPPORTED',
    `GitHub does not end this token (${answer.status})`,
    'Ask its owner to delete it.',
  )
}

async function deleteKey(account: Account, ref: CredentialRef, deleted: Deleted): Promise<void> {
  const doing = 'deleting a deploy key'
  await account.change(doing, async () => {
    const found = await findKey(account, ref)
    if (!found?.key) return
    deleted.set(found.fingerprint, found.key.read_only)
    const params = { ...found.at, id: found.key.id }
    const answer = await account.api.ask('DELETE /repos/{owner}/{repo}/keys/{id}', params, 'own')
    if ('failed' in answer) throw answer.failed
    if (answer.status !== 204 && answer.status !== 404)
      throw new FirebreakError(
        'DENIED',
        `${doing}: GitHub answered ${answer.status}`,
        'It takes “Administration: write” on the repository.',
      )
  })
}

/** A deploy key cannot be switched off: it is taken away, and put back by its public half. An installation is suspended. */
export async function suspend(account: Account, ref: CredentialRef, deleted: Deleted): Promise<void> {
  if (ref.kind === 'ssh-key' || ref.kind === 'deploy-key') return await deleteKey(account, ref, deleted)
  await setSuspended(account, ref.kind === 'app-key' ? await installationOfKey(account) : ref, true)
}

export async function resume(account: Account, ref: CredentialRef, before: State): Promise<void> {
  if (ref.kind !== 'ssh-key' && ref.kind !== 'deploy-key') {
    const was = typeof before === 'object' && before !== null && 'suspended' in before && before['suspended']
    const installation = ref.kind === 'app-key' ? await installationOfKey(account) : ref
    return await setSuspended(account, installation, was === true)
  }
  const doing = 'putting a deploy key back'
  await account.change(doing, async () => {
    const state = keyState.safeParse(before)
    const found = await findKey(account, ref)
    if (!state.success || !found || found.key) return
    const { title, publicKey: key, readOnly: read_only } = state.data
    await account.api.send(doing, 'POST /repos/{owner}/{repo}/keys', { ...found.at, title, key, read_only })
  })
}

async function setSuspended(account: Account, ref: Ref, suspended: boolean): Promise<void> {
  mustBeHere(account, ref, 'app-installation')
  await account.change('suspending an installation', async () => {
    const route = `${suspended ? 'PUT' : 'DELETE'} /app/installations/{id}/suspended`
    const answer = await account.api.ask(route, { id: Number(ref.id) }, 'app')
    if ('failed' in answer) throw answer.failed
    if (answer.status !== 204)
      throw new FirebreakError(
        'UNSUPPORTED',
        `only the app itself may suspend its installation (${answer.status})`,
        'Suspend it by hand: the settings of the organisation, GitHub Apps.',
      )
  })
}
