import type { Reader } from '../reader.ts'

/**
 * Descriptors of Backstage's catalog: services with their owners, the systems that they are parts of, what they depend on, and the
 * teams and people that the catalog knows. https://backstage.io/docs/features/software-catalog/descriptor-format/
 */
export const backstageReader: Reader = {
  format: 'backstage',
  reads({ path, format }, head) {
    if (format !== undefined) return format === 'backstage'
    if (!/\.ya?ml$/i.test(path)) return false
    const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
    return /(?:^|\n)[ \t]*["']?apiVersion["']?[ \t]*:[ \t]*["']?backstage\.io\//.test(text)
  },
  async *read(document, bytes) {
    const { readCatalog } = await import('./read-catalog.ts')
    yield* readCatalog(document, bytes)
  },
}
