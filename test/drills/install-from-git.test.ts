import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ownDirectory } from '../know/estate.ts'
import { readSource } from '../tidy/sources.ts'

const run = promisify(execFile)

/** A repository of this package's name, made in a moment: what it builds tells how often it was built. */
async function repositoryToInstall() {
  const folder = await ownDirectory()
  const repository = join(folder, 'repository')
  const write = async (path: string, content: object | string) => {
    await mkdir(join(repository, path, '..'), { recursive: true })
    await writeFile(join(repository, path), typeof content === 'string' ? content : JSON.stringify(content))
  }
  // A tool of this name that comes without a network.
  await write('tool/package.json', { name: 'tsdown', version: '1.0.0', bin: { tsdown: 'tool.js' } })
  await write(
    'tool/tool.js',
    `#!/usr/bin/env node
     if (process.argv[2] === '--version') process.exit()
     const { appendFileSync, mkdirSync } = require('fs')
     mkdirSync('dist', { recursive: true })
     appendFileSync('dist/built.json', 'built ')
    `,
  )
  for (const path of ['prepare.js', 'bin/built.js', '.npmrc']) await write(path, readSource(path))
  for (const path of ['tsdown.config.ts', 'src/main.ts', 'rules/a.yaml']) await write(path, '')
  const { scripts } = JSON.parse(readSource('package.json')) as { scripts: Record<string, string> }
  await write('package.json', {
    name: 'built-here',
    version: '1.0.0',
    type: 'module',
    files: ['dist'],
    scripts: { prepare: scripts['prepare'], build: 'tsdown' },
    devDependencies: { tsdown: 'file:tool' },
  })
  await write('.gitignore', 'node_modules\ndist\n')
  // The tools of this repository are on the path, where it is npm that runs the tests.
  const path = process.env['PATH']!.split(delimiter).filter(folder => !folder.includes('node_modules'))
  const npm = { npm_config_cache: join(folder, 'cache'), npm_config_offline: 'true' }
  const env = { ...process.env, ...npm, PATH: path.join(delimiter) }
  const inside = { cwd: repository, env }
  await run('npm', ['install', '--package-lock-only', '--ignore-scripts'], inside)
  await run('git', ['init', '-q'], inside)
  await run('git', ['add', '.'], inside)
  await run('git', ['-c', 'user.name=A', '-c', 'user.email=a@b.c', 'commit', '-qm', 'x'], inside)
  const prefix = join(folder, 'installed')
  await mkdir(join(prefix, 'lib'), { recursive: true })
  const installed = () => readFile(join(prefix, 'lib/node_modules/built-here/dist/built.json'), 'utf8')
  return { folder, repository, env, inside, prefix, installed }
}

/** Where npm brings nothing of what a build needs: https://github.com/npm/cli/issues/8440 */
test('is built where it is installed for all from its repository', async () => {
  const { folder, repository, env, prefix, installed } = await repositoryToInstall()
  const install = ['install', '--allow-git=root', '--install-links', '-g', '--prefix', prefix]
  await run('npm', [...install, `git+file://${repository}`], { cwd: folder, env })
  expect(await installed()).toBe('built ')
})

test('is built once where it is installed as pre-commit does, and anew where a source was changed', async () => {
  const { repository, env, inside, prefix, installed } = await repositoryToInstall()
  const hook = { cwd: repository, env: { ...env, npm_config_prefix: prefix } }
  const local = ['--include=dev', '--include=prod', '--ignore-prepublish', '--no-progress', '--no-save']
  await run('npm', ['install', ...local], hook)
  const { stdout } = await run('npm', ['pack'], hook)
  expect(stdout).toBe('built-here-1.0.0.tgz\n')
  await run('npm', ['install', '-g', join(repository, stdout.trim())], hook)
  expect(await installed()).toBe('built ')
  await writeFile(join(repository, 'rules/a.yaml'), 'another: rule\n')
  await run('npm', ['pack'], inside)
  expect(await readFile(join(repository, 'dist/built.json'), 'utf8')).toBe('built built ')
})
