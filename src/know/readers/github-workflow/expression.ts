/**
 * Expressions of GitHub Actions: what stands in `${{ … }}`.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
 */
export type Expression =
  | { readonly is: 'literal'; readonly value: string | number | boolean | null }
  /** `github.event.issue.title` as names in lower case; an index that is no name is `*`. */
  | { readonly is: 'context'; readonly path: readonly string[] }
  | { readonly is: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly is: 'not'; readonly of: Expression }
  | {
      readonly is: 'binary'
      readonly operator: string
      readonly left: Expression
      readonly right: Expression
    }
  /** A member of what an expression gives: `(a || b).number`. */
  | { readonly is: 'member'; readonly of: Expression; readonly path: readonly string[] }

/** An expression within a text. `start` and `end` are offsets of all of `${{ … }}` in it. */
export interface Embedded {
  readonly start: number
  readonly end: number
  /** Undefined where it does not parse. */
  readonly expression: Expression | undefined
}

const MOST_LENGTH = 21_000 // what GitHub takes
const MOST_DEPTH = 60

/** Every `${{ … }}` of a text. */
export function embeddedIn(text: string): Embedded[] {
  const found: Embedded[] = []
  for (let start = text.indexOf('${{'); start >= 0; ) {
    const end = endOf(text, start + 3)
    if (end < 0) break
    found.push({ start, end: end + 2, expression: parseExpression(text.slice(start + 3, end)) })
    start = text.indexOf('${{', end + 2)
  }
  return found
}

/** Where the `}}` stands that ends an expression: not within a string of it. */
function endOf(text: string, from: number): number {
  let quoted = false
  for (let at = from; at < text.length; at++) {
    if (text[at] === "'") quoted = !quoted
    else if (!quoted && text.startsWith('}}', at)) return at
  }
  return -1
}

export function parseExpression(text: string): Expression | undefined {
  if (text.length > MOST_LENGTH) return undefined
  const tokens = tokensOf(text)
  if (!tokens) return undefined
  const parser = new Parser(tokens)
  try {
    const expression = parser.either(0)
    return parser.isAtEnd() ? expression : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const TOKEN =
  /\s*(?:(?<number>-?(?:0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?))|(?<string>'(?:[^']|'')*')|(?<name>[a-z_][a-z0-9_-]*)|(?<mark>&&|\|\||[=!<>]=|[()[\],.<>!*]))/iy

type Token = { readonly kind: 'number' | 'string' | 'name' | 'mark'; readonly text: string }

function tokensOf(text: string): Token[] | undefined {
  const tokens: Token[] = []
  const rest = text.trimEnd()
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < rest.length) {
    const groups = TOKEN.exec(rest)?.groups
    if (!groups) return undefined
    const [kind, token] = Object.entries(groups).find(([, value]) => value !== undefined)!
    tokens.push({ kind: kind as Token['kind'], text: token! })
  }
  return tokens
}

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  isAtEnd(): boolean {
    return this.#at === this.#tokens.length
  }

  either(depth: number): Expression {
    return this.#chain(['||'], depth, () => this.#both(depth))
  }

  #both(depth: number): Expression {
    return this.#chain(['&&'], depth, () => this.#equality(depth))
  }

  #equality(depth: number): Expression {
    return this.#chain(['==', '!='], depth, () =>
      this.#chain(['<', '<=', '>', '>='], depth, () => this.#unary(depth)),
    )
  }

  #chain(operators: readonly string[], depth: number, next: () => Expression): Expression {
    if (depth > MOST_DEPTH) throw new SyntaxError('too deep')
    let left = next()
    for (let operator = this.#takeMark(operators); operator; operator = this.#takeMark(operators))
      left = { is: 'binary', operator, left, right: next() }
    return left
  }

  #unary(depth: number): Expression {
    if (depth > MOST_DEPTH) throw new SyntaxError('too deep')
    if (this.#takeMark(['!'])) return { is: 'not', of: this.#unary(depth + 1) }
    return this.#primary(depth)
  }

  #primary(depth: number): Expression {
    const token = this.#tokens[this.#at++]
    if (!token) throw new SyntaxError('it ends early')
    if (token.kind === 'number') return { is: 'literal', value: Number(token.text) }
    if (token.kind === 'string')
      return { is: 'literal', value: token.text.slice(1, -1).replaceAll("''", "'") }
    if (token.kind === 'mark') {
      if (token.text !== '(') throw new SyntaxError('an operand is missing')
      const inner = this.either(depth + 1)
      this.#expect(')')
      return this.#memberOf(inner, this.#path(depth))
    }
    const name = token.text.toLowerCase()
    if (name === 'true' || name === 'false') return { is: 'literal', value: name === 'true' }
    if (name === 'null') return { is: 'literal', value: null }
    if (this.#takeMark(['('])) {
      const args: Expression[] = []
      if (!this.#takeMark([')']))
        for (;;) {
          args.push(this.either(depth + 1))
          if (this.#takeMark([')'])) break
          this.#expect(',')
        }
      return this.#memberOf({ is: 'call', name, args }, this.#path(depth))
    }
    return { is: 'context', path: [name, ...this.#path(depth)] }
  }

  #memberOf(of: Expression, path: readonly string[]): Expression {
    return path.length === 0 ? of : { is: 'member', of, path }
  }

  #path(depth: number): string[] {
    const path: string[] = []
    for (;;)
      if (this.#takeMark(['.'])) {
        const token = this.#tokens[this.#at++]
        if (!token || (token.kind !== 'name' && token.text !== '*'))
          throw new SyntaxError('a name is missing')
        path.push(token.text.toLowerCase())
      } else if (this.#takeMark(['['])) {
        if (this.#takeMark(['*'])) path.push('*')
        else {
          const index = this.either(depth + 1)
          const isName = index.is === 'literal' && typeof index.value === 'string'
          path.push(isName ? String(index.value).toLowerCase() : '*')
        }
        this.#expect(']')
      } else return path
  }

  #takeMark(marks: readonly string[]): string | undefined {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'mark' || !marks.includes(token.text)) return undefined
    this.#at++
    return token.text
  }

  #expect(mark: string): void {
    if (!this.#takeMark([mark])) throw new SyntaxError(`${mark} is missing`)
  }
}

