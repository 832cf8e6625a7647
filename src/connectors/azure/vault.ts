import { z } from 'zod'
import { FirebreakError, orGone } from '../../core/contract/errors.ts'
import { namePattern } from '../../core/contract/name-pattern.ts'
import type { PlaceRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { partsOf, withoutValue } from '../../core/contract/secret-parts.ts'
import { secretIn } from '../../core/contract/slot.ts'
import { changedPlace, rewritten } from '../../core/contract/slot-writing.ts'
import { mustBeHere, type Tenant } from './tenant.ts'

const API = 'api-version=7.4'
/** Key Vault gives no more at once. */
const MOST_AT_ONCE = 25

const listed = z.looseObject({
  id: z.string(),
  managed: z.boolean().optional().catch(undefined),
  attributes: z
    .looseObject({ enabled: z.boolean().optional().catch(undefined) })
    .optional()
    .catch(undefined),
})
const bundle = z.looseObject({
  id: z.string(),
  value: z.string(),
  contentType: z.string().optional().catch(undefined),
  tags: z.record(z.string(), z.string()).optional().catch(undefined),
})

/** The names of a vault's secrets. Those of certificates are left out: they are written by the certificate. */
export async function* listSecrets(tenant: Tenant, vault: string): AsyncGenerator<string> {
  const most = Math.min(tenant.config.pageSize, MOST_AT_ONCE)
  const path = `/secrets?${API}&maxresults=${most}`
  for await (const { id, managed, attributes } of tenant.list('listing secrets', { vault }, path, listed)) {
    const name = /\/secrets\/([0-9A-Za-z-]+)$/.exec(id)?.[1]
    if (name !== undefined && managed !== true && attributes?.enabled !== false) yield name
  }
}

interface Latest extends z.infer<typeof bundle> {
  readonly version: string
  readonly bytes: Uint8Array
}

/** The version of a secret that is given to whoever asks for none. */
export async function latestOf(tenant: Tenant, vault: string, name: string): Promise<Latest> {
  const answer = await tenant.get('reading a secret', { vault }, `/secrets/${name}?${API}`)
  return latestIn(bundle.parse(answer))
}

function latestIn(read: z.infer<typeof bundle>): Latest {
  const version = read.id.slice(read.id.lastIndexOf('/') + 1)
  return { ...read, version, bytes: Buffer.from(read.value) }
}

export async function read(tenant: Tenant, place: PlaceRef): Promise<Secret> {
  const { vault, name } = placeIn(tenant, place)
  const { version, bytes } = await latestOf(tenant, vault, name)
  if (version !== place.version) throw changedPlace(place)
  return secretIn(bytes, place)
}

/** The secret in its slots, as a new version; those before stay, enabled. */
export async function write(tenant: Tenant, place: PlaceRef, secret: Secret): Promise<PlaceRef> {
  const at = approvedPlace(tenant, place)
  const valueOf = partsOf(secret, place)
  const latest = await latestOf(tenant, at.vault, at.name)
  const { content, slots } = rewritten(place, latest.version, latest.bytes, valueOf)
  const version = content ? await addVersion(tenant, at, content, latest) : latest.version
  return { ...place, version, slots }
}

/**
 * Takes it out of the secret, and switches off the version that held it. A secret that holds nothing else goes, to be recovered as long
 * as its vault keeps what is deleted; one that is not there is as it should be.
 */
export async function remove(tenant: Tenant, place: PlaceRef): Promise<void> {
  await orGone(takeOut(tenant, place, approvedPlace(tenant, place)))
}

async function takeOut(tenant: Tenant, place: PlaceRef, at: Place): Promise<void> {
  const { vault, name } = at
  const latest = await latestOf(tenant, vault, name)
  const { content } = rewritten(place, latest.version, latest.bytes, withoutValue)
  if (content?.length === 0) {
    await tenant.change('deleting a secret', 'DELETE', { vault }, `/secrets/${name}?${API}`)
    return
  }
  if (content) await addVersion(tenant, at, content, latest)
  await tenant.change(
    'switching off a version of a secret',
    'PATCH',
    { vault },
    `/secrets/${name}/${place.version}?${API}`,
    { attributes: { enabled: false } },
  )
}

async function addVersion(
  tenant: Tenant,
  { vault, name }: Place,
  content: Uint8Array,
  { contentType, tags }: Latest,
): Promise<string> {
  const made = await tenant.change('writing a secret', 'PUT', { vault }, `/secrets/${name}?${API}`, {
    value: Buffer.from(content).toString('utf8'),
    // What a version is said to be would be lost with it.
    ...(contentType !== undefined && { contentType }),
    ...(tags !== undefined && { tags }),
  })
  return latestIn(bundle.parse(made)).version
}

function approvedPlace(tenant: Tenant, place: PlaceRef): Place {
  const at = placeIn(tenant, place)
  if (!isApproved(tenant, place.path))
    throw new FirebreakError(
      'DENIED',
      `${place.path} is not approved for writing`,
      'Add it to the connection’s "approved" names, or change it by hand.',
    )
  return at
}

export function isApproved({ config }: Pick<Tenant, 'config'>, path: string): boolean {
  return config.approved.some(pattern => namePattern(pattern).test(path))
}

/** `VAULT/NAME` */
interface Place {
  readonly vault: string
  readonly name: string
}

function placeIn(tenant: Tenant, { in: container, path, member }: PlaceRef): Place {
  mustBeHere(tenant, container, 'key-vault-secret')
  const [, vault, name] = /^([A-Za-z0-9-]{3,24})\/([0-9A-Za-z-]{1,127})$/.exec(path) ?? []
  if (vault === undefined || name === undefined || member !== undefined)
    throw new FirebreakError('UNSUPPORTED', `${path} is no secret of a vault`)
  return { vault, name }
}
