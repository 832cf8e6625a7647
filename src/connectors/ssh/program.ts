import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FirebreakError } from '../../core/contract/errors.ts'

/**
 * Runs one of OpenSSH's programs to its end, or until what it says on standard error fits `until`; then it is ended. Of our
 * own environment it gets the path and the agent. Raises UNSUPPORTED where it is not installed.
 */
export async function run(
  program: 'ssh' | 'ssh-keygen',
  parameters: readonly string[],
  options: { readonly until?: RegExp; readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
): Promise<{ readonly exit: number | null; readonly said: string }> {
  const child = spawn(program, parameters, {
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      LC_ALL: 'C',
      TZ: 'UTC',
      ...(process.env['SSH_AUTH_SOCK'] && { SSH_AUTH_SOCK: process.env['SSH_AUTH_SOCK'] }),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(options.signal && { signal: options.signal }),
    ...(options.timeoutMs && { timeout: options.timeoutMs }),
  })
  let said = ''
  let enough = false
  child.stderr.on('data', chunk => {
    said = (said + String(chunk)).slice(-8192)
    if (!options.until?.test(said)) return
    enough = true
    child.kill()
  })
  return await new Promise((resolve, reject) => {
    child.once('error', error => {
      const absent = 'code' in error && error.code === 'ENOENT'
      reject(
        absent
          ? new FirebreakError('UNSUPPORTED', `${program} is not installed`, 'apt-get install openssh-client')
          : new FirebreakError('UNREACHABLE', `${program} was broken off`),
      )
    })
    child.once('close', (exit, signal) => {
      if (signal === null || enough) resolve({ exit, said })
      else reject(new FirebreakError('UNREACHABLE', `${program} was broken off (${signal})`))
    })
  })
}

/** A folder that only we can read, gone afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-ssh-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
