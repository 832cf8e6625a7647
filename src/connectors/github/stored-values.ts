import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import type { Account } from './account.ts'
import { type Owned, ownedBy, versionOf } from './places.ts'

/** What this connection knows of secrets that GitHub shows to nobody: what it has written, by version. */
export interface Held {
  readonly written: Map<string, Secret>
  /** Writes whose answer may have been lost: of which version, and what. */
  readonly attempts: Map<string, { readonly before: string; readonly value: Secret }>
}

export interface Stored {
  readonly name: string
  readonly version: string
  /** Undefined where nobody is shown it, and nobody told. */
  readonly value: string | undefined
  /** Of an organisation's secret: which repositories get it. */
  readonly visibility?: string | undefined
}

const STORED = z.object({
  name: z.string(),
  updated_at: z.string(),
  value: z.string().optional(),
  visibility: z.string().optional(),
})
const PUBLIC_KEY = z.object({ key_id: z.string(), key: z.string() })

/** How it stands now. */
export async function storedAt(account: Account, ref: Ref, held: Held): Promise<Stored> {
  const owned = ownedBy(ref)
  const { route, params, path } = await routeOf(account, ref, owned)
  const found = await account.api.get(
    `reading ${ref.kind} ${owned.name}`,
    `GET ${route}/{name}`,
    params,
    STORED,
  )
  const version = versionOf(ref, found.updated_at)
  const { name, visibility, value } = found
  const told = toldValue(account, path, found.updated_at)
  return { name, version, visibility, value: value ?? writtenAs(ref, version, held) ?? told }
}

/** What we wrote, if that is what stands there. */
function writtenAs(ref: Ref, version: string, held: Held): string | undefined {
  const written = held.written.get(version)
  if (written) return written.revealText()
  const attempt = held.attempts.get(ref.id)
  // Its answer was lost, and the version is another than before it.
  return attempt && attempt.before !== version ? attempt.value.revealText() : undefined
}

/** The value that a secret is said to hold, unless it was changed after that was so. `path` is without the owner. */
export function toldValue({ config }: Account, path: string, updatedAt: string): string | undefined {
  const { values, valuesAsOf } = config
  if (!values || valuesAsOf === undefined || Date.parse(updatedAt) > Date.parse(valuesAsOf)) return undefined
  for (const line of values.revealText().split(/\r?\n/)) {
    const at = line.indexOf('=')
    if (at < 1 || line.startsWith('#') || line.slice(0, at).trim().toLowerCase() !== path.toLowerCase())
      continue
    const value = line.slice(at + 1)
    return /^\s*".*"\s*$/.test(value) ? unquoted(value) : value
  }
  return undefined
}

function unquoted(value: string): string {
  try {
    return String(JSON.parse(value))
  } catch {
    return value
  }
}

/** Writes it, and gives the version that it then has. */
export async function writeStored(
  account: Account,
  ref: Ref,
  before: Stored,
  value: string,
  held: Held,
): Promise<string> {
  const owned = ownedBy(ref)
  const { route, params } = await routeOf(account, ref, owned)
  const doing = `writing ${ref.kind} ${owned.name}`
  await account.change(doing, async () => {
    held.attempts.set(ref.id, { before: before.version, value: new Secret(value) })
    if (ref.kind === 'actions-variable')
      return await account.api.send(doing, `PATCH ${route}/{name}`, { ...params, value })
    const key = await account.api.get(
      'asking for the public key',
      `GET ${route}/public-key`,
      params,
      PUBLIC_KEY,
    )
    await account.api.send(doing, `PUT ${route}/{name}`, {
      ...params,
      encrypted_value: await sealed(value, key.key),
      key_id: key.key_id,
      ...(await givenTo(account, owned, before)),
    })
  })
  const { version } = await storedAt(account, ref, held)
  held.written.set(version, new Secret(value))
  held.attempts.delete(ref.id)
  return version
}

export async function deleteStored(account: Account, ref: Ref): Promise<void> {
  const owned = ownedBy(ref)
  const { route, params } = await routeOf(account, ref, owned)
  const doing = `deleting ${ref.kind} ${owned.name}`
  await account.change(doing, () => account.api.send(doing, `DELETE ${route}/{name}`, params))
}

/** An organisation's secret goes on to the repositories that it went to. */
async function givenTo({ api, owner }: Account, { repository, name }: Owned, { visibility }: Stored) {
  if (repository !== undefined) return {}
  if (visibility !== 'selected') return { visibility: visibility ?? 'private' }
  const route = 'GET /orgs/{org}/actions/secrets/{name}/repositories'
  const listed = await api.list(
    'listing who gets a secret',
    route,
    { org: owner.login, name },
    z.object({ id: z.number() }),
  )
  return { visibility, selected_repository_ids: listed.map(({ id }) => id) }
}

/**
 * Only whoever has the other half of the key can open it.
 * https://docs.github.com/en/rest/guides/encrypting-secrets-for-the-rest-api
 */
async function sealed(value: string, publicKey: string): Promise<string> {
  const { default: sodium } = await import('libsodium-wrappers')
  await sodium.ready
  const box = sodium.crypto_box_seal(Buffer.from(value), Buffer.from(publicKey, 'base64'))
  return Buffer.from(box).toString('base64')
}

/** Calls take names: the repository is looked up by its number, so that one of the same name is not taken for it. */
async function routeOf(account: Account, ref: Ref, { repository, environment, name }: Owned) {
  const what = ref.kind === 'actions-variable' ? 'variables' : 'secrets'
  if (repository === undefined)
    return { route: `/orgs/{org}/actions/${what}`, params: { org: account.owner.login, name }, path: name }
  const found = await account.repository(repository)
  if (!found)
    throw new FirebreakError('NOT_FOUND', `${account.owner.login} has no repository ${repository} any more`)
  const at = { owner: account.owner.login, repo: found.name, name }
  if (environment === undefined)
    return { route: `/repos/{owner}/{repo}/actions/${what}`, params: at, path: `${found.name}/${name}` }
  const route = `/repos/{owner}/{repo}/environments/{environment}/${what}`
  return { route, params: { ...at, environment }, path: `${found.name}/${environment}/${name}` }
}
