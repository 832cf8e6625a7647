import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'

/** Nothing of our own environment: it may hold credentials, and a server's own variables would change it. */
export function childEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
}

/**
 * Ends the server and removes its folder even when this process is killed: a shell waits at the end of a pipe that
 * the kernel closes with us. A line on the pipe tells it that there is nothing left to do. Returns that release.
 */
export function watchOver(child: ChildProcess, home: string): () => void {
  if (process.platform === 'win32' || child.pid === undefined) return () => {}
  const script = 'read -r _ && exit 0; kill -QUIT "$1" 2>/dev/null; sleep 1; rm -rf -- "$2"'
  const watch = spawn('/bin/sh', ['-c', script, 'firebreak-watch', String(child.pid), home], {
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

/** A port of the loopback that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (address && typeof address === 'object') resolve(address.port)
        else reject(new Error('no port was assigned'))
      })
    })
  })
}
