import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Connection, Connector } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { gitDiscovery } from './discovery.ts'
import { documentsAt, gitDocuments, objectBytes } from './documents.ts'
import { readRefs, type Refs } from './git-directory.ts'
import { GitFailure } from './git-failure.ts'
import { endHistoryAt, type Limits, limitHistory, NO_LIMITS, oldestRoot } from './history.ts'
import { readPlace } from './read-place.ts'
import { listObjects, openRepository, type Repository } from './repository.ts'
import type { GitSource } from './survey.ts'

const config = z.strictObject({
  path: z.string().min(1).describe('path of a checkout, a worktree or a bare repository on this machine'),
  name: z.string().min(1).optional().describe('another name for the repository'),
})

export type GitConfig = z.infer<typeof config>

/** A git repository on disk: every object of it, reachable or not, read through a git that runs nothing of it. */
export const git: Connector<GitConfig> = {
  system: 'git',
  summary: 'A git repository on disk: whole history, every branch, tag and stash, and what no ref reaches',
  config,
  async open({ path, name }: GitConfig, io: Io): Promise<Connection> {
    const repository = await openRepository(path, io.signal)
    try {
      return await connect(repository, name, io)
    } catch (error) {
      await repository.close()
      throw error
    }
  },
}

async function connect(repository: Repository, name: string | undefined, io: Io): Promise<Connection> {
  const refs = await readRefs(repository)
  const { root, limits } = await rootOf(repository, refs)
  const instance = repositoryInstance(root, repository.path)
  const source: GitSource = {
    repository,
    in: repositoryRef(instance),
    name,
    limits,
    io,
    survey: undefined,
    unread: new Map(),
    readFiles: new Map(),
  }
  return {
    instance,
    settleSeconds: 0,
    close: () => repository.close(),
    documents: since => told(repository, gitDocuments(source, since)),
    discover: () => told(repository, gitDiscovery(source)),
    documentsAt: places => told(repository, documentsAt(source, places)),
    read: place => readPlace(place, id => objectBytes(source, id)),
  }
}

/**
 * The root by which the repository is told, and where history had to be cut to find it. A root that cannot be found although
 * refs name commits is looked for once more behind what is damaged; that lists the objects, which raises where they
 * cannot be read at all: such a repository must not be taken for another one.
 */
async function rootOf(
  repository: Repository,
  refs: Refs,
): Promise<{ root: string | undefined; limits: Limits }> {
  const find = () =>
    oldestRoot(repository, refs).catch(error => {
      if (error instanceof GitFailure) return undefined
      throw error
    })
  await endHistoryAt(repository, refs, [])
  const root = await find()
  if (root !== undefined || refs.all.size === 0) return { root, limits: NO_LIMITS }
  const limits = await limitHistory(repository, refs, listedCommits(repository))
  return { root: await find(), limits }
}

async function* listedCommits(repository: Repository): AsyncGenerator<string[], void> {
  for await (const objects of listObjects(repository))
    yield objects
      .filter(({ type }) => type === 'commit')
      .map(({ line }) => line.toString('latin1', 0, line.indexOf(32)))
}

/** What git could not do where nothing was foreseen, as a failure of the repository, which it is. */
async function* told<T>(repository: Repository, all: AsyncIterable<T>): AsyncGenerator<T, void> {
  try {
    yield* all
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error
    throw new FirebreakError(
      'UNREACHABLE',
      `${repository.path} cannot be read (${error.message})`,
      `Run "git fsck --full" in a copy of it, and restore the damaged files from a clone or a backup.`,
    )
  }
}

/**
 * Git has no instance id. The oldest root commit is the same in every clone and stays when branches come and go;
 * a repository without commits is told by its path, and gets another instance with its first commit.
 */
export function repositoryInstance(root: string | undefined, path: string): string {
  return createHash('sha256')
    .update(root ? `root ${root}` : `path ${path}`)
    .digest('hex')
    .slice(0, 32)
}

export function repositoryRef(instance: string): Ref {
  return { system: 'git', instance, kind: 'repository', id: instance }
}
