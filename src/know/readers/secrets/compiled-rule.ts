import { longestMatch } from './pattern-bounds.ts'
import type { Rule } from './rule.ts'

/** A rule ready to run. `longest` bounds the match from the keyword on, `lead` what may stand before it. */
export interface CompiledRule {
  readonly rule: Rule
  readonly pattern: RegExp
  readonly paths: RegExp | undefined
  readonly longest: number
  readonly lead: { readonly class: Uint8Array; readonly most: number } | undefined
  readonly before: Uint8Array
  readonly after: Uint8Array
  readonly pair:
    | {
        readonly pattern: RegExp
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
  return {
    rule,
    pattern: new RegExp(rule.pattern, `dy${flags}`),
    paths: rule.paths === undefined ? undefined : new RegExp(rule.paths, 'i'),
    longest: longestMatch(rule.pattern),
    lead: rule.lead && { class: classTable(rule.lead.characters), most: rule.lead.most },
    before: classTable(rule.before),
    after: classTable(rule.after),
    pair: rule.pair && {
      pattern: new RegExp(rule.pair.pattern, `dg${flags}`),
      before: classTable(rule.pair.before),
      after: classTable(rule.pair.after),
      within: rule.pair.within,
      longest: longestMatch(rule.pair.pattern),
      entropy: rule.pair.entropy ?? 0,
    },
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
