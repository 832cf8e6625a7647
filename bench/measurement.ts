/**
 * One thing measured. The goal is held against the ratio where there is a peer, else against the value: ratios of one
 * run can be trusted, absolute figures depend on the machine.
 */
export interface Measurement {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly peer: string | null
  readonly ratio: number | null
  readonly goal: number | null
  readonly lessIsBetter?: boolean
}
