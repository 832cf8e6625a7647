import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import process from 'node:process'

/** Who holds a claim: host, process and when that process began, since process numbers are used again. */
export function holderName(): string {
  return `${hostname()}:${process.pid}:${startedAt(process.pid) ?? 0}`
}

/** Known to be gone: of this host, and no such process runs here. Anything else may still be at work. */
export function isHolderGone(name: string): boolean {
  const [host, pid, started] = name.split(':')
  if (host !== hostname() || !pid) return false
  const now = startedAt(Number(pid))
  if (now !== undefined) return now !== Number(started)
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}

/** In clock ticks since boot: field 22 of /proc/PID/stat (proc(5)); undefined where there is none. */
function startedAt(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
  } catch {
    return undefined
  }
}
