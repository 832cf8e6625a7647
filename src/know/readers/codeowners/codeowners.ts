import type { Reader } from '../reader.ts'

/**
 * Who owns code: CODEOWNERS as GitHub and GitLab read it. It becomes a policy on the repository, in the language `codeowners`, which
 * is asked for the owners of a path; of lines that say nothing there is a gap.
 * https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
 */
export const codeownersReader: Reader = {
  format: 'codeowners',
  reads({ path, format }) {
    return format === undefined ? /(?:^|\/)CODEOWNERS$/.test(path) : format === 'codeowners'
  },
  async *read(document, bytes) {
    const { readCodeOwners } = await import('./read-codeowners.ts')
    yield* readCodeOwners(document, bytes)
  },
}
