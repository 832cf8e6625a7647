import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FirebreakError } from '../../core/contract/errors.ts'
import { findGitDirectory, type GitDirectory, readSmall } from './git-directory.ts'
import { GitFailure } from './git-failure.ts'
import { type GitHome, gitRecords, runGit } from './git-process.ts'

export interface GitObject {
  /** Begins with its id. */
  readonly line: Buffer
  readonly type: 'blob' | 'tree' | 'commit' | 'tag'
}

/** A repository opened for reading, through an empty repository of our own that borrows its objects. */
export interface Repository extends GitDirectory {
  readonly home: GitHome
  readonly hashName: 'sha1' | 'sha256'
  /** The settings of the repository's own file, lower-cased names, includes not followed. Never handed to git. */
  readonly settings: ReadonlyMap<string, readonly string[]>
  close(): Promise<void>
}

export async function openRepository(path: string, signal: AbortSignal): Promise<Repository> {
  const directory = await findGitDirectory(path)
  const shadow = await mkdtemp(join(tmpdir(), 'firebreak-git-'))
  const close = () => rm(shadow, { recursive: true, force: true })
  try {
    const home = { shadow, objects: directory.objects, signal }
    await Promise.all([mkdir(join(shadow, 'refs')), mkdir(join(shadow, 'objects'))])
    await writeFile(join(shadow, 'HEAD'), 'ref: refs/heads/none\n')
    await writeFile(join(shadow, 'config'), shadowConfig('sha1'))
    const settings = await readSettings(home, join(directory.common, 'config'))
    const hashName = settings.get('extensions.objectformat')?.at(-1) === 'sha256' ? 'sha256' : 'sha1'
    await writeFile(join(shadow, 'config'), shadowConfig(hashName))
    return { ...directory, home, hashName, settings, close }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * All that git is told. The indexes beside the objects (commit-graph, multi-pack-index) are not used: they could
 * hide objects. Attributes, filters and textconv have no work tree to apply to.
 */
function shadowConfig(hashName: string): string {
  return `[core]
\trepositoryformatversion = ${hashName === 'sha1' ? 0 : 1}
\tbare = true
\tfsmonitor = false
\thooksPath = /dev/null
\tattributesFile = /dev/null
\tcommitGraph = false
\tmultiPackIndex = false
\tbigFileThreshold = 16m
\tdeltaBaseCacheLimit = 96m
[protocol]
\tallow = never
[gc]
\tauto = 0
[safe]
\tdirectory = *
${hashName === 'sha1' ? '' : `[extensions]\n\tobjectFormat = ${hashName}\n`}`
}

async function readSettings(home: GitHome, file: string): Promise<Map<string, string[]>> {
  const settings = new Map<string, string[]>()
  const text = await readSmall(file)
  if (text === undefined) return settings
  const parsed = await runGit(home, ['config', '--file', '-', '--no-includes', '--null', '--list'], text)
  if (!parsed.ok) return settings
  for (const record of parsed.text.split('\0')) {
    const end = record.indexOf('\n')
    const [name, value] = end < 0 ? [record, 'true'] : [record.slice(0, end), record.slice(end + 1)]
    settings.set(name, [...(settings.get(name) ?? []), value])
  }
  return settings
}

/** Every object there is, reachable or not, in the order in which they are cheapest to read. */
export async function* listObjects(
  repository: Repository,
  problem: (what: string) => void = () => {},
): AsyncGenerator<GitObject[], void> {
  const args = ['cat-file', '--batch-all-objects', `--batch-check=%(objectname) %(objecttype)`, '--unordered']
  try {
    for await (const lines of gitRecords(repository.home, args, { delimiter: 10, complaint: problem })) {
      const objects: GitObject[] = []
      for (const line of lines) {
        const space = line.indexOf(32)
        const type = line.toString('latin1', space + 1)
        if (type === 'blob' || type === 'tree' || type === 'commit' || type === 'tag')
          objects.push({ line, type })
        else problem(`the object ${line.toString('latin1', 0, space < 0 ? line.length : space)} is damaged`)
      }
      yield objects
    }
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error
    throw new FirebreakError(
      'UNREACHABLE',
      `the objects of ${repository.path} cannot be listed (${error.message})`,
      `Run "git fsck --full" in a copy of it, and restore the damaged files from a clone or a backup.`,
    )
  }
}
