import type { Facts } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import type { CompiledRule } from './rules/compiled-rule.ts'
import type { Key } from './assigned/key.ts'

/** One part of a credential within a text: which bytes, how they are written, and what they decode to. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly encodings: readonly string[]
  readonly bytes: Uint8Array
}

/** What a rule takes for a credential, before overlapping ones are settled. */
export interface Candidate {
  readonly rule: CompiledRule
  readonly value: Span
  readonly id?: Span
  /** What the key is called, where that is written with it. */
  readonly keyId?: Span
  readonly claims?: Ref
  readonly facts?: Facts
  readonly confidence: number
  /** What that rests on, in phrases that quote nothing of the text. */
  readonly reasons: readonly string[]
  /** How many encodings were undone to get at the text that it stands in. */
  readonly depth: number
  /** Of one that a general rule found: the name that it is given to. */
  readonly key?: Key
}
