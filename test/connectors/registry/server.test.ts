import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { registryConfig } from '../../../src/connectors/registry/config.ts'
import { registry } from '../../../src/connectors/registry/connector.ts'
import { isFirebreakError } from '../../../src/core/contract/errors.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { childEnvironment, freePort } from '../../../src/serve/operations/drill/server-process.ts'
import { ownDirectory } from '../../know/estate.ts'
import { told } from '../../know/readers/archive/looking.ts'
import { rules } from '../../know/readers/secrets/rules/rule-directory.ts'
import { requireServer } from '../../servers.ts'

const PROGRAMS = ['docker-registry', 'skopeo', 'umoci']
const folders = (process.env['PATH'] ?? '').split(':')
const there = PROGRAMS.every(program => folders.some(folder => existsSync(join(folder, program))))
const { skip, reason } = requireServer('docker-registry', there, `apt-get install ${PROGRAMS.join(' ')}`)
const token = rules.find(rule => rule.id === 'github-token')!.examples.positive[0]!.value

test.skipIf(skip)(`a real registry, with images that umoci made and skopeo pushed ${reason}`, async () => {
  const home = await ownDirectory()
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, {
      cwd: home,
      env: { ...process.env, ...childEnvironment(), HOME: home },
      stdio: 'pipe',
    })
  await mkdir(join(home, 'app'))
  await writeFile(join(home, 'app', '.env'), `TOKEN=${token}\n`)
  run('umoci', 'init', '--layout', 'image')
  run('umoci', 'new', '--image', 'image:1')
  run('umoci', 'insert', '--rootless', '--image', 'image:1', 'app', '/app')
  run('umoci', 'insert', '--rootless', '--image', 'image:1', '--tag', '2', '--whiteout', '/app/.env')
  run('umoci', 'config', '--image', 'image:2', '--config.env', 'MODE=fast')

  const port = await freePort()
  const settings = `version: 0.1
storage: { filesystem: { rootdirectory: ${home}/stored } }
http: { addr: 127.0.0.1:${port}, secret: only-for-this-test }
log: { level: error }
`
  await writeFile(join(home, 'registry.yml'), settings)
  const server = spawn('docker-registry', ['serve', 'registry.yml'], {
    cwd: home,
    env: { ...process.env, ...childEnvironment(), HOME: home },
    stdio: 'ignore',
  })
  const gone = new Promise(resolve => server.once('exit', resolve))
  onTestFinished(async () => {
    server.kill('SIGKILL')
    await gone
  })
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; ; tries++) {
    const up = await fetch(`${url}/v2/`).then(
      response => response.ok,
      () => false,
    )
    if (up) break
    if (tries > 1200 || server.exitCode !== null) throw new Error('the registry did not start')
    await realIo().sleep(100)
  }
  for (const tag of ['1', '2'])
    run(
      'skopeo',
      '--insecure-policy',
      'copy',
      '--dest-tls-verify=false',
      `oci:image:${tag}`,
      `docker://127.0.0.1:${port}/acme/app:${tag}`,
    )

  const look = async () => {
    const connection = await registry.open(registryConfig.parse({ url }), realIo())
    const found: string[] = []
    const failures: string[] = []
    const digests: string[] = []
    for await (const { id, path, bytes } of connection.documents!()) {
      digests.push(id)
      const chunks: Uint8Array[] = []
      try {
        for await (const chunk of bytes()) chunks.push(chunk)
        found.push(...(await told(Buffer.concat(chunks), path)).found)
      } catch (error) {
        if (!isFirebreakError(error, 'CONFLICT')) throw error
        failures.push(path)
      }
    }
    return { found, failures, digests }
  }
  const { found, failures, digests } = await look()
  // The second image deletes the file, and has the layer all the same, which is read once.
  expect(found).toEqual([`acme/app:1/layer 1 of 1!/app/.env:1 ${token}`])
  expect(failures).toEqual([])
  expect(new Set(digests).size).toBe(4)

  // Somebody writes into what the registry stores: what it serves is not what its digest says.
  const digest = digests[1]!.slice('sha256:'.length)
  const blob = join(home, 'stored/docker/registry/v2/blobs/sha256', digest.slice(0, 2), digest, 'data')
  const bytes = await readFile(blob)
  bytes[bytes.length >> 1] = bytes[bytes.length >> 1]! ^ 1
  await writeFile(blob, bytes)
  const after = await look()
  expect(after.failures).toEqual(['acme/app:1/layer 1 of 1'])
  expect(after.found).toEqual([])
})
