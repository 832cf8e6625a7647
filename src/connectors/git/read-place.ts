import { FirebreakError } from '../../core/contract/errors.ts'
import type { PlaceRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { refuseMember, secretIn } from '../../core/contract/slot.ts'

/** A secret can stand in a log or a dump; one in a larger object than this is not read again. */
export const MOST_BYTES = 64 * 1024 * 1024

/** The secret at a place of a document, found again by its id: what is in a history stays as it was. */
export async function readPlace(
  place: PlaceRef,
  documentBytes: (id: string) => Promise<AsyncIterable<Uint8Array> | undefined>,
): Promise<Secret> {
  refuseMember(place)
  const bytes = place.version === undefined ? undefined : await documentBytes(place.version)
  if (!bytes)
    throw new FirebreakError(
      'NOT_FOUND',
      `${place.path}: its object ${place.version ?? ''} is no longer in the repository`,
      'Scan it again.',
    )
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    chunks.push(chunk)
    size += chunk.length
    if (size > MOST_BYTES)
      throw new FirebreakError(
        'UNSUPPORTED',
        `${place.path} is too large to be read again`,
        'Give the secret itself.',
      )
  }
  return secretIn(Buffer.concat(chunks), place)
}
