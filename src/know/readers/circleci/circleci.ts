import { headText } from '../head-text.ts'
import type { Reader } from '../reader.ts'

/**
 * Configurations of CircleCI. Each job is a workload: which contexts and variables it has, which cloud role it becomes, and by
 * which weakness someone outside runs code as it. https://circleci.com/docs/reference/configuration-reference/
 */
export const circleciReader: Reader = {
  format: 'circleci',
  reads({ path, format }, head) {
    if (format !== undefined) return format === 'circleci'
    if (!/\.ya?ml$/i.test(path)) return false
    if (/(?:^|\/)\.circleci\/[^/]+$/i.test(path)) return true
    const text = headText(head)
    return (
      /^version\s*:\s*["']?2(?:\.\d)?["']?\s*$/m.test(text) &&
      /^(?:jobs|orbs|workflows|commands)\s*:/m.test(text)
    )
  },
  async *read(document, bytes) {
    const { readCircleci } = await import('./read-circleci.ts')
    yield* readCircleci(document, bytes)
  },
}
