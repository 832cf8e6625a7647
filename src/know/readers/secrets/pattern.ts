import { type Beginning, beginningOf, longestMatch } from './pattern-bounds.ts'

/** Where the groups of a match are, by their names: offsets into the text's bytes. */
export type Groups = Readonly<Record<string, [number, number] | undefined>>

/**
 * A rule's expression. An answer of V8's that has positions (the flag `d`) costs ten times as much as one without: so what
 * comes before a group is made a group too, and positions are what the lengths add up to. Where a group stands within
 * another or may be repeated they do not, and V8 is asked a second time.
 * Most rules are never tried: an expression is made when it is first asked for.
 */
export class Pattern {
  /** The groups' names in their order; '' for one without a name. */
  readonly groups: readonly string[]
  /** All of the match is one group. */
  readonly isOneGroup: boolean
  readonly #parts: readonly Part[] | undefined
  readonly #source: string
  readonly #flags: string
  #fits: RegExp | undefined
  #indices: RegExp | undefined
  #longest: number | undefined

  constructor(source: string, flags: string) {
    const groups: string[] = []
    // Results with named groups cost more than those without.
    this.#source = source.replace(SIGN, (sign, name: string | undefined) => {
      if (!isGroup(sign)) return sign
      groups.push(name ?? '')
      return '('
    })
    this.groups = groups
    this.#flags = flags
    this.#parts = partsOf(source)
    this.isOneGroup = groups.length === 1 && this.#parts?.length === 1
  }

  /** Tells whether it fits, and of its answer `groupsOf` tells the groups. */
  get fits(): RegExp {
    return (this.#fits ??= new RegExp(this.#parts ? asGroups(this.#parts) : this.#source, this.#flags))
  }

  /** @param found what `fits` answered. `base` is where the text that it was asked about begins. */
  groupsOf(found: RegExpExecArray, base: number): Groups {
    const groups: Record<string, [number, number] | undefined> = {}
    if (this.#parts) {
      let at = base + found.index
      this.#parts.forEach(({ name }, index) => {
        const matched: string | undefined = found[index + 1]
        if (matched === undefined) return
        if (name) groups[name] = [at, at + matched.length]
        at += matched.length
      })
      return groups
    }
    const indices = (this.#indices ??= new RegExp(this.#source, `d${this.#flags}`))
    indices.lastIndex = found.index
    const positions = indices.exec(found.input)!.indices!
    this.groups.forEach((name, index) => {
      const range = positions[index + 1]
      if (range && name !== '') groups[name] = [base + range[0], base + range[1]]
    })
    return groups
  }

  get beginning(): Beginning {
    return beginningOf(this.#source, this.#flags.includes('i'))
  }

  /** The most characters that it takes. */
  get longest(): number {
    return (this.#longest ??= longestMatch(this.#source))
  }
}

/** An escape, a class, what opens a group with its name, or any other sign of an expression. */
const SIGN = /\\[^]|\[(?:\\[^]|[^\\\]])*\]|\((?:\?(?:<([A-Za-z]+)>|:))?|[^]/g

function isGroup(sign: string): boolean {
  return sign[0] === '(' && sign !== '(?:'
}

/** What comes one after the other in an expression: a group, or what stands between two. */
interface Part {
  name?: string
  source: string
  /** The `?` behind a group that may be missing. */
  repeats: string
}

/** Undefined where a group is within another, may be repeated, or is in one of two alternatives. */
function partsOf(expression: string): readonly Part[] | undefined {
  const parts: Part[] = [{ source: '', repeats: '' }]
  let depth = 0
  for (const [sign, name] of expression.matchAll(SIGN)) {
    const part = parts.at(-1)!
    if (sign[0] === '(') depth++
    if (sign === ')') depth--
    if (isGroup(sign)) {
      if (depth > 1) return undefined
      parts.push({ name: name ?? '', source: '', repeats: '' })
    } else if (sign === ')' && depth === 0 && part.name !== undefined) parts.push({ source: '', repeats: '' })
    else if (sign === '|' && depth === 0) return undefined
    else part.source += sign
  }
  for (const [index, part] of parts.entries()) {
    if (index === 0 || parts[index - 1]!.name === undefined) continue
    const [repeats] = /^(?:\?{1,2}|[*+{])?/.exec(part.source)!
    if (/[*+{]/.test(repeats)) return undefined
    parts[index - 1]!.repeats = repeats
    part.source = part.source.slice(repeats.length)
  }
  return parts.filter(({ name, source }) => name !== undefined || source !== '')
}

/** Nothing has to be told of what stands behind the last group. */
function asGroups(parts: readonly Part[]): string {
  return parts
    .map(({ name, source, repeats }, index) =>
      name === undefined && index === parts.length - 1 ? source : `(${source})${repeats}`,
    )
    .join('')
}
