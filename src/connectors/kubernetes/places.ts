import { contentId } from '../../core/contract/document.ts'
import { FirebreakError, orGone } from '../../core/contract/errors.ts'
import { namePattern } from '../../core/contract/name-pattern.ts'
import type { PlaceRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { partsOf, withoutValue } from '../../core/contract/secret-parts.ts'
import { secretIn } from '../../core/contract/slot.ts'
import { changedPlace, overtaken, rewritten } from '../../core/contract/slot-writing.ts'
import { type ApiObject, type Cluster, mustBeHere } from './cluster.ts'
import { refused } from './failure.ts'
import { CONFIG_MAPS, pathOf, readByName, SECRETS } from './listing.ts'
import { isImmutable, storedTexts, type StoredText, TOKEN_TYPE, typeOf, valuesIn } from './stored-text.ts'

/** What stands at a place; CONFLICT where it is another than when its slots were found. */
export async function read(cluster: Cluster, place: PlaceRef): Promise<Secret> {
  const { text } = await standing(cluster, place)
  if (contentId(text.bytes) !== place.version) throw changedPlace(place)
  return secretIn(text.bytes, place)
}

/** The secret in its slots. The server refuses it where anybody changed the Secret since it was read. */
export async function write(cluster: Cluster, place: PlaceRef, secret: Secret): Promise<PlaceRef> {
  return await change(cluster, place, partsOf(secret, place))
}

/** Takes it out of the Secret. A key that holds nothing else goes, and one that is not there is as it should be. */
export async function remove(cluster: Cluster, place: PlaceRef): Promise<void> {
  await orGone(change(cluster, place, withoutValue))
}

async function change(
  cluster: Cluster,
  place: PlaceRef,
  valueOf: ReturnType<typeof partsOf>,
): Promise<PlaceRef> {
  mustBeHere(cluster, place.in, 'secret')
  return await cluster.change('writing a Secret', async () => {
    const { object, text } = await standing(cluster, place)
    mustBeWritable(cluster, object)
    const version = contentId(text.bytes)
    const { content, slots } = rewritten(place, version, text.bytes, valueOf)
    if (!content) return { ...place, version, slots }
    await put(cluster, object, text, content)
    return { ...place, version: contentId(content), slots }
  })
}

/** The keys that changed, as one change of the very version that was read. */
async function put(
  cluster: Cluster,
  object: ApiObject,
  text: StoredText,
  content: Uint8Array,
): Promise<void> {
  const { namespace = '', name, uid, resourceVersion = '' } = object.metadata
  const before = valuesIn(text, text.bytes)
  const data = Object.fromEntries(
    [...valuesIn(text, content)]
      .filter(([key, value]) => !Buffer.from(before.get(key) ?? []).equals(value))
      // In a merge patch null takes a key away (RFC 7396).
      .map(([key, value]) => [key, value.length === 0 ? null : Buffer.from(value).toString('base64')]),
  )
  const { status } = await cluster.send(
    {
      method: 'PATCH',
      path: pathOf(SECRETS, namespace, name),
      type: 'application/merge-patch+json',
      body: { metadata: { uid, resourceVersion }, data },
    },
    'writing a Secret',
  )
  if (status === 409) throw overtaken()
  if (status < 200 || status >= 300) throw refused(status, `writing the Secret ${namespace}/${name}`)
}

async function standing(cluster: Cluster, place: PlaceRef): Promise<{ object: ApiObject; text: StoredText }> {
  mustBeHere(cluster, place.in, 'secret', 'config-map')
  const kind = place.in.kind === 'secret' ? 'secret' : 'config-map'
  const [namespace = '', ...parts] = place.path.split('/')
  if (kind === 'config-map') parts.shift()
  const name = parts.length > 1 ? parts[0]! : (parts[0] ?? '').replace(/\.json$/, '')
  const object = await readByName(cluster, kind === 'secret' ? SECRETS : CONFIG_MAPS, namespace, name)
  const text =
    object?.metadata.uid === place.in.id
      ? storedTexts(object, kind).find(({ path }) => path === place.path)
      : undefined
  if (!object || !text) throw new FirebreakError('NOT_FOUND', `${place.path} is not there any more`)
  return { object, text }
}

function mustBeWritable(cluster: Cluster, object: ApiObject): void {
  const called = `${object.metadata.namespace}/${object.metadata.name}`
  if (!isApproved(cluster, called))
    throw new FirebreakError(
      'DENIED',
      `${called} is not approved for writing`,
      'Add it to the connection’s "approved" names, or change it by hand.',
    )
  if (typeOf(object) === TOKEN_TYPE)
    throw new FirebreakError('UNSUPPORTED', `the API writes the token in ${called} itself`)
  const keeper = object.metadata.ownerReferences?.find(({ controller }) => controller)
  if (keeper)
    throw new FirebreakError(
      'UNSUPPORTED',
      `${called} is kept by ${keeper.kind} ${keeper.name}, which would write the old value again`,
      'Approve the place that it is made from, or change that by hand.',
    )
  if (isImmutable(object))
    throw new FirebreakError(
      'UNSUPPORTED',
      `${called} is immutable`,
      'Make another Secret, and let its consumers read that one.',
    )
}

/** Whether Firebreak may write the Secret `namespace/name`. */
export function isApproved({ config }: Cluster, name: string): boolean {
  return config.approved.some(pattern => namePattern(pattern).test(name))
}
