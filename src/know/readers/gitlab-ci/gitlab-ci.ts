import { headText } from '../head-text.ts'
import type { Reader } from '../reader.ts'

/**
 * Pipelines of GitLab CI, and the files that they include. Each job is a workload: what starts it, which variables, vault
 * secrets and cloud roles it has, and by which weakness someone outside runs code as it.
 * https://docs.gitlab.com/ci/yaml/
 */
export const gitlabCiReader: Reader = {
  format: 'gitlab-ci',
  reads({ path, format }, head) {
    if (format !== undefined) return format === 'gitlab-ci'
    if (!/\.ya?ml$/i.test(path)) return false
    if (/(?:^|[/.-])gitlab-ci\.ya?ml$/i.test(path)) return true
    // What is included lies where its project likes: it has a job, and nothing of another system's.
    const text = headText(head)
    const [, indent] = /^([ \t]+)(?:script|trigger|extends|artifacts|before_script)\s*:/m.exec(text) ?? []
    if (
      indent === undefined ||
      /^(?:jobs|on|steps|pool|kind|apiVersion|version|language|services|tasks|script|pipelines)\s*:/m.test(
        text,
      )
    )
      return false
    if (/(?:^|\/)(?:\.?gitlab(?:-ci)?|ci|templates|pipelines?|jobs)\//i.test(path)) return true
    // Elsewhere it says more that only a job of GitLab's has.
    return new RegExp(`^${indent}(?:stage|rules|only|needs|id_tokens|extends)\\s*:`, 'm').test(text)
  },
  async *read(document, bytes) {
    const { readGitlabCi } = await import('./read-gitlab-ci.ts')
    yield* readGitlabCi(document, bytes)
  },
}
