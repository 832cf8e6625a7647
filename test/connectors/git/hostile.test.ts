import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { git } from '../../../src/connectors/git/connector.ts'
import { findGitDirectory, headCommit, readRefs } from '../../../src/connectors/git/git-directory.ts'
import { pathText } from '../../../src/core/contract/path-text.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { documentsOf, observationsOf } from './reading.ts'
import { commit, gitIn, newRepository } from './repository-builder.ts'

let repository: string
let markers: string
const MKFIFO = 'mkfifo' // part of every Unix; Node has no call for it
const environment = { ...process.env }

beforeEach(() => {
  repository = newRepository()
  markers = mkdtempSync(join(tmpdir(), 'firebreak-git-markers-'))
})

afterEach(() => {
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name]
  Object.assign(process.env, environment)
  rmSync(repository, { recursive: true, force: true })
  rmSync(markers, { recursive: true, force: true })
})

/** A command that leaves a marker when it runs. */
function trap(name: string): string {
  const script = join(markers, `${name}.sh`)
  writeFileSync(script, `#!/bin/sh\ntouch '${join(markers, `${name}.ran`)}'\n`)
  chmodSync(script, 0o755)
  return script
}

function sprung(): string[] {
  return readdirSync(markers).filter(name => !name.endsWith('.sh'))
}

/** Every way known to us in which a repository names a command. Gives the id of a blob that only a fetch could bring. */
function setTraps(): string {
  commit(repository, { 'app.env': 'KEY=one\n', '.gitattributes': '* diff=evil filter=evil merge=evil\n' })
  commit(repository, { 'app.env': 'KEY=two\n', gone: 'left at the remote' }, { message: 'second' })
  const gone = gitIn(repository, ['rev-parse', 'HEAD:gone'])
  unlinkSync(join(repository, '.git/objects', gone.slice(0, 2), gone.slice(2)))

  const included = join(markers, 'included.sh') // named like a trap, so that it is no marker
  writeFileSync(
    included,
    `[core]\n\tpager = ${trap('included-pager')}\n\tfsmonitor = ${trap('included-fsmonitor')}\n`,
  )
  appendFileSync(
    join(repository, '.git/config'),
    `[core]
\tfsmonitor = ${trap('fsmonitor')}
\thooksPath = ${repository}/evil-hooks
\tsshCommand = ${trap('ssh')}
\tpager = ${trap('pager')}
\teditor = ${trap('editor')}
\taskPass = ${trap('askpass')}
\tgitProxy = ${trap('proxy')}
\talternateRefsCommand = ${trap('alternate-refs')}
\tattributesFile = ${repository}/.gitattributes
[diff]
\texternal = ${trap('diff-external')}
[diff "evil"]
\tcommand = ${trap('diff-command')}
\ttextconv = ${trap('textconv')}
[filter "evil"]
\tclean = ${trap('clean')}
\tsmudge = ${trap('smudge')}
\tprocess = ${trap('process')}
[merge "evil"]
\tdriver = ${trap('merge-driver')}
[alias]
\tcat-file = !${trap('alias-cat-file')}
\trev-list = !${trap('alias-rev-list')}
[pager]
\tdiff-tree = ${trap('pager-diff-tree')}
\tcat-file = ${trap('pager-cat-file')}
[gpg]
\tprogram = ${trap('gpg')}
[log]
\tshowSignature = true
[credential]
\thelper = ${trap('credential')}
[uploadpack]
\tpackObjectsHook = ${trap('pack-objects')}
[include]
\tpath = ${included}
[extensions]
\tpartialClone = origin
[remote "origin"]
\turl = ext::${trap('lazy-fetch')} %S
\tpromisor = true
\tpartialclonefilter = blob:none
\tuploadpack = ${trap('uploadpack')}
[protocol "ext"]
\tallow = always
`,
  )
  for (const folder of ['.git/hooks', 'evil-hooks']) {
    mkdirSync(join(repository, folder), { recursive: true })
    for (const hook of [
      'post-index-change',
      'reference-transaction',
      'post-checkout',
      'fsmonitor-watchman',
      'pre-auto-gc',
    ]) {
      writeFileSync(join(repository, folder, hook), `#!/bin/sh\ntouch '${markers}/hook-${hook}.ran'\n`)
      chmodSync(join(repository, folder, hook), 0o755)
    }
  }
  mkdirSync(join(repository, '.git/info'), { recursive: true })
  writeFileSync(join(repository, '.git/info/attributes'), '* diff=evil filter=evil\n')
  return gone
}

