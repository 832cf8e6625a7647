import { Pattern } from './pattern.ts'
import { type Rule, wholePattern } from './rule.ts'

/** A rule ready to run. `lead` bounds what may stand before the keyword that the pattern begins with. */
export interface CompiledRule {
  readonly rule: Rule
  /** What is asked at every keyword stands here: rules have many forms, and asking them costs several times as much. */
  readonly isAssignment: boolean
  /** It is not looked for in what is no text. */
  readonly isOfText: boolean
  /** Sticky. */
  readonly pattern: Pattern
  /** Of an assignment: the rule's own pattern takes only what a name is made of, so that the separator begins where the name ends. */
  readonly isNameOnly: boolean
  readonly paths: RegExp | undefined
  readonly lead: { readonly class: Uint8Array; readonly most: number } | undefined
  readonly before: Uint8Array
  readonly after: Uint8Array
  /** By the fact's name; each is global. */
  readonly near: readonly (readonly [string, RegExp])[]
  readonly pair:
    | (Beside & {
        /** It has the value; else it has whose that is, and may be missing. */
        readonly hasValue: boolean
      })
    | undefined
  readonly keyId: Beside | undefined
}

/** What stands near the match, on either side of it. */
export interface Beside {
  /** Global. */
  readonly pattern: Pattern
  readonly before: Uint8Array
  readonly after: Uint8Array
  readonly within: number
  /** Nothing stands between it and the match. */
  readonly adjoins: boolean
  readonly entropy: number
}

const OF_TEXT: ReadonlySet<Rule['structure']> = new Set(['basic', 'manifest', 'compared', 'rows', 'heading'])

export function compileRule(rule: Rule): CompiledRule {
  const flags = rule.ignoreCase ? 'i' : ''
  const isAssignment = rule.structure === 'assignment'
  const isNameOnly = isAssignment && /^(?:[\w|)]|\(\?:|\\[.-]|\[(?:\w|\\[.-])*\])*$/.test(rule.pattern)
  return {
    rule,
    isAssignment,
    isOfText: isAssignment || OF_TEXT.has(rule.structure),
    pattern: new Pattern(wholePattern(rule), `y${flags}`),
    isNameOnly,
    paths: rule.paths === undefined ? undefined : new RegExp(rule.paths, 'i'),
    lead: rule.lead && { class: classTable(rule.lead.characters), most: rule.lead.most },
    before: classTable(rule.before),
    after: classTable(rule.after),
    near: Object.entries(rule.facts?.near ?? {}).map(([name, pattern]) => [name, new RegExp(pattern, 'g')]),
    pair: rule.pair && {
      pattern: new Pattern(rule.pair.pattern, `g${flags}`),
      before: classTable(rule.pair.before),
      after: classTable(rule.pair.after),
      within: rule.pair.within,
      adjoins: rule.pair.adjoins,
      entropy: rule.pair.entropy ?? 0,
      hasValue: rule.pair.pattern.includes('(?<value>'),
    },
    keyId: rule.keyId && {
      pattern: new Pattern(rule.keyId.pattern, `g${flags}`),
      before: classTable(''),
      after: classTable(''),
      within: rule.keyId.within,
      adjoins: false,
      entropy: 0,
    },
  }
}

const tables = new Map<string, Uint8Array>()

/** 1 for each byte of the class; '' is the empty class. Most rules have one of a few classes, so tables are shared. */
function classTable(characters: string): Uint8Array {
  const made = tables.get(characters) ?? makeTable(characters)
  tables.set(characters, made)
  return made
}

function makeTable(characters: string): Uint8Array {
  const table = new Uint8Array(256)
  if (characters === '') return table
  for (const [character] of EVERY_BYTE.matchAll(new RegExp(`[${characters}]`, 'g')))
    table[character.charCodeAt(0)] = 1
  return table
}

const EVERY_BYTE = String.fromCharCode(...Array(256).keys())
