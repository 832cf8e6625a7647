import { entropy } from './entropy.ts'

/**
 * What a value looks like, whatever its key. `generated`: by a machine, at random. `mixed`: a word with digits or signs,
 * as people make passwords. `word`: letters that read as a word or several.
 */
export type Form = 'generated' | 'mixed' | 'word' | 'number'

export interface ValueForm {
  readonly form: Form
  /** Shannon entropy, in bits per character. */
  readonly bits: number
  /** Hexadecimal of the length of a usual digest or key. */
  readonly isDigest: boolean
}

/** The pairs of letters that make up most of English and of what programmers call things: 190 of the 676 there are. */
const COMMON_PAIRS =
  'th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ' +
  'ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so ' +
  'rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh ir su id os iv ia am fi ci vi pl ' +
  'ig tu ev ld ry mp fe bl ab gh ty op wo sa ay ex ke fr oo av ag if ap gr od bo sp rd do uc bu ei ov by rm ep tt ' +
  'oc fa ef cu rn sc gi da yo cr cl du ga qu ue ff ba ey ls va um pp ua up lu go ht ru ug ds lt pi rc rr eg au ck ' +
  'ew mu br bi pt'
const IS_COMMON = new Uint8Array(26 * 26)
for (const pair of COMMON_PAIRS.split(' '))
  IS_COMMON[(pair.charCodeAt(0) - 97) * 26 + pair.charCodeAt(1) - 97] = 1

export function formOf(value: string): ValueForm {
  const bits = entropy(value)
  const isDigest = /^(?:0x)?[0-9a-f]{32,128}$/i.test(value) && bits > 2.7
  if (isDigest) return { form: 'generated', bits, isDigest }
  if (/^[\d\s.,+-]+$/.test(value)) return { form: 'number', bits, isDigest }
  if (isInGroups(value) || isGenerated(value, bits)) return { form: 'generated', bits, isDigest }
  const isWord = !/\d/.test(value) && !/[^A-Za-z\x80-\xff\s_.'-]/.test(value)
  return { form: isWord ? 'word' : 'mixed', bits, isDigest }
}

/** Four times four letters, which Google writes a password of an application in; words in a sentence have pairs that words have. */
export function isInGroups(value: string): boolean {
  return /^[a-z]{4}(?: [a-z]{4}){3}$/.test(value) && wordiness(value) < 0.62
}

function isGenerated(value: string, bits: number): boolean {
  const { length } = value
  // Hexadecimal has few letters, and pairs of them that words have too; sixteen of its digits are seldom all different.
  const isHex = /(?<![A-Za-z])(?=[a-f]{0,12}\d)(?=\d{0,12}[a-f])[0-9a-f]{16,}(?![A-Za-z])/i.test(value)
  if (length < 8 || bits < Math.min(isHex ? 2.7 : 3.1, 0.78 * Math.log2(length))) return false
  if (isSequence(value)) return false
  if (isHex) return true
  const digits = count(value, 0x30, 0x39)
  const upper = count(value, 0x41, 0x5a)
  const lower = count(value, 0x61, 0x7a)
  const signs = length - digits - upper - lower
  // Words with signs or capitals between them.
  const share = wordiness(value)
  if (digits + signs === 0 && (upper === 0 || lower === 0)) return length >= 16 && share < 0.45
  // Chance begins a word with every fourth letter, give or take some; none of them is one.
  if (digits === 0 && signs === 0)
    return length >= 12 && (isNoWords(value) ? turns(value) > 1 : share < 0.5 && turns(value) > length / 4)
  // Chance makes common pairs too, but no word turns into digits and back again and again.
  if (share >= 0.62) return signs === 0 && digits >= 4 && length >= 16 && turns(value) >= length / 3
  if (digits === 0)
    return signs < length / 6 && isNoWords(value)
      ? turns(value) > 2
      : share < 0.5 && (signs >= 2 || length >= 16) && turns(value) > length / 3
  return turns(value) >= (length >= 15 && signs === 0 && share < 0.35 ? 2 : Math.min(4, length / 4))
}

/** So many letters, of both cases, in which so few pairs are common ones: no name in camel case. */
export function isNoWords(value: string): boolean {
  const { length } = value
  const least = length / 5
  return (
    length >= 16 &&
    count(value, 0x41, 0x5a) > least &&
    count(value, 0x61, 0x7a) > least &&
    wordiness(value) < 0.45
  )
}

/** Which part of the pairs of letters are common ones: near 0.85 for words, 0.3 for chance. */
export function wordiness(value: string): number {
  let [pairs, common] = [0, 0]
  for (let at = 1; at < value.length; at++) {
    const [a, b] = [letter(value.charCodeAt(at - 1)), letter(value.charCodeAt(at))]
    if (a < 0 || b < 0) continue
    pairs++
    common += IS_COMMON[a * 26 + b]!
  }
  return pairs < Math.max(3, value.length / 4) ? 0 : common / pairs
}

/** How often the kind of character changes, other than from a capital to the rest of its word. */
function turns(value: string): number {
  let turned = 0
  for (let at = 1; at < value.length; at++) {
    const [a, b] = [kind(value.charCodeAt(at - 1)), kind(value.charCodeAt(at))]
    if (a !== b && !(a === 1 && b === 0)) turned++
  }
  return turned
}

/** Words in a row, however they are joined, with a digit or two at the end: `getApiKeyFromSettings`, `deploy-key-1`. Chance makes one of a thousand. */
export function isWords(value: string): boolean {
  return /^[A-Za-z_.-]+\d{0,2}$/.test(value) && wordiness(value) >= 0.62
}

/** `0123456789abcdef`, `00112233`, `a1b2c3d4e5`: what documentation and tests count up. */
export function isSequence(value: string): boolean {
  const characters = value.toLowerCase().replace(/[^a-z0-9]/g, '')
  return characters.length >= 6 && (counted(characters, 1) >= 0.7 || counted(characters, 2) >= 0.7)
}

/** `abcdefg`, `12345678` among others: typed by a person, where a machine should have generated. */
export function hasRun(value: string): boolean {
  return longestRun(value) >= 7
}

/** How many characters in a row follow upon one another. */
export function longestRun(value: string): number {
  let [run, longest] = [1, 1]
  for (let at = 1; at < value.length; at++) {
    run = isStep(value.charCodeAt(at - 1), value.charCodeAt(at), 1) ? run + 1 : 1
    if (run > longest) longest = run
  }
  return longest
}

/** The part of characters that follow upon the one `distance` before. */
function counted(value: string, distance: number): number {
  let steps = 0
  for (let at = distance; at < value.length; at++)
    if (isStep(value.charCodeAt(at - distance), value.charCodeAt(at), 0)) steps++
  return steps / (value.length - distance)
}

function isStep(a: number, b: number, least: number): boolean {
  const step = Math.abs(b - a)
  return (step <= 1 && step >= least) || (a === 0x39 && (b === 0x61 || b === 0x41 || b === 0x30))
}

function letter(code: number): number {
  if (code >= 0x61 && code <= 0x7a) return code - 0x61
  return code >= 0x41 && code <= 0x5a ? code - 0x41 : -1
}

function kind(code: number): number {
  if (code >= 0x61 && code <= 0x7a) return 0
  if (code >= 0x41 && code <= 0x5a) return 1
  return code >= 0x30 && code <= 0x39 ? 2 : 3
}

function count(value: string, from: number, to: number): number {
  let sum = 0
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at)
    if (code >= from && code <= to) sum++
  }
  return sum
}
