/** Epoch milliseconds, UTC. The store keeps time so; the edge prints ISO 8601. */
export type Ms = number

export const DAY_MS: Ms = 86_400_000

/** Opaque position in a source, made and read only by the connector that gave it. */
export type Cursor = string

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** What stood before a change. Never holds a secret: it is written to the journal. */
export type State = Json

/**
 * What a thing is called for ever: `system` is the connector's name, `instance` the system's own id
 * (PostgreSQL `system_identifier`, an AWS account id), `id` the immutable key within it (a role's oid).
 * A text can only speak of an instance by endpoint: then `instance` is `?host:port` and `id` is `?name`,
 * provisional until a connection declares that endpoint.
 */
export interface Ref {
  readonly system: string
  readonly instance: string
  readonly kind: string
  readonly id: string
}

/** A credential; an OAuth grant is one too (kind `grant`). `identity` is whom it authenticates as. */
export interface CredentialRef extends Ref {
  readonly identity?: Ref
}

/**
 * Where within a document one part of a credential stands.
 * `at` is a byte range `start-end` (end exclusive) or a JSON pointer (`/data/password`); empty where only the line is told.
 * `encodings` lists how the part is written there, outermost first; slot.ts gives the notation and undoes it.
 * `line` counts from 1.
 */
export interface Slot {
  readonly part: 'id' | 'key-id' | 'value' | 'certificate' | 'list'
  readonly at: string
  readonly encodings: readonly string[]
  readonly line?: number
}

/**
 * A place where a credential stands or may be put. `in` is the container (a repository, a directory tree),
 * `version` the content that the slots were computed on: a git blob id, or `sha256:<hex>` of a file.
 * `member` is the path within the document where that is an archive, an image or a database; what lies in an archive
 * within it follows after `!/`. The slots are then those of the member's content, and the place cannot be written.
 */
export interface PlaceRef {
  readonly in: Ref
  readonly path: string
  readonly member?: string
  readonly version?: string
  readonly slots: readonly Slot[]
}

export type Certainty = 'proven' | 'conditional' | 'potential'

/** A reference as people type and read it: `postgres:7412…/role/16385`. */
export function formatRef(ref: Ref): string {
  return `${ref.system}:${ref.instance}/${ref.kind}/${ref.id}`
}

/** A place's path as people read it: `backup.zip!/conf/app.env`. */
export function pathOf(place: Pick<PlaceRef, 'path' | 'member'>): string {
  return place.member === undefined ? place.path : `${place.path}!/${place.member}`
}

export function sameRef(a: Ref, b: Ref): boolean {
  return a.system === b.system && a.instance === b.instance && a.kind === b.kind && a.id === b.id
}

/** True where a text named the instance by its endpoint and no connection has declared that endpoint yet. */
export function isProvisional(ref: Ref): boolean {
  return ref.instance.startsWith('?')
}
