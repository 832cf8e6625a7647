import type { Certainty, CredentialRef, Json, Ms, PlaceRef, Ref } from './ref.ts'
import type { Secret } from './secret.ts'

/** A thing's properties, each with the time it was true at its source, where the source tells. */
export type Facts = Record<string, { value: Json; at?: Ms }>

/** Facts of which nobody tells since when. What is not known, `undefined`, is left out: it is no fact. */
export function factsOf(values: Readonly<Record<string, Json | undefined>>): Facts {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, { value }]])),
  )
}

/**
 * What a source says. Observations are statements, not rows: the same may be said twice, by several sources,
 * in any order. `S` is `Secret` up to observe/, where it becomes a fingerprint.
 */
export type Observation<S = Secret> =
  | { see: 'identity' | 'resource' | 'workload'; ref: Ref; names: string[]; facts: Facts }
  | { see: 'credential'; ref: CredentialRef; facts: Facts }
  /** `claims` is the identity, or the credential, that the text around the copy names; `confidence` is 0…1 that this is a secret at all. */
  | {
      see: 'copy'
      place: PlaceRef
      kind: string
      secret: S
      claims?: Ref
      /** What the credential, or the text around it, says of it; no part of the secret. */
      facts?: Facts
      confidence: number
      /** Why so sure, in short phrases that quote nothing of the document: "named password", "in a test directory". */
      reasons?: readonly string[]
      /** A few characters that tell tokens apart; absent for passwords. */
      preview?: string
      /** The reason that is given beside it, in the document, for its standing there; '' where none is. */
      allowance?: string
    }
  /** Where a document stands: one blob may have many paths and commits. `document` is `Document.id`. */
  | {
      see: 'occurrence'
      document: string
      path: string
      commit?: string
      author?: string
      at?: Ms
      atHead?: boolean
    }
  | { see: 'edge'; from: Ref; to: Ref; crossing: string; certainty: Certainty; when?: string; why: string }
  | { see: 'policy'; on: Ref; language: string; text: string }
  | { see: 'owner'; of: Ref; owner: string; source: string; weight: number; at?: Ms }
  /**
   * The denominator. Only a complete scope lets what was not seen again be marked gone. `failed`: it was meant to be read
   * and could not be (damaged, denied, broken off), other than what is left out on purpose. `hides` are the kinds of things
   * that a gap may hide, where its scope is no path: none of them is marked gone, nor what stands in one. `keeps` are the kinds of
   * containers of which only what is new was listed: what was found in them before stands.
   */
  | {
      see: 'covered'
      scope: string
      complete: boolean
      why?: string
      failed?: boolean
      hides?: readonly string[]
      keeps?: readonly string[]
    }
