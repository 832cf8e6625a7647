import type { Document } from '../../core/contract/document.ts'
import type { Finding } from '../inventory/fold.ts'
import type { Listed } from '../inventory/standing.ts'
import { toldBy } from '../readers/path-bound.ts'
import type { MemberGap } from '../readers/archive/member-gap.ts'
import type { ReadAnswer } from './worker.ts'

/** So much is folded at once at first. */
export const FEW = 128
const MOST_DOCUMENTS = 4096
const MOST_FINDINGS = 2048
const LONGEST_MS = 5000

/**
 * What was read and is not folded yet. A transaction costs a write to the disk that is waited for, and the more it takes at
 * once, the fewer pages of the database are written twice; what is not folded is lost where the process is killed.
 */
export class Pending {
  readonly findings: Finding[] = []
  readonly done: (Listed & { readonly gaps: readonly MemberGap[] })[] = []
  readonly unread: (Listed & { readonly why: string })[] = []
  readonly listed: Listed[] = []
  /** Which document told what stands and goes with it; copies have rules of their own. */
  readonly toldBy = new Map<Finding, string>()
  readonly #since: number
  readonly #most: number

  /** `most`: of documents and findings; the first transactions of a run are small, so that a store with little room keeps something. */
  constructor(since: number, most: number) {
    this.#since = since
    this.#most = most
  }

  /** What comes after this one. */
  next(now: number): Pending {
    return new Pending(now, Math.min(2 * this.#most, MOST_DOCUMENTS))
  }

  get isEmpty(): boolean {
    return this.#documents === 0
  }

  get #documents(): number {
    return this.done.length + this.unread.length + this.listed.length
  }

  isDue(now: number): boolean {
    if (this.findings.length >= Math.min(this.#most, MOST_FINDINGS)) return true
    if (this.#documents >= this.#most) return true
    return now - this.#since > LONGEST_MS
  }

  /** `isFurther`: its content was read, and now for what it tells at another place. */
  read({ id, path }: Pick<Document, 'id' | 'path'>, answer: ReadAnswer, isFurther: boolean): void {
    const told = toldBy({ document: id, path })
    for (const finding of answer.findings) {
      this.findings.push(finding)
      if (finding.see !== 'copy' && finding.see !== 'occurrence') this.toldBy.set(finding, told)
    }
    if (answer.failure === undefined) {
      if (!isFurther) this.done.push({ document: id, path, gaps: answer.gaps ?? [] })
      if (told !== id) this.done.push({ document: told, path, gaps: [] })
    } else this.unread.push({ document: id, path, why: answer.failure })
  }

  lists(listed: readonly Listed[]): void {
    for (const one of listed) this.listed.push(one)
  }
}