/** What gives a number or a boolean, or a digest, whatever it is given. */
const TELLING_NOTHING = new Set([
  'contains',
  'startswith',
  'endswith',
  'hashfiles',
  'success',
  'failure',
  'always',
  'cancelled',
])

/** The parts of an expression that its value may be, or hold: contexts, and literals. */
export function flowsOf(expression: Expression): Expression[] {
  switch (expression.is) {
    case 'literal':
    case 'context':
      return [expression]
    case 'not':
      return []
    case 'member':
      return flowsOf(expression.of).map(part =>
        part.is === 'context' ? { is: 'context', path: [...part.path, ...expression.path] } : part,
      )
    case 'call':
      return TELLING_NOTHING.has(expression.name) ? [] : expression.args.flatMap(flowsOf)
    case 'binary':
      if (expression.operator === '||') return [...flowsOf(expression.left), ...flowsOf(expression.right)]
      // The left of `&&` is the value only where it is false, empty or nothing.
      return expression.operator === '&&' ? flowsOf(expression.right) : []
  }
}

/** Every part of an expression, itself first. */
export function partsOf(expression: Expression): Expression[] {
  switch (expression.is) {
    case 'literal':
    case 'context':
      return [expression]
    case 'not':
    case 'member':
      return [expression, ...partsOf(expression.of)]
    case 'call':
      return [expression, ...expression.args.flatMap(partsOf)]
    case 'binary':
      return [expression, ...partsOf(expression.left), ...partsOf(expression.right)]
  }
}

/** Every context that a text's expressions speak of, whether or not its value flows anywhere. */
export function contextsIn(text: string): (readonly string[])[] {
  return embeddedIn(text).flatMap(({ expression }) =>
    expression ? partsOf(expression).flatMap(part => (part.is === 'context' ? [part.path] : [])) : [],
  )
}
