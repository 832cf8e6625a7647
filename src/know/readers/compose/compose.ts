import { headText } from '../head-text.ts'
import type { Reader } from '../reader.ts'

/**
 * Compose files. Each service is a workload: its image, what it is given, and what of the host it has.
 * https://github.com/compose-spec/compose-spec/blob/main/spec.md
 */
export const composeReader: Reader = {
  format: 'compose',
  reads({ path, format }, head) {
    if (format !== undefined) return format === 'compose'
    if (!/\.ya?ml$/i.test(path)) return false
    const text = headText(head)
    if (!/^services\s*:/m.test(text))
      return (
        /(?:^|\/)(?:docker-)?compose(?:[._-][\w.-]+)?\.ya?ml$/i.test(path) &&
        /^(?:include|secrets|volumes|x-[\w-]+)\s*:/m.test(text)
      )
    return (
      /(?:^|\/)[\w.-]*compose[\w.-]*\.ya?ml$|(?:^|\/)(?:docker-)?stack[\w.-]*\.ya?ml$/i.test(path) ||
      (/^\s+(?:image|build)\s*:/m.test(text) && !/^(?:jobs|stages|apiVersion|kind|on|steps)\s*:/m.test(text))
    )
  },
  async *read(document, bytes) {
    const { readCompose } = await import('./read-compose.ts')
    yield* readCompose(document, bytes)
  },
}
