import { getCompileCacheDir } from 'node:module'
import { dirname, extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The file of a thread's program, beside the running one, by the `import.meta.url` of that: source under Node's type stripping,
 * JavaScript when built.
 */
export function programBeside(url: string, name: string): string {
  return fileURLToPath(new URL(`./${name}${extname(fileURLToPath(url))}`, url))
}

/**
 * The environment of a thread. What it needs to know comes as its data; our own environment may hold credentials. Compiling its
 * program anew would take it a third of a second.
 */
export function threadEnvironment(): Record<string, string> {
  // It names a folder for this version of Node in there.
  const kept = getCompileCacheDir()
  return kept === undefined ? {} : { NODE_COMPILE_CACHE: dirname(kept) }
}
