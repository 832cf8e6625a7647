import { longestMatch } from './pattern-bounds.ts'
import { type Rule, wholePattern } from './rule.ts'

/**
 * An expression, and which groups it has. Whether it fits is asked far more often than where its groups are, and an
 * answer with positions costs ten times as much: so there are two expressions.
 */
export interface Pattern {
  readonly fits: RegExp
  readonly indices: RegExp
  /** The groups' names in their order; '' for one without a name. */
  readonly groups: readonly string[]
  /** All of the match is one group. */
  readonly isOneGroup: boolean
}

/** A rule ready to run. `longest` bounds the match from the keyword on, `lead` what may stand before it. */
export interface CompiledRule {
  readonly rule: Rule
  /** Sticky. */
  readonly pattern: Pattern
  /** Of an assignment: the rule's own pattern takes only what a name is made of, so that the separator begins where the name ends. */
  readonly isNameOnly: boolean
  readonly paths: RegExp | undefined
  readonly longest: number
  readonly lead: { readonly class: Uint8Array; readonly most: number } | undefined
  readonly before: Uint8Array
  readonly after: Uint8Array
  /** By the fact's name; each is global. */
  readonly near: readonly (readonly [string, RegExp])[]
  readonly pair:
    | {
        /** Global. */
        readonly pattern: Pattern
        readonly before: Uint8Array
        readonly after: Uint8Array
        readonly within: number
        readonly longest: number
        readonly entropy: number
      }
    | undefined
}

export function compileRule(rule: Rule): CompiledRule {
  const flags = rule.ignoreCase ? 'i' : ''
  const pattern = wholePattern(rule)
  return {
    rule,
    pattern: compilePattern(pattern, `y${flags}`),
    isNameOnly:
      rule.structure === 'assignment' && /^(?:[\w|)]|\(\?:|\\[.-]|\[(?:\w|\\[.-])*\])*$/.test(rule.pattern),
    paths: rule.paths === undefined ? undefined : new RegExp(rule.paths, 'i'),
    longest: longestMatch(pattern),
    lead: rule.lead && { class: classTable(rule.lead.characters), most: rule.lead.most },
    before: classTable(rule.before),
    after: classTable(rule.after),
    near: Object.entries(rule.facts?.near ?? {}).map(([name, pattern]) => [name, new RegExp(pattern, 'g')]),
    pair: rule.pair && {
      pattern: compilePattern(rule.pair.pattern, `g${flags}`),
      before: classTable(rule.pair.before),
      after: classTable(rule.pair.after),
      within: rule.pair.within,
      longest: longestMatch(rule.pair.pattern),
      entropy: rule.pair.entropy ?? 0,
    },
  }
}

function compilePattern(source: string, flags: string): Pattern {
  const groups: string[] = []
  // Results with named groups cost more than those without.
  const unnamed = source.replace(
    /\\[^]|\[(?:\\[^]|[^\\\]])*\]|\((?:\?(?:<([A-Za-z]+)>|:))?/g,
    (part, name: string | undefined) => {
      if (part[0] !== '(' || part === '(?:') return part
      groups.push(name ?? '')
      return '('
    },
  )
  return {
    fits: new RegExp(unnamed, flags),
    indices: new RegExp(unnamed, `d${flags}`),
    groups,
    isOneGroup: /^\((?:\\[^]|\[(?:\\[^]|[^\\\]])*\]|[^()[\]\\])*\)$/.test(unnamed),
  }
}

/** 1 for each byte of the class; '' is the empty class. */
function classTable(characters: string): Uint8Array {
  const table = new Uint8Array(256)
  if (characters === '') return table
  const expression = new RegExp(`[${characters}]`)
  for (let byte = 0; byte < 256; byte++) table[byte] = expression.test(String.fromCharCode(byte)) ? 1 : 0
  return table
}
