import { headText } from '../head-text.ts'
import type { Reader } from '../reader.ts'

/**
 * Azure Pipelines, and their templates. Each job is a workload: which service connections and variable groups it has, and by
 * which weakness someone outside runs code as it. https://learn.microsoft.com/en-us/azure/devops/pipelines/yaml-schema/
 */
export const azurePipelinesReader: Reader = {
  format: 'azure-pipelines',
  reads({ path, format }, head) {
    if (format !== undefined) return format === 'azure-pipelines'
    if (!/\.ya?ml$/i.test(path)) return false
    const text = headText(head)
    if (!/^(?:steps|jobs|stages|extends|resources|trigger|pr|pool|variables|parameters)\s*:/m.test(text))
      return false
    if (/^(?:on|kind|apiVersion|version|image|orbs)\s*:|^\s+runs-on\s*:/m.test(text)) return false
    if (/(?:^|\/)(?:[^/]*azure[-_]?pipelines?[^/]*\.ya?ml|\.?azure-?(?:pipelines|devops)\/.*)$/i.test(path))
      return true
    return /^\s*-?\s*(?:task\s*:\s*["']?[\w.-]+@\d|vmImage\s*:|checkout\s*:\s*(?:self|none)\b|azureSubscription\s*:)/m.test(
      text,
    )
  },
  async *read(document, bytes) {
    const { readAzurePipelines } = await import('./read-azure-pipelines.ts')
    yield* readAzurePipelines(document, bytes)
  },
}
