/** By our own id, where no system has given one: no system is known to list the credential, and texts alone tell of it. */
const PREFIX = 'fp:'

/** For `like`, of an entity's `native`. */
export const ONLY_TOLD = `${PREFIX}%`

export function onlyTold(id: string): string {
  return PREFIX + id
}

export function isOnlyTold(native: string): boolean {
  return native.startsWith(PREFIX)
}
