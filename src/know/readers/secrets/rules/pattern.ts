import { type Beginning, beginningOf, longestMatch } from './pattern-bounds.ts'

/** Where the groups of a match are, by their names: offsets into the text's bytes. */
export type Groups = Readonly<Record<string, [number, number] | undefined>>

/**
 * A rule's expression. An answer of V8's that has positions (the flag `d`) costs ten times as much as one without: so what
 * comes before a group is made a group too, and positions are what the lengths add up to. Where a group stands within
 * another or may be repeated they do not, and V8 is asked a second time.
 * Most rules are never tried: what is needed for a trial is made when it is first asked for.
 */
export class Pattern {
  readonly #source: string
  readonly #flags: string
  #form: Form | undefined
  #fits: RegExp | undefined
  #indices: RegExp | undefined
  #longest: number | undefined

  constructor(source: string, flags: string) {
    this.#source = source
    this.#flags = flags
  }

  get #known(): Form {
    return (this.#form ??= formOf(this.#source))
  }

  /** The groups' names in their order; '' for one without a name. */
  get groups(): readonly string[] {
    return this.#known.groups
  }

  /** All of the match is one group. */
  get isOneGroup(): boolean {
    return this.#known.isOneGroup
  }

  /** Tells whether it fits, and of its answer `groupsOf` tells the groups. */
  get fits(): RegExp {
    return (this.#fits ??= new RegExp(this.#known.asGroups, this.#flags))
  }

  /** @param found what `fits` answered. `base` is where the text that it was asked about begins. */
  groupsOf(found: RegExpExecArray, base: number): Groups {
    const { parts, groups: names, unnamed } = this.#known
    const groups: Record<string, [number, number] | undefined> = {}
    if (parts) {
      let at = base + found.index
      for (let index = 0; index < parts.length; index++) {
        const matched: string | undefined = found[index + 1]
        if (matched === undefined) continue
        const { name } = parts[index]!
        if (name) groups[name] = [at, at + matched.length]
        at += matched.length
      }
      return groups
    }
    const indices = (this.#indices ??= new RegExp(unnamed, `d${this.#flags}`))
    indices.lastIndex = found.index
    const positions = indices.exec(found.input)!.indices!
    names.forEach((name, index) => {
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

interface Form {
  readonly groups: readonly string[]
  readonly isOneGroup: boolean
  /** Undefined where lengths do not add up. */
  readonly parts: readonly Part[] | undefined
  /** Answers with named groups cost more than those without. */
  readonly unnamed: string
  readonly asGroups: string
}

function formOf(source: string): Form {
  const groups: string[] = []
  const unnamed = source.replace(SIGN, (sign, name: string | undefined) => {
    if (!isGroup(sign)) return sign
    groups.push(name ?? '')
    return '('
  })
  const parts = partsOf(source)
  return {
    groups,
    isOneGroup: groups.length === 1 && parts?.length === 1,
    parts,
    unnamed,
    asGroups: parts ? asGroups(parts) : unnamed,
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
