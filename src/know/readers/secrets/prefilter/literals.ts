import type { CompiledRule } from '../rules/compiled-rule.ts'
import { type Literal, type Lookup, lookupOf, type Needs } from './lookup.ts'
import { isAtStart } from '../rules/rule.ts'

/** What a literal stands for that is no keyword of a rule: a keyword as it looks within base64 or in codes. */
export type Meaning =
  /** The literal begins `offset` characters into a base64 text, counted modulo 4. */
  | { readonly base64: true; readonly offset: number }
  /** The beginning of a keyword as it looks when each of its characters is written by a code. */
  | { readonly encoded: EncodedForm }
  /** A keyword whose slashes are escaped, as some JSON writers do: only its decoded string can match. */
  | { readonly escaped: true }

/** `escapes` are those of JSON, URLs and XML; `wide` is UTF-16. */
export type EncodedForm = 'hex' | 'escapes' | 'wide'

/** What rules are found by, as plain data, so that it can be made ahead. */
export interface Dictionary {
  readonly lookup: Lookup
  /** Of each literal, the number of the rule whose keyword it is; or that of another meaning, from -1 downwards (`meaningOf`). */
  readonly meanings: Int32Array
}

const MEANINGS: readonly Meaning[] = [
  { escaped: true },
  ...[0, 1, 2, 3].map(offset => ({ base64: true, offset }) as const),
  ...(['hex', 'escapes', 'wide'] as const).map(encoded => ({ encoded })),
]

/** @param number negative */
export function meaningOf(number: number): Meaning {
  return MEANINGS[-1 - number]!
}

const ESCAPED = -1
const inBase64At = (offset: number) => -2 - offset
const CODED: Readonly<Record<EncodedForm, number>> = { hex: -6, escapes: -7, wide: -8 }

/** Gzip as it begins in base64, and in base64 of that: what packs manifests so packs the secrets in them. */
const PACKED = ['H4sI', 'SDRzS']
/** Characters of a keyword that are enough to tell it in a form that hardly occurs otherwise. */
const ENOUGH_OF_HEX = 4
const ENOUGH_OF_ESCAPES = 2

/** Shorter ones would be met by chance in any base64. */
const SHORTEST_IN_BASE64 = 4
/** More characters would leave out hardly any base64 text more. */
const LONGEST_IN_BASE64 = 6

/**
 * Every rule's keywords, and each keyword as it looks within base64 at its three possible alignments, so that one pass
 * over the bytes also finds the base64 texts that are worth decoding.
 */
export function dictionaryOf(rules: readonly CompiledRule[]): Dictionary {
  const literals: Literal[] = []
  const meanings: number[] = []
  const seen = new Set<string>()
  const add = (
    text: string,
    ignoreCase: boolean,
    meaning: number,
    more?: Pick<Literal, 'atStart' | 'needs'>,
  ) => {
    literals.push({ text, ignoreCase, ...more })
    meanings.push(meaning)
  }
  const once = (kind: string, text: string, meaning: number, ignoreCase = false) => {
    if (seen.has(kind + text)) return
    seen.add(kind + text)
    add(text, ignoreCase, meaning)
  }
  for (const text of PACKED) once('0 ', text, inBase64At(0))
  for (const [number, rule] of rules.entries()) {
    const needs: Needs = {
      // Where something may lead up to it, only the match tells what stands before.
      before: rule.lead ? undefined : rule.before,
      isName: rule.isNameOnly,
      beginning: rule.pattern.beginning,
    }
    for (const keyword of rule.rule.keywords) {
      const atStart = isAtStart(rule.rule)
      add(keyword, rule.rule.ignoreCase, number, { atStart, needs })
      if (keyword.includes('/')) once('escaped ', keyword.replaceAll('/', '\\/'), ESCAPED)
      if (!rule.rule.inBase64) continue
      for (const spelling of rule.rule.ignoreCase ? spellings(keyword) : [keyword]) {
        for (const { text, offset } of inBase64(spelling)) {
          once(`${offset} `, text, inBase64At(offset))
          if (rule.rule.ignoreCase) continue
          for (const twice of inBase64(text)) once(`${twice.offset} `, twice.text, inBase64At(twice.offset))
        }
        for (const { text, form } of inCodes(spelling)) once(`${form} `, text, CODED[form], true)
      }
    }
  }
  return { lookup: lookupOf(literals), meanings: Int32Array.from(meanings) }
}

/** Only letters of ASCII have a case here: others are bytes of one. */
function spellings(keyword: string): string[] {
  const lower = keyword.replace(/[A-Z]+/g, letters => letters.toLowerCase())
  const upper = keyword.replace(/[a-z]+/g, letters => letters.toUpperCase())
  return [...new Set([lower, upper, lower.replace(/^[a-z]/, first => first.toUpperCase())])]
}

/** As it looks with a code for each character, in the case of which hexadecimal digits do not differ. */
function inCodes(keyword: string): { text: string; form: EncodedForm }[] {
  const bytes = [...Buffer.from(keyword, 'latin1')]
  const hex = bytes.map(byte => byte.toString(16).padStart(2, '0'))
  const found: { text: string; form: EncodedForm }[] = []
  if (hex.length >= ENOUGH_OF_HEX) {
    found.push({ text: hex.slice(0, ENOUGH_OF_HEX).join(''), form: 'hex' })
    found.push({
      text: keyword.slice(0, ENOUGH_OF_HEX).replace(/[^]/g, '$&\0'),
      form: 'wide',
    })
  }
  if (hex.length < ENOUGH_OF_ESCAPES) return found
  for (const coded of [
    (digits: string) => `\\u00${digits}`,
    (digits: string) => `\\x${digits}`,
    (digits: string) => `%${digits}`,
    (digits: string) => `&#x${digits};`,
    (digits: string) => `&#${Number.parseInt(digits, 16)};`,
  ])
    found.push({ text: hex.slice(0, ENOUGH_OF_ESCAPES).map(coded).join(''), form: 'escapes' })
  return found
}

/** Only the characters that the keyword alone decides: not those that also hold bits of what is around it. */
function inBase64(keyword: string): { text: string; offset: number }[] {
  const found: { text: string; offset: number }[] = []
  for (const [before, undecided] of [
    [0, 0],
    [1, 2],
    [2, 3],
  ] as const) {
    const encoded = Buffer.from('\0'.repeat(before) + keyword, 'latin1').toString('base64')
    const decided = Math.floor(((before + keyword.length) * 8) / 6)
    const text = encoded.slice(undecided, Math.min(decided, undecided + LONGEST_IN_BASE64))
    if (text.length < SHORTEST_IN_BASE64) continue
    found.push({ text, offset: undecided % 4 })
    const url = text.replaceAll('+', '-').replaceAll('/', '_')
    if (url !== text) found.push({ text: url, offset: undecided % 4 })
  }
  return found
}
