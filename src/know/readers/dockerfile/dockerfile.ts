import type { Reader } from '../reader.ts'

/**
 * What images are built from: Dockerfiles and Containerfiles. Each stage is a workload: what it is based on, what it is given, what
 * stays in its layers. https://docs.docker.com/reference/dockerfile/
 */
export const dockerfileReader: Reader = {
  format: 'dockerfile',
  reads({ path, format }, head) {
    if (format !== undefined) return format === 'dockerfile'
    if (
      !/(?:^|\/)(?:[\w.-]+\.)?(?:Docker|Container)file(?:\.[\w.-]+)?$|\.(?:docker|container)file$/i.test(path)
    )
      return false
    // `Dockerfile.md` is about one.
    return !/\.(?:md|txt|html?|json|ya?ml)$/i.test(path) && head.length > 0
  },
  async *read(document, bytes) {
    const { readDockerfile } = await import('./read-dockerfile.ts')
    yield* readDockerfile(document, bytes)
  },
}
