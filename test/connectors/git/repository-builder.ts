import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MemoryCommit, MemoryRepository } from '../../../src/connectors/git/memory.ts'

const NAME = /^(.*) <(.*)>$/

/** Git as the tests use it: fixed dates and identity, and nothing of the machine's own settings. */
export function gitIn(
  path: string,
  args: readonly string[],
  options: { input?: string | Uint8Array; author?: string; at?: number } = {},
): string {
  const [, name, email] = NAME.exec(options.author ?? 'Test <test@example.org>')!
  const date = `${(options.at ?? 1_700_000_000_000) / 1000} +0000`
  return execFileSync('git', ['-c', 'gc.auto=0', '-c', 'protocol.file.allow=always', ...args], {
    cwd: path,
    input: options.input ?? '',
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: path,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
      GIT_COMMITTER_DATE: date,
    },
  })
    .toString('utf8')
    .trim()
}

export function newRepository(...args: string[]): string {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-git-test-'))
  gitIn(path, ['init', '--quiet', '--initial-branch=main', ...args, '.'])
  return path
}

/** Writes the files, stages them all, commits, and gives the commit's id. */
export function commit(
  path: string,
  files: Record<string, string | Uint8Array>,
  options: { message?: string; author?: string; at?: number } = {},
): string {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content)
  gitIn(path, ['add', '--all'])
  gitIn(path, ['commit', '--quiet', '--allow-empty', '-m', options.message ?? 'a commit'], options)
  return gitIn(path, ['rev-parse', 'HEAD'])
}

/** The same for many commits, one after the other, of a repository that has none yet: Git is asked once, not three times for each. */
export function commitAll(
  path: string,
  commits: readonly { readonly files: Readonly<Record<string, string>>; readonly message?: string }[],
): void {
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`
  const written = commits.map(({ files, message = 'a commit' }) =>
    [
      'commit refs/heads/main\ncommitter Test <test@example.org> 1700000000 +0000\n',
      data(message),
      ...Object.entries(files).map(([name, content]) => `M 100644 inline ${name}\n${data(content)}`),
    ].join(''),
  )
  // Loose, as those that were committed one by one.
  gitIn(path, ['-c', 'fastimport.unpackLimit=100000', 'fast-import', '--quiet'], { input: written.join('') })
  gitIn(path, ['reset', '--quiet', '--hard'])
}

/** Makes the repository on disk what its description says, on top of what is there already. */
export function build(repository: MemoryRepository): void {
  const { path, branches, tags = [], lost = [], blobs = [], staged = {} } = repository
  const made = new Map<MemoryCommit, string>()
  const make = (commit: MemoryCommit): string => {
    const known = made.get(commit)
    if (known) return known
    const parents = (commit.parents ?? []).flatMap(parent => ['-p', make(parent)])
    const { author, at, message } = commit
    const id = gitIn(path, ['commit-tree', treeOf(path, commit.files), ...parents], {
      author,
      at,
      input: message,
    })
    made.set(commit, id)
    return id
  }
  for (const [name, tip] of Object.entries(branches))
    gitIn(path, ['update-ref', `refs/heads/${name}`, make(tip)])
  for (const { of, name, author, at, message } of tags) {
    const text = `object ${make(of)}\ntype commit\ntag ${name}\ntagger ${author} ${at / 1000} +0000\n\n${message}`
    gitIn(path, ['update-ref', `refs/tags/${name}`, gitIn(path, ['mktag'], { input: text })])
  }
  for (const commit of lost) make(commit)
  for (const content of blobs) gitIn(path, ['hash-object', '-w', '--stdin'], { input: content })
  for (const [name, content] of Object.entries(staged)) {
    const blob = gitIn(path, ['hash-object', '-w', '--stdin'], { input: content })
    gitIn(path, ['update-index', '--add', '--cacheinfo', `100644,${blob},${name}`])
  }
}

/** A tree made of nested `mktree` calls, so that no index is needed. */
function treeOf(path: string, files: MemoryCommit['files']): string {
  const lines: string[] = []
  const folders = new Map<string, Record<string, string | Uint8Array>>()
  for (const [name, content] of Object.entries(files)) {
    const slash = name.indexOf('/')
    if (slash < 0) {
      lines.push(`100644 blob ${gitIn(path, ['hash-object', '-w', '--stdin'], { input: content })}\t${name}`)
    } else {
      const folder = name.slice(0, slash)
      folders.set(folder, { ...folders.get(folder), [name.slice(slash + 1)]: content })
    }
  }
  for (const [name, inside] of folders) lines.push(`040000 tree ${treeOf(path, inside)}\t${name}`)
  return gitIn(path, ['mktree'], { input: lines.map(line => `${line}\n`).join('') })
}
