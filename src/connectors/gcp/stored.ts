import { z } from 'zod'
import { FirebreakError, orGone } from '../../core/contract/errors.ts'
import { namePattern } from '../../core/contract/name-pattern.ts'
import type { PlaceRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { secretIn } from '../../core/contract/slot.ts'
import { changedPlace, rewritten } from '../../core/contract/slot-writing.ts'
import { partsOf, withoutValue } from '../../core/contract/secret-parts.ts'
import { mustBeHere, type Project } from './project.ts'

const accessed = z.looseObject({ name: z.string(), payload: z.looseObject({ data: z.string() }) })
const added = z.looseObject({ name: z.string() })

/** The latest version of a secret: its name, and what it holds. */
export async function accessLatest(
  project: Project,
  name: string,
): Promise<{ version: string; bytes: Uint8Array }> {
  const path = `v1/projects/${project.instance}/secrets/${name}/versions/latest:access`
  const { name: version, payload } = accessed.parse(
    await project.get('reading a secret', 'secretmanager', path),
  )
  return { version, bytes: Buffer.from(payload.data, 'base64') }
}

export async function read(project: Project, place: PlaceRef): Promise<Secret> {
  mustBeHere(project, place.in, 'secret')
  const { version, bytes } = await accessLatest(project, place.path)
  if (version !== place.version) throw changedPlace(place)
  return secretIn(bytes, place)
}

/** The secret in its slots, as a new version; those before stay, enabled. */
export async function write(project: Project, place: PlaceRef, secret: Secret): Promise<PlaceRef> {
  mustBeApproved(project, place)
  const valueOf = partsOf(secret, place)
  const latest = await accessLatest(project, place.path)
  const { content, slots } = rewritten(place, latest.version, latest.bytes, valueOf)
  const version = content ? await addVersion(project, place, content, latest.version) : latest.version
  return { ...place, version, slots }
}

/**
 * Takes it out of the secret, and destroys the version that held it. A secret that holds nothing else goes, and one that is not there
 * is as it should be.
 */
export async function remove(project: Project, place: PlaceRef): Promise<void> {
  mustBeApproved(project, place)
  await orGone(takeOut(project, place))
}

async function takeOut(project: Project, place: PlaceRef): Promise<void> {
  const { version, bytes } = await accessLatest(project, place.path)
  const { content } = rewritten(place, version, bytes, withoutValue)
  const secret = `v1/projects/${project.instance}/secrets/${place.path}`
  if (content?.length === 0) {
    await project.change('deleting a secret', 'DELETE', 'secretmanager', secret)
    return
  }
  if (content) await addVersion(project, place, content, version)
  const held = `${secret}/versions/${numberOf(place.version ?? '')}:destroy`
  await orGone(project.change('destroying a version of a secret', 'POST', 'secretmanager', held, {}))
}

/** There is no compare-and-swap: what was overtaken is at least not passed over. */
async function addVersion(
  project: Project,
  place: PlaceRef,
  content: Uint8Array,
  before: string,
): Promise<string> {
  const path = `v1/projects/${project.instance}/secrets/${place.path}:addVersion`
  const body = { payload: { data: Buffer.from(content).toString('base64') } }
  const made = added.parse(await project.change('writing a secret', 'POST', 'secretmanager', path, body))
  if (numberOf(made.name) !== numberOf(before) + 1) throw changedPlace(place)
  return made.name
}

function mustBeApproved(project: Project, place: PlaceRef): void {
  mustBeHere(project, place.in, 'secret')
  if (!isApproved(project, place.path))
    throw new FirebreakError(
      'DENIED',
      `${place.path} is not approved for writing`,
      'Add it to the connection’s "approved" names, or change it by hand.',
    )
}

export function isApproved({ config }: Pick<Project, 'config'>, name: string): boolean {
  return config.approved.some(pattern => namePattern(pattern).test(name))
}

function numberOf(version: string): number {
  return Number(version.slice(version.lastIndexOf('/') + 1))
}
