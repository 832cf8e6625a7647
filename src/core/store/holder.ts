import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import process from 'node:process'
import type { Ms } from '../contract/ref.ts'

/** Who holds a claim: host, process and when that process began, since process numbers are used again. */
export function holderName(): string {
  return `${hostname()}:${process.pid}:${statOf(process.pid)?.startedAt ?? 0}`
}

/** Known to be gone: of this host, and no such process runs here. Anything else may still be at work. */
export function isHolderGone(name: string): boolean {
  const [host, pid, started] = name.split(':')
  if (host !== hostname() || !pid) return false
  const now = statOf(Number(pid))
  // One that has ended and was not waited for still has its line.
  if (now !== undefined) return now.startedAt !== Number(started) || /[ZX]/.test(now.state)
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}

/** Whether nobody who is still at work has claimed it. */
export function isFree(
  { claimed_by, claim_until }: { readonly claimed_by: string | null; readonly claim_until: Ms | null },
  now: Ms,
): boolean {
  return claimed_by === null || (claim_until ?? 0) <= now || isHolderGone(claimed_by)
}

/** Fields 3 and 22 of /proc/PID/stat (proc(5)), the latter in clock ticks since boot; undefined where there is none. */
function statOf(pid: number): { state: string; startedAt: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', startedAt: Number(fields[19]) }
  } catch {
    return undefined
  }
}
