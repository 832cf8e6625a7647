import { agentOf } from './agent-settings/agent.ts'

const NAMES = [
  String.raw`\.github/workflows/[^/]+\.ya?ml`,
  String.raw`action\.ya?ml`,
  String.raw`[^/]*gitlab-ci\.ya?ml`,
  String.raw`\.circleci/[^/]+\.ya?ml`,
  String.raw`[^/]*azure[-_]?pipelines?[^/]*\.ya?ml`,
  String.raw`(?:docker-)?compose(?:[._-][^/]+)?\.ya?ml`,
  String.raw`catalog-info\.ya?ml`,
  String.raw`[^/]*Jenkinsfile[^/]*`,
  String.raw`(?:[^/]+\.)?(?:Docker|Container)file(?:\.[^/]+)?`,
  String.raw`CODEOWNERS`,
  String.raw`[^/]+\.(?:tf|tofu)`,
]
const NAMED = new RegExp(`(?:^|/)(?:${NAMES.join('|')})$`, 'i')

/**
 * Whether a file there is what it is by its place: the same text in two folders declares two jobs, two images, two sets of owners. What is
 * the same wherever it lies, an account's export or a secret, is read once for all its places.
 */
export function isPathBound(path: string): boolean {
  return NAMED.test(path) || agentOf(path) !== undefined
}

/** By which document what a file tells stands: by its content, and where it is bound to its place, by that as well. Copies have only the content's. */
export function toldBy({ document, path }: { readonly document: string; readonly path: string }): string {
  return isPathBound(path) ? `${document} ${path}` : document
}
