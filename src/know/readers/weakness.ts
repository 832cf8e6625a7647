import type { Certainty, Json } from '../../core/contract/ref.ts'

/** Where a weakness stands. `job` is the job, or another workload, that it gives away, where it is one's. */
export interface Weak<Job> {
  readonly line: number
  /** What is so there; it quotes names, never values. */
  readonly why: string
  readonly certainty: Certainty
  /** On what it depends, where the certainty is conditional and there is more to say than what `why` says. */
  readonly when?: string
  readonly job?: Job
}

/** What a person reads of a weakness. The id is the file's name, and that of the finding and of its crossing. */
export interface WeaknessText {
  readonly id: string
  readonly title: string
  readonly severity: 'low' | 'medium' | 'high' | 'critical'
  /** Why it matters, and what to do about it. */
  readonly why: string
  readonly fix: string
  /** OWASP NHI Top 10 and OWASP CI/CD Top 10 identifiers. */
  readonly frameworks: readonly string[]
  /** Through it someone outside runs what they want as the job: it is an edge of the graph, too. */
  readonly crossing?: boolean
  readonly references: readonly string[]
}

/** One thing that a file of some kind should not do. */
export interface Weakness<Of, Job> extends WeaknessText {
  find(of: Of): Iterable<Weak<Job>>
}

/** A weakness where it was found. */
export interface Found<Job> {
  readonly weakness: WeaknessText
  readonly weak: Weak<Job>
}

/**
 * All that is weak, but for what a comment allows: `firebreak:allow REASON` on its line, on one above it that is a comment, or
 * on its job's.
 */
export function weaknessesOf<Of, Job extends { readonly line: number }>(
  of: Of,
  weaknesses: readonly Weakness<Of, Job>[],
  text: string,
): Found<Job>[] {
  const lines = text.split('\n')
  const found: Found<Job>[] = []
  const told = new Set<string>()
  for (const weakness of weaknesses)
    for (const weak of weakness.find(of)) {
      // What two jobs have from one template is weak in both; the same of one job is said once.
      const key = `${weakness.id} ${weak.line} ${weak.job?.line ?? ''} ${weak.why}`
      if (told.has(key) || isAllowed(lines, weak)) continue
      told.add(key)
      found.push({ weakness, weak })
    }
  return found
}

function isAllowed(lines: readonly string[], { line, job }: Weak<{ readonly line: number }>): boolean {
  const above = lines[line - 2] ?? ''
  return [
    lines[line - 1] ?? '',
    /^\s*(?:#|\/\/|\/\*)/.test(above) ? above : '',
    job ? (lines[job.line - 1] ?? '') : '',
  ].some(text => {
    const at = text.indexOf('firebreak:allow')
    return at > 0 && /#|\/\/|\/\*/.test(text.slice(0, at))
  })
}

/** As the inventory keeps it: a fact of the job or the file, from which a check makes findings. */
export function weaknessFact({ weakness, weak }: Found<unknown>): Json {
  return { id: weakness.id, line: weak.line, certainty: weak.certainty, why: weak.why }
}
