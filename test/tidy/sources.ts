import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Every file of the project that git tracks or would, relative to its root. Empty outside of a checkout. */
export function projectFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  return listed.split('\0').filter(path => path !== '' && existsSync(join(ROOT, path)))
}

export function readSource(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

export interface Import {
  /** A path from the root for the project's own files, a name for packages. */
  readonly to: string
  /** `type` imports are gone when the program runs; `dynamic` ones, and workers, load later. */
  readonly how: 'static' | 'type' | 'dynamic'
}

const STATIC =
  /^\s*(?:import|export)\s+(type\s+)?(?:[\w*$]+\s*,?\s*)?(?:\{[^}]*\}\s*|\*\s+as\s+\w+\s*)?(?:from\s+)?'([^'\n]+)'/gm
/** Workers are named with the extension of the file that starts them: `./worker${extname(own)}`. */
const WORKER = /[`'](?:\.\/)?((?:drill-)?worker)\$\{/g
const DYNAMIC = /import\(\s*'([^'\n]+)'\s*\)|new URL\(\s*'(\.{1,2}\/[^'\n]+\.(?:ts|js))'\s*,/g

/** What a TypeScript file imports, and the files that it starts as workers. */
export function importsOf(path: string): Import[] {
  const text = readSource(path)
  return [
    ...[...text.matchAll(STATIC)].map(
      match => ({ to: resolved(path, match[2]!), how: match[1] ? 'type' : 'static' }) as const,
    ),
    ...[...text.matchAll(DYNAMIC)].map(
      match => ({ to: resolved(path, match[1] ?? match[2]!), how: 'dynamic' }) as const,
    ),
    ...[...text.matchAll(WORKER)].map(
      match => ({ to: resolved(path, `./${match[1]!}.ts`), how: 'dynamic' }) as const,
    ),
  ]
}

function resolved(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  return relative(ROOT, normalize(join(ROOT, dirname(from), specifier)))
    .split(sep)
    .join('/')
}