/** All names, contents and times below. */
function snapshot(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
    .map(path => {
      const found = lstatSync(path)
      return `${path} ${found.mode} ${found.mtimeMs} ${found.isFile() ? readFileSync(path, 'base64') : ''}`
    })
}

test('the traps spring for an ordinary git', () => {
  const gone = setTraps()
  const plain = (...args: string[]) => {
    try {
      execFileSync('git', args, { cwd: repository, stdio: 'ignore', timeout: 120_000 })
    } catch {
      // Most commands fail once the trap has run instead of what they asked for.
    }
  }
  plain('status')
  plain('log', '-p', '--ext-diff')
  plain('diff', 'HEAD~1')
  plain('cat-file', '-p', gone)
  expect(sprung()).toEqual(
    expect.arrayContaining(
      ['fsmonitor.ran', 'lazy-fetch.ran'].map(name => expect.stringContaining(name) as string),
    ),
  )
})

test('none springs for us, nothing is written, and everything that is there is found', async () => {
  setTraps()
  // The caller's environment is no better than the repository.
  Object.assign(process.env, {
    GIT_DIR: '/nonexistent',
    GIT_EXTERNAL_DIFF: trap('env-diff'),
    GIT_SSH_COMMAND: trap('env-ssh'),
    GIT_PAGER: trap('env-pager'),
    GIT_ASKPASS: trap('env-askpass'),
    GIT_PROXY_COMMAND: trap('env-proxy'),
    GIT_EXEC_PATH: markers,
    GIT_TRACE: join(markers, 'trace.ran'),
    GIT_TRACE2_EVENT: join(markers, 'trace2.ran'),
    GIT_ALTERNATE_OBJECT_DIRECTORIES: '/nonexistent',
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'core.fsmonitor',
    GIT_CONFIG_VALUE_0: trap('env-fsmonitor'),
    GIT_CONFIG_PARAMETERS: `'core.pager=${trap('env-parameter')}'`,
  })
  trap('cat-file')
  writeFileSync(join(markers, 'git-cat-file.sh'), '')
  const before = snapshot(repository)
  const connection = await git.open({ path: repository }, realIo())
  const documents = await documentsOf(connection)
  const again = await documentsOf(connection, documents[0]!.cursor)
  const observations = await observationsOf(connection)
  await connection.close()

  expect(sprung()).toEqual([])
  expect(snapshot(repository)).toEqual(before)
  for (const list of [documents, again]) {
    const texts = list.map(({ text }) => text)
    expect(texts).toEqual(expect.arrayContaining(['KEY=one\n', 'KEY=two\n', 'second\n']))
  }
  const places = observations.flatMap(o => (o.see === 'occurrence' ? [o.path] : []))
  expect(places.filter(path => path === 'app.env')).toHaveLength(2)
  expect(observations).toContainEqual(
    expect.objectContaining({ see: 'covered', complete: false, why: expect.stringContaining('partial') }),
  )
})

test('named pipes and symbolic links in the git directory neither hang nor lead out', async () => {
  commit(repository, { a: 'a' })
  const secret = join(markers, 'outside.sh')
  writeFileSync(secret, 'outside the repository')
  symlinkSync(secret, join(repository, '.git/info/linked'))
  execFileSync(MKFIFO, [join(repository, '.git/info/pipe'), join(repository, '.git/packed-refs')])
  unlinkSync(join(repository, '.git/config'))
  execFileSync(MKFIFO, [join(repository, '.git/config')])
  const connection = await git.open({ path: repository }, realIo())
  const texts = (await documentsOf(connection)).map(({ text }) => text)
  await connection.close()
  expect(texts).toContain('a')
  expect(texts.join('')).not.toContain('outside the repository')
})

