import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Issued, Want } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef, State } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type Account, mustBeHere, refIn } from './account.ts'
import { installationOf } from './api.ts'

const TOKEN = z.object({ token: z.string().min(1), expires_at: z.iso.datetime({ offset: true }) })
/** Who logs in with such a token by git, over https. */
const USER = 'x-access-token'

/**
 * A token of our own app's installation, with no more than `scopes`: permissions, `contents:read`, or permissions in repositories,
 * `contents:read@orders`. GitHub ends it after an hour. None is found again by its attempt: what is lost on the way nobody has.
 */
export async function issueToken(account: Account, want: Want): Promise<Issued> {
  const { api, config, owner } = account
  const like = mustBeInstallation(account, want)
  const doing = `taking a token of the installation at ${owner.login}`
  const answer = await account.change(doing, async () => {
    const { id } = await installationOf(api, config.owner)
    if (String(id) !== like.id)
      throw new FirebreakError(
        'UNSUPPORTED',
        'only the app itself takes tokens of its installation',
        'Connect as that app: appId and privateKey.',
      )
    const body = { installation_id: id, ...requested(want.scopes) }
    return await api.send(doing, 'POST /app/installations/{installation_id}/access_tokens', body, 'app')
  })
  const given = TOKEN.safeParse(answer)
  if (!given.success) throw new FirebreakError('UNSUPPORTED', `${doing}: the answer is not understood`)
  const { token, expires_at } = given.data
  return {
    ref: { ...refIn(account, 'installation-token', idOf(like.id, token)), identity: like },
    secret: new Secret(token, USER),
    notAfter: Date.parse(expires_at),
  }
}

/** There is nothing to find it by; GitHub ends it. */
export async function undoToken(account: Account, want: Want): Promise<void> {
  mustBeInstallation(account, want)
  if (!(await account.stillHere()))
    throw new FirebreakError('CONFLICT', `${account.config.owner} is another owner now`, 'Connect it anew.')
}

/** GitHub lists no tokens: whose it is stands in its reference. */
export function tokenState(account: Account, ref: CredentialRef): State {
  mustBeHere(account, ref, 'installation-token')
  return { installation: ref.id.split('/')[0]! }
}

export function isSameToken(ref: CredentialRef, token: string): boolean {
  return ref.id === idOf(ref.id.split('/')[0]!, token)
}

/** Its digest is what GitHub's audit log calls it by (`hashed_token`). */
function idOf(installation: string, token: string): string {
  return `${installation}/${createHash('sha256').update(token).digest('base64')}`
}

function mustBeInstallation(account: Account, { like }: Want): CredentialRef {
  const installation = like?.kind === 'app-installation' ? like : like?.identity
  if (!installation) throw new FirebreakError('UNSUPPORTED', 'a token is taken of an installation')
  mustBeHere(account, installation, 'app-installation')
  return installation
}

/** A token has the same permissions in all of its repositories: scopes that say otherwise would give more than they say. */
function requested(scopes: readonly string[]): {
  permissions?: Record<string, string>
  repositories?: string[]
} {
  if (scopes.length === 0) return {}
  const parsed = scopes.map(scope => {
    const [, permission, level, repository] =
      /^([a-z_]+):(read|write|admin)(?:@([\w.-]+))?$/.exec(scope) ?? []
    if (permission !== undefined && level !== undefined) return { permission, level, repository }
    throw new FirebreakError(
      'UNSUPPORTED',
      `${scope} is no permission of GitHub`,
      'Write it as contents:read, or with a repository as contents:read@orders.',
    )
  })
  const everywhere = Map.groupBy(parsed, ({ repository }) => repository)
  const inEach = [...everywhere.values()].map(some => permissionsOf(some))
  const [first = {}] = inEach
  if (inEach.some(other => JSON.stringify(other) !== JSON.stringify(first)))
    throw new FirebreakError(
      'UNSUPPORTED',
      'a token of GitHub has the same permissions in all of its repositories',
      'Ask for a lease for each.',
    )
  const repositories = [...everywhere.keys()].flatMap(name => (name === undefined ? [] : [name]))
  return { permissions: first, ...(repositories.length > 0 && { repositories: repositories.sort() }) }
}

const LEVELS = ['read', 'write', 'admin']

function permissionsOf(some: readonly { permission: string; level: string }[]): Record<string, string> {
  const highest = new Map<string, string>()
  for (const { permission, level } of some)
    if (LEVELS.indexOf(level) > LEVELS.indexOf(highest.get(permission) ?? '')) highest.set(permission, level)
  return Object.fromEntries([...highest].sort())
}
