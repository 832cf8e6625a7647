import { endingOf } from './rules/assigned-to.ts'
import type { Candidate } from './candidate.ts'
import type { CompiledRule } from './rules/compiled-rule.ts'
import { readToken, withFacts } from './interpret.ts'
import { type NameAround, namesAround } from './names-around.ts'
import type { Rule } from './rules/rule.ts'
import type { Text } from './text.ts'

/** A keyword of a rule whose values are told by names. */
interface Told {
  readonly rule: CompiledRule
  /** Long enough, and no word that has to be followed by something: it says whose a key is in a sentence, too. */
  readonly isPlain: boolean
}

/** What a rule says of a name's end and of the value given to it. */
interface Form {
  readonly name: RegExp
  readonly value: RegExp
}

/** Of how many words a keyword may consist: `application_specific`. */
const MOST_WORDS = 4
const BEGINNING = 4

/**
 * Whose key it is that a general rule found, by what stands around it: `[heroku]` before `api_key = …`, an object's or a
 * file's name, a comment. The rule of whoever is named there first has to fit, and no other: then that is what it is. It is
 * asked only of what is found, so that the expressions, which are tried at every keyword, need not reach so far.
 */
export class Owners {
  readonly #told = new Map<string, Told[]>()
  /** By the host that the vendor answers at; a site of theirs for people is named by many. */
  readonly #atHost = new Map<string, Told[]>()
  /** Of their names: most words are told from all of them by that. */
  readonly #beginnings = new Set<string>()
  readonly #forms = new Map<Rule, Form>()

  constructor(rules: readonly CompiledRule[]) {
    for (const compiled of rules) {
      const { rule } = compiled
      if (!rule.assignedTo || !rule.given?.includes('(?<value>')) continue
      for (const keyword of rule.keywords) {
        const name = keyword.toLowerCase().replace(/[^a-z0-9]/g, '')
        add(this.#told, name, { rule: compiled, isPlain: name.length >= 5 && /[A-Za-z0-9]$/.test(keyword) })
        for (let length = 1; length <= BEGINNING; length++) this.#beginnings.add(name.slice(0, length))
      }
      for (const host of hostsOf(rule)) add(this.#atHost, host, { rule: compiled, isPlain: true })
    }
  }

  /** The candidate as that vendor's, or as it was: also one whose form several vendors' keys have. */
  settled(text: Text, { key, ...found }: Candidate): Candidate {
    const { start, end, bytes } = found.value
    // What stands there otherwise than it is says less of where its other half is.
    if (!key || bytes.length !== end - start) return found
    const written = Buffer.from(bytes).toString('latin1')
    for (const around of namesAround(text, key, found.value)) {
      const told = this.#namedBy(around, key.name).filter(
        ({ rule: { rule, paths } }) =>
          paths?.test(text.path) !== false && (around.is === 'name' || !saysDead(rule)),
      )
      if (told.length === 0) continue
      const fitting = told.filter(
        ({ rule: { rule } }) =>
          rule.specificity > found.rule.rule.specificity && this.#fits(rule, key.name, written),
      )
      const [first, second] = fitting
      if (!first || second) return found
      const match = { start, keywordAt: start, end, groups: { value: [start, end] as [number, number] } }
      const token = readToken(text, first.rule, match, found.depth)
      if (!token) return found
      const reasons = [...token.reasons, 'what it stands in is named so']
      return withFacts(text, { ...token, value: found.value, reasons })
    }
    return found
  }

  /** The nearest to the key. What is called by its name and the key's, `datadog` and `app_key`, is another one than by its name alone. */
  #namedBy({ text, is }: NameAround, keyName: string): readonly Told[] {
    if (is === 'host') return this.#atHost.get(text) ?? []
    const words = wordsOf(text)
    const all = text === keyName ? words : [...words, ...wordsOf(keyName)]
    for (let first = words.length - 1; first >= 0; first--) {
      if (!this.#beginnings.has(all[first]!.slice(0, BEGINNING))) continue
      let name = ''
      let meant: readonly Told[] | undefined
      for (const word of all.slice(first, first + MOST_WORDS)) {
        name += word
        const told = this.#told.get(name)?.filter(({ isPlain }) => is === 'name' || isPlain)
        if (told && told.length > 0) meant = told
      }
      if (meant) return meant
    }
    return []
  }

  #fits(rule: Rule, name: string, value: string): boolean {
    let form = this.#forms.get(rule)
    if (!form) {
      const { given, assignedTo, ignoreCase } = rule
      form = {
        name: new RegExp(`${endingOf(assignedTo!)}$`, 'i'),
        value: new RegExp(`^(?:${given})$`, ignoreCase ? 'i' : ''),
      }
      this.#forms.set(rule, form)
    }
    return form.name.test(name) && form.value.exec(value)?.groups?.['value'] === value
  }
}

function add(all: Map<string, Told[]>, name: string, told: Told): void {
  const known = all.get(name) ?? []
  if (!known.some(({ rule }) => rule === told.rule)) known.push(told)
  all.set(name, known)
}

function hostsOf({ verify }: Rule): string[] {
  const urls = 'http' in verify ? verify.http.flatMap(({ url }) => url) : []
  return urls
    .map(url => new URL(url.replaceAll(/[{}]/g, '')).hostname)
    .filter(host => !host.startsWith('www.'))
}

/** What is refused there is taken for dead: a key of somebody else's must not be, because of a sentence or a URL. */
function saysDead({ verify }: Rule): boolean {
  return 'http' in verify && verify.http.some(({ dead }) => dead !== undefined)
}

/** In lower case: `SendGrid`, `SENDGRID_KEY` and `send-grid key` by their parts. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g)].map(([word]) => word.toLowerCase())
}