test('paths that look like options, and names with every odd byte', async () => {
  const odd = [
    '--upload-pack=x',
    '-rf',
    'tab\there',
    'new\nline',
    '"quoted"',
    'ümlaut',
    '\x02mark',
    ':100644',
  ]
  commit(repository, Object.fromEntries(odd.map((name, index) => [name, `content ${index}`])))
  const blob = gitIn(repository, ['hash-object', '-w', '--stdin'], { input: 'latin1 name' })
  const tree = Buffer.concat([Buffer.from('100644 caf\xe9\0', 'latin1'), Buffer.from(blob, 'hex')])
  const treeId = gitIn(repository, ['hash-object', '-t', 'tree', '-w', '--stdin', '--literally'], {
    input: tree,
  })
  gitIn(repository, ['update-ref', 'refs/heads/odd', gitIn(repository, ['commit-tree', treeId, '-m', 'odd'])])

  const connection = await git.open({ path: repository }, realIo())
  const documents = await documentsOf(connection)
  const places = (await observationsOf(connection)).flatMap(o => (o.see === 'occurrence' ? [o.path] : []))
  await connection.close()
  for (const [index, name] of odd.entries()) {
    expect(documents.find(({ text }) => text === `content ${index}`)?.path).toBe(pathText(Buffer.from(name)))
  }
  expect(documents.find(({ text }) => text === 'latin1 name')?.path).toBe('caf\\xE9')
  expect(places).toEqual(
    expect.arrayContaining([...odd.map(name => pathText(Buffer.from(name))), 'caf\\xE9']),
  )
})

test('a git command beside the repository is not the one that runs', async () => {
  commit(repository, { a: 'a' })
  writeFileSync(join(repository, 'git'), `#!/bin/sh\ntouch '${markers}/fake.ran'\n`)
  chmodSync(join(repository, 'git'), 0o755)
  const directory = process.cwd()
  process.env['PATH'] = `.::${environment['PATH']}`
  process.chdir(repository)
  try {
    const connection = await git.open({ path: '.' }, realIo())
    expect((await documentsOf(connection)).map(({ text }) => text)).toContain('a')
    await connection.close()
  } finally {
    process.chdir(directory)
  }
  expect(existsSync(join(markers, 'fake.ran'))).toBe(false)
})

test('a name of sixteen MiB is a failure of the repository, and none of ours', async () => {
  commit(repository, { 'a.txt': 'a\n' })
  const blob = Buffer.from(gitIn(repository, ['rev-parse', 'HEAD:a.txt']), 'hex')
  const name = Buffer.alloc(17 * 1024 * 1024, 'x')
  const tree = gitIn(repository, ['hash-object', '-t', 'tree', '--literally', '-w', '--stdin'], {
    input: Buffer.concat([Buffer.from('100644 '), name, Buffer.from([0]), blob]),
  })
  const id = gitIn(repository, ['commit-tree', tree, '-p', 'HEAD', '-m', 'long'])
  gitIn(repository, ['update-ref', 'refs/heads/main', id])
  const connection = await git.open({ path: repository }, realIo())
  await expect(observationsOf(connection)).rejects.toMatchObject({ code: 'UNREACHABLE' })
  await connection.close()
})

test('branches whose names are no UTF-8 are each one of their own, whether they are packed or not', async () => {
  const ids = ['one', 'two', 'three', 'four'].map(message => commit(repository, {}, { message }))
  const bytes = (text: string) => Buffer.from(text, 'latin1')
  const heads = bytes(`${repository}/.git/refs/heads/`)
  for (const [name, id] of [
    ['\xe1', ids[0]],
    ['\xe0', ids[1]],
  ] as const)
    writeFileSync(Buffer.concat([heads, bytes(name)]), `${id}\n`)
  const packed = [`${ids[2]} refs/heads/b\xe0`, `${ids[3]} refs/heads/b\xe1`]
  writeFileSync(join(repository, '.git/packed-refs'), bytes(`${packed.join('\n')}\n`))
  unlinkSync(join(repository, '.git/refs/heads/main'))
  const refs = await readRefs(await findGitDirectory(repository))
  expect([...refs.all.values()].sort()).toEqual([...ids].sort())
  expect(refs.problems).toEqual([])
  expect(headCommit(bytes('ref: refs/heads/b\xe0\n'), refs)).toBe(ids[2])
  expect(headCommit(bytes('ref: refs/heads/\xe1'), refs)).toBe(ids[0])
})
