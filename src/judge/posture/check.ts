import type { Ms } from '../../core/contract/ref.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Db } from '../../core/store/store.ts'

export interface CheckContext {
  readonly db: Db
  readonly keys: Pick<Keys, 'publicFingerprint'>
  readonly now: Ms
}

/** What a check says of one entity of its population. What it does not speak of passes. */
export interface Judgement {
  readonly entityId: string
  readonly outcome: 'fails' | 'unknown'
  /** What is so, where and since when; without a secret, a fingerprint or a preview. */
  readonly why: string
  /** Words of `why`: where a finding stands already that does not say one of them, it has spread. */
  readonly news?: readonly string[]
}

/**
 * One thing that should be so. The id is the file's name, and that of the finding. A check only reads; it says `unknown`
 * where it cannot tell, and that neither makes a finding nor ends one.
 */
export interface Check<Subject = unknown> {
  readonly id: string
  readonly title: string
  /** Why it matters, and what to do about it: what a person reads under the finding. */
  readonly why: string
  readonly fix: string
  readonly severity: 'low' | 'medium' | 'high' | 'critical'
  /** `NHI2:2025` of the OWASP NHI Top 10. */
  readonly frameworks: readonly string[]
  /** Mending it takes nothing from what can be reached: somebody says something, or something is written down. */
  readonly takesNothing?: true
  /** All that it looks at, by the entity's id: the denominator. */
  population(context: CheckContext): Promise<ReadonlyMap<string, Subject>>
  find(context: CheckContext, population: ReadonlyMap<string, Subject>): Promise<readonly Judgement[]>
}

/** What several checks of a run look at is read once, however many they are: all have one context. */
export function oncePerRun<T>(
  read: (context: CheckContext) => Promise<T>,
): (context: CheckContext) => Promise<T> {
  const asked = new WeakMap<CheckContext, Promise<T>>()
  return context => {
    const known = asked.get(context) ?? read(context)
    asked.set(context, known)
    return known
  }
}

/** Infers what the population is made of. */
export function defineCheck<Subject>(check: Check<Subject>): Check<Subject> {
  return check
}
