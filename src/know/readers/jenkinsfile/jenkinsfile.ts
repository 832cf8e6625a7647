import { headText } from '../head-text.ts'
import type { Reader } from '../reader.ts'

/**
 * Pipelines of Jenkins, declarative or scripted, and shared libraries' steps. Each stage is a workload: which credentials it has,
 * where it runs, and by which weakness someone outside runs code as it. https://www.jenkins.io/doc/book/pipeline/syntax/
 */
export const jenkinsfileReader: Reader = {
  format: 'jenkinsfile',
  reads({ path, format }, head) {
    if (format !== undefined) return format === 'jenkinsfile'
    if (/(?:^|\/)[\w.-]*Jenkinsfile[\w.-]*$/i.test(path))
      return !/\.(?:md|txt|html?|json|ya?ml|py|rb|js|ts)$/i.test(path)
    if (!/\.(?:groovy|jenkins)$/i.test(path)) return false
    if (/(?:^|\/)vars\/[^/]+$/i.test(path)) return true
    const text = headText(head)
    return /^\s*(?:pipeline|node|podTemplate)\s*(?:\(.*\)\s*)?\{/m.test(text)
  },
  async *read(document, bytes) {
    const { readJenkinsfile } = await import('./read-jenkinsfile.ts')
    yield* readJenkinsfile(document, bytes)
  },
}
