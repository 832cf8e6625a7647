/** One line that says whose the paths are that its pattern fits; without owners, that they are nobody's. */
export interface CodeOwnersRule {
  readonly line: number
  readonly pattern: string
  readonly owners: readonly string[]
  /** GitLab's sections are asked each by itself. */
  readonly section?: string
}

const MOST_RULES = 20_000
const SECTION = /^\^?\[([^\]]+)\](?:\[\d+\])?((?:\s+\S+)*)\s*$/

/** The lines of a CODEOWNERS file, and those that do not work there, with why. */
export function parseCodeOwners(text: string): {
  rules: CodeOwnersRule[]
  problems: { line: number; why: string }[]
} {
  const rules: CodeOwnersRule[] = []
  const problems: { line: number; why: string }[] = []
  let section: { name: string; owners: string[] } | undefined
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = index + 1
    const head = SECTION.exec(raw.trim())
    if (head) {
      section = { name: head[1]!.toLowerCase(), owners: ownersIn(words(head[2] ?? '')) }
      continue
    }
    const [pattern, ...rest] = words(raw)
    if (pattern === undefined) continue
    const problem = problemOf(pattern)
    if (problem !== undefined) problems.push({ line, why: problem })
    else if (rules.length >= MOST_RULES) {
      problems.push({ line, why: `it has more than ${MOST_RULES} rules` })
      break
    } else {
      const owners = ownersIn(rest)
      if (rest.length > owners.length) problems.push({ line, why: 'what follows the pattern is no owner' })
      rules.push({
        line,
        pattern,
        owners: rest.length === 0 ? (section?.owners ?? []) : owners,
        ...(section && { section: section.name }),
      })
    }
  }
  return { rules, problems }
}

/** The words of a line without its comment; a space that follows a backslash is a part of its word. */
function words(line: string): string[] {
  const found: string[] = []
  let word = ''
  for (let at = 0; at < line.length; at++) {
    const sign = line[at]!
    if (sign === '\\' && at + 1 < line.length) word += sign + line[++at]!
    else if (sign === ' ' || sign === '\t') {
      if (word !== '') found.push(word)
      word = ''
    } else if (sign === '#' && word === '') break
    else word += sign
  }
  return word === '' ? found : [...found, word]
}

function ownersIn(given: readonly string[]): string[] {
  return given.filter(word => /^@@?[\w.-]+(?:\/[\w./-]+)?$|^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(word))
}

/** What Git's own ignore files can, and these cannot. */
function problemOf(pattern: string): string | undefined {
  if (pattern.startsWith('!')) return 'a pattern cannot be negated with “!”'
  if (/(?<!\\)\[/.test(pattern)) return 'a pattern cannot have a range of characters in “[ ]”'
  if (pattern.startsWith('\\#')) return 'a pattern cannot begin with “\\#”'
  if (pattern.includes('***')) return 'a pattern cannot have “***”'
  return pattern.replaceAll('/', '') === '' && pattern !== '/' ? 'the pattern names nothing' : undefined
}

/** Whose the path is: by the last rule that fits, of each section. Undefined where none fits; without owners, it is nobody's. */
export class CodeOwners {
  readonly #sections: readonly (readonly Compiled[])[]

  constructor(rules: readonly CodeOwnersRule[]) {
    const sections = Map.groupBy(rules, ({ section }) => section ?? '')
    this.#sections = [...sections.values()].map(own => own.map(compile).reverse())
  }

  of(path: string): { owners: readonly string[]; rules: readonly CodeOwnersRule[] } | undefined {
    const parts = path.split('/')
    const rules = this.#sections.flatMap(own => own.find(one => fits(one, path, parts))?.rule ?? [])
    return rules.length === 0
      ? undefined
      : { owners: [...new Set(rules.flatMap(rule => rule.owners))], rules }
  }
}

interface Compiled {
  readonly rule: CodeOwnersRule
  /** What every path that fits contains: most rules are passed over by that alone. */
  readonly literals: readonly string[]
  readonly parts: readonly string[]
  /** What it fits may be a folder with all that is in it. */
  readonly isFolderToo: boolean
}

function compile(rule: CodeOwnersRule): Compiled {
  const text = rule.pattern.replace(/\\(.)/g, '$1')
  const trimmed = text.replace(/^\/+|\/+$/g, '')
  const parts = trimmed.split('/').filter(part => part !== '')
  // A slash at its beginning or middle ties it to the root.
  const isAnchored = text.replace(/\/+$/, '').includes('/')
  const last = parts.at(-1) ?? ''
  const isFolder = text.endsWith('/')
  // `docs/*` are the files of docs, and not what lies deeper.
  const isFolderToo = isFolder || !(isAnchored && last === '*')
  const all = isAnchored ? parts : ['**', ...parts]
  return {
    rule,
    literals: parts.flatMap(part => part.split(/[*?]+/)).filter(literal => literal !== ''),
    parts: isFolder ? [...all, '**', '*'] : all,
    isFolderToo: isFolderToo && !isFolder,
  }
}

function fits({ literals, parts, isFolderToo }: Compiled, path: string, within: readonly string[]): boolean {
  if (!literals.every(literal => path.includes(literal))) return false
  if (fitsParts(parts, within)) return true
  return isFolderToo && fitsParts([...parts, '**', '*'], within)
}

/** `**` stands for any number of folders. Each mismatch goes back to the last of them only, so that no pattern takes long. */
function fitsParts(pattern: readonly string[], parts: readonly string[]): boolean {
  return wildcard(pattern.length, parts.length, {
    isStar: at => pattern[at] === '**',
    fits: (at, place) => fitsPart(pattern[at]!, parts[place]!),
  })
}

function fitsPart(pattern: string, part: string): boolean {
  if (pattern === part) return true
  return wildcard(pattern.length, part.length, {
    isStar: at => pattern[at] === '*',
    fits: (at, place) => pattern[at] === '?' || pattern[at] === part[place],
  })
}

function wildcard(
  length: number,
  count: number,
  { isStar, fits }: { isStar(at: number): boolean; fits(at: number, place: number): boolean },
): boolean {
  let [at, place] = [0, 0]
  let star = -1
  let from = 0
  while (place < count) {
    if (at < length && isStar(at)) {
      star = at++
      from = place
    } else if (at < length && fits(at, place)) {
      at++
      place++
    } else if (star >= 0) {
      at = star + 1
      place = ++from
    } else return false
  }
  while (at < length && isStar(at)) at++
  return at === length
}
