import { hash } from 'node:crypto'
import { agentOf } from './agent-settings/agent.ts'
import { isOfOpenSsh } from './ssh/form.ts'
import { isServerSettings } from './tls-trust/tls-trust.ts'
import { ANCHORS } from './x509/x509.ts'

/** Pipelines, images, services and owners: most are YAML of any name, since what is included lies where its project likes. */
const NAMES = [
  String.raw`[^/]+\.(?:ya?ml|tf|tofu|groovy|jenkins|pub)`,
  String.raw`[^/]*Jenkinsfile[^/]*`,
  String.raw`(?:[^/]+\.)?(?:Docker|Container)file(?:\.[^/]+)?`,
  String.raw`CODEOWNERS`,
]
const NAMED = new RegExp(`(?:^|/)(?:${NAMES.join('|')})$`, 'i')
/** A path is asked about at its listing, its reading and its folding, and there are millions: so many answers are kept. */
const KEPT = 4096
const kept = new Map<string, boolean>()
/** A database has a bound for what it finds by: a longer path is told by its digest. */
const LONGEST_PATH = 256

/**
 * Whether a file there is what it is by its place: the same text in two folders declares two jobs, two images, two sets of owners. What is
 * the same wherever it lies, an account's export or a secret, is read once for all its places.
 */
export function isPathBound(path: string): boolean {
  let is = kept.get(path)
  if (is === undefined) {
    if (kept.size >= KEPT) kept.clear()
    kept.set(path, (is = isBound(path)))
  }
  return is
}

function isBound(path: string): boolean {
  return (
    NAMED.test(path) ||
    isOfOpenSsh(path) ||
    isServerSettings(path) ||
    ANCHORS.test(path) ||
    agentOf(path) !== undefined
  )
}

/** By which document what a file tells stands: by its content, and where it is bound to its place, by that as well. Copies have only the content's. */
export function toldBy({ document, path }: { readonly document: string; readonly path: string }): string {
  if (!isPathBound(path)) return document
  return `${document} ${path.length > LONGEST_PATH ? hash('sha256', path) : path}`
}
