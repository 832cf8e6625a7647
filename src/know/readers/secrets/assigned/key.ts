/** A key with what stands between it and its value: offsets into the text's bytes. */
export interface Key {
  readonly start: number
  readonly end: number
  readonly name: string
  readonly separator: string
  readonly valueAt: number
}
