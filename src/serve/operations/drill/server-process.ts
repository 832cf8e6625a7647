import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Nothing of our own environment: it may hold credentials, and a server's own variables would change it. */
export function childEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
}

/**
 * Runs a script when this process has ended, even when it was killed: a shell waits at the end of a pipe that the kernel closes
 * with us. A line on the pipe tells it that there is nothing left to do. Returns that release.
 */
export function atOurEnd(script: string, ...parameters: readonly string[]): () => void {
  if (process.platform === 'win32') return () => {}
  const watch = spawn('/bin/sh', ['-c', `read -r _ && exit 0; ${script}`, 'firebreak-watch', ...parameters], {
    detached: true,
    env: childEnvironment(),
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watch.unref()
  watch.stdin.on('error', () => {})
  const pipe: unknown = watch.stdin
  if (pipe && typeof pipe === 'object' && 'unref' in pipe && typeof pipe.unref === 'function') pipe.unref()
  return () => watch.stdin.end('done\n')
}

/** Ends the server and removes its folder at our end. Returns the release. */
export function watchOver(child: ChildProcess, home: string): () => void {
  if (child.pid === undefined) return () => {}
  // What still writes there would keep the folder: it is waited for, but not where nobody takes notice of who has ended.
  const script = `kill -QUIT "$1" 2>/dev/null
    looks=0; while kill -0 "$1" 2>/dev/null && [ $looks -lt 60 ]; do looks=$((looks + 1)); sleep 0.5; done; rm -rf -- "$2"`
  return atOurEnd(script, String(child.pid), home)
}

/** For how long a server may take to start, on a machine that is busy, or several times slower. One that has ended is seen at once. */
export const START_MS = 120_000

/** Linux gives out ports from 32768 on by itself, others from 49152: to who asks for any, and to who connects somewhere. */
const OWN_PORTS = [10_000, 32_768] as const

/** A port of the loopback that was free a moment ago, and that the system gives to nobody before its server has bound it. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(...OWN_PORTS)
    if (await isFree(port)) return port
  }
  throw new Error('no port of the loopback is free')
}

/** Whether nobody listens at that port of the loopback. */
export function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
