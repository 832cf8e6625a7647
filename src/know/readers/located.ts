/** A value of a YAML text that knows where it stands. `line` counts from 1; `comment` is what follows it on its line. */
export interface Located {
  readonly line: number
  readonly value: string | number | boolean | null | readonly Located[] | ReadonlyMap<string, Located>
  /** Where the text of a scalar begins, which for a block scalar is the line below its mark. */
  readonly textLine: number
  readonly comment?: string
  /** The line of a member's key. */
  readonly keyLine?: number
  /** What a sequence is marked as, `!reference`, where it is no plain one. */
  readonly tag?: string
}

/** A member of a mapping; undefined where there is none, or the value is no mapping. */
export function member(located: Located | undefined, ...path: readonly string[]): Located | undefined {
  let found = located
  for (const name of path) found = found?.value instanceof Map ? found.value.get(name) : undefined
  return found
}

/** The members of a mapping; none where it is none. */
export function members(located: Located | undefined): ReadonlyMap<string, Located> {
  return located?.value instanceof Map ? located.value : new Map<string, Located>()
}

/** The items of a sequence; a single value is a sequence of itself, an absent one is empty. */
export function items(located: Located | undefined): readonly Located[] {
  if (located === undefined || located.value === null) return []
  return Array.isArray(located.value) ? (located.value as readonly Located[]) : [located]
}

/** A scalar as text; undefined where it is absent, null or no scalar. */
export function scalar(located: Located | undefined): string | undefined {
  const value = located?.value
  return value === null || value === undefined || typeof value === 'object' ? undefined : String(value)
}

/** The line on which a place in a scalar's text stands. */
export function lineAt(located: Located, offset: number): number {
  return located.textLine + (scalar(located)?.slice(0, offset).match(/\n/g)?.length ?? 0)
}

/** A parsed JSON value, of which no lines are known: they are 0. */
export function locateJson(value: unknown): Located {
  const unknown = { line: 0, textLine: 0 }
  if (Array.isArray(value)) return { ...unknown, value: value.map(locateJson) }
  if (typeof value === 'object' && value !== null)
    return {
      ...unknown,
      value: new Map(Object.entries(value).map(([name, inner]) => [name, locateJson(inner)])),
    }
  return { ...unknown, value: value as string | number | boolean | null }
}
