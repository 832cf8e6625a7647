import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ownDirectory } from '../know/estate.ts'
import { readSource } from '../tidy/sources.ts'

const run = promisify(execFile)

/** As pre-commit installs a hook, where npm brings nothing of what a build needs: https://github.com/npm/cli/issues/8440 */
test('is built where it is installed for all from its repository', async () => {
  const folder = await ownDirectory()
  const repository = join(folder, 'repository')
  await mkdir(join(repository, 'tool'), { recursive: true })
  const write = (path: string, content: object | string) =>
    writeFile(join(repository, path), typeof content === 'string' ? content : JSON.stringify(content))
  // A tool of this name that comes without a network.
  await write('tool/package.json', { name: 'tsdown', version: '1.0.0', bin: { tsdown: 'tool.js' } })
  await write('tool/tool.js', "#!/usr/bin/env node\nrequire('fs').writeFileSync('built', 'yes')\n")
  const { scripts } = JSON.parse(readSource('package.json')) as { scripts: Record<string, string> }
  await write('package.json', {
    name: 'built-here',
    version: '1.0.0',
    files: ['built'],
    scripts: { prepare: scripts['prepare'], build: 'tsdown' },
    devDependencies: { tsdown: 'file:tool' },
  })
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
  const install = ['install', '--allow-git=root', '--install-links', '-g', '--prefix', prefix]
  await run('npm', [...install, `git+file://${repository}`], { cwd: folder, env })
  const built = join(prefix, 'lib', 'node_modules', 'built-here', 'built')
  expect(await readFile(built, 'utf8')).toBe('yes')
})
