import { readFile } from 'node:fs/promises'
import { codeOf, FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'

const MOST_MS = 30_000
const PAUSE_MS = 10

/**
 * Has the server of that file read its list again. nginx goes on by the list of before until it has new workers: it is waited for until
 * none of the old ones takes connections any more. Others are only told.
 */
export async function reload(pidFile: string, io: Io): Promise<void> {
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).trim())
  // A server that does not run reads the list when it starts.
  if (!Number.isInteger(pid) || pid < 2) return
  const isNginx = (await titleOf(pid)).includes(': master process')
  // What it is starting now may have read the list of before; what it starts after a pause in which it did nothing has not.
  let before: readonly number[] = []
  const isKnown =
    isNginx &&
    (await comes(io, async () => {
      if (!(await isWaiting(pid))) return false
      before = await workersOf(pid)
      return before.length > 0
    }))
  // Where that cannot be seen it is told all the same: what is revoked must not stay good for it.
  try {
    process.kill(pid, 'SIGHUP')
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return
    throw new FirebreakError(
      'DENIED',
      'the server could not be told of the new list',
      `Our account must be able to signal the process of ${pidFile}.`,
    )
  }
  if (!isNginx) return
  const isRead =
    isKnown &&
    (await comes(io, async () => {
      const now = await workersOf(pid)
      return !before.some(worker => now.includes(worker))
    }))
  if (!isRead)
    throw new FirebreakError(
      'UNREACHABLE',
      isKnown
        ? 'the server goes on by the list that it had before'
        : 'the server was told of the new list, and has no workers that show whether it goes by it',
      'nginx -t says whether it can read its configuration, and its log what else keeps it from that.',
    )
}

async function comes(io: Io, isSo: () => Promise<boolean>): Promise<boolean> {
  for (let waitedMs = 0; !(await isSo()); waitedMs += PAUSE_MS) {
    if (waitedMs >= MOST_MS) return false
    await io.sleep(PAUSE_MS)
  }
  return true
}

/** While its master does anything else, the signals that tell it what to do are blocked (proc(5): SigBlk; SIGHUP is the first of them). */
async function isWaiting(pid: number): Promise<boolean> {
  return !/^SigBlk:\s*[0-9a-f]*[13579bdf]$/m.test(await toldOf(pid, 'status'))
}

/** Those that take connections. One that was told to end says so in its title, and takes none from then on. */
async function workersOf(pid: number): Promise<number[]> {
  const children = (await toldOf(pid, `task/${pid}/children`)).split(' ').filter(Boolean).map(Number)
  const titles = await Promise.all(children.map(titleOf))
  return children.filter((_, at) => /: worker process(?! is shutting down)/.test(titles[at]!))
}

function titleOf(pid: number): Promise<string> {
  return toldOf(pid, 'cmdline')
}

/** Nothing, of a process that is gone, or where there is no such file system. */
function toldOf(pid: number, what: string): Promise<string> {
  return readFile(`/proc/${pid}/${what}`, 'utf8').catch(() => '')
}
