import { matchesGlob } from 'node:path'

/** `folder/**` names the folder itself, too, with hidden files in it. */
export function names(glob: string, path: string): boolean {
  return matchesGlob(path, glob) || (glob.endsWith('/**') && matchesGlob(path, glob.slice(0, -3)))
}

/** The folders that a path lies in, from the outermost on, and the path. */
export function withFolders(path: string): string[] {
  return path.split('/').map((_, depth, parts) => parts.slice(0, depth + 1).join('/'))
}
