import { headText } from '../head-text.ts'
import type { Reader } from '../reader.ts'

const YAML = /\.ya?ml$/i

/**
 * Workflows and composite actions of GitHub Actions. Each job is a workload: what starts it, which secrets it reads, which
 * cloud role it becomes, what its token may do, and by which weakness someone outside runs code as it.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
 */
export const githubWorkflowReader: Reader = {
  format: 'github-workflow',
  reads({ path, format }, head) {
    if (format !== undefined) return format === 'github-workflow'
    if (!YAML.test(path)) return false
    if (/(?:^|\/)(?:dependabot|\.pre-commit-config)\.ya?ml$/i.test(path)) return true
    const text = headText(head)
    if (/(?:^|\/)action\.ya?ml$/i.test(path)) return /^runs\s*:/m.test(text)
    if (!/^(?:on|"on"|'on'|true)\s*:/m.test(text)) return false
    return /(?:^|\/)\.github\/workflows\/[^/]+$/i.test(path) || /^jobs\s*:/m.test(text)
  },
  async *read(document, bytes) {
    // Most runs see no workflow, and what reads one is loaded by none of them.
    const { readWorkflow } = await import('./read-workflow.ts')
    yield* readWorkflow(document, bytes)
  },
}
