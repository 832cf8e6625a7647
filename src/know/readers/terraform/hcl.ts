import type { Located } from '../located.ts'
import { type HclToken, hclTokens } from './hcl-token.ts'

/** A block: `resource "aws_iam_role" "ci" { … }`. Blocks within it are members of its body, as lists. */
export interface HclBlock {
  readonly type: string
  readonly labels: readonly string[]
  readonly line: number
  readonly body: Located
}

export interface HclProblem {
  readonly line: number
  readonly why: string
}

/** Blocks of the top, by how many labels each has. One of `check` may hold `data`. */
const TOP: Readonly<Record<string, number>> = {
  resource: 2,
  module: 1,
  output: 1,
  provider: 1,
  variable: 1,
  locals: 0,
  terraform: 0,
}
const MOST_DEPTH = 60
const MOST_PROBLEMS = 100

/**
 * The blocks of a text of HCL. Values are located ones: a text without expressions is itself; one with them is as written,
 * tagged `!template`; any other expression is its source, tagged `!expression`, but for a call of `jsonencode`, which is what
 * is encoded. What cannot be read is a problem, and what follows it is read.
 */
export function hclOf(text: string): { readonly blocks: HclBlock[]; readonly problems: HclProblem[] } {
  const { tokens, complete } = hclTokens(text)
  const parser = new Parser(text, tokens)
  const blocks = parser.top()
  if (!complete) parser.problem(tokens.at(-1)!.line, 'it has more words than are looked at')
  return { blocks, problems: parser.problems }
}

class Parser {
  readonly problems: HclProblem[] = []
  readonly #text: string
  readonly #tokens: readonly HclToken[]
  #at = 0

  constructor(text: string, tokens: readonly HclToken[]) {
    this.#text = text
    this.#tokens = tokens
  }

  problem(line: number, why: string): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push({ line, why })
  }

  top(): HclBlock[] {
    const blocks: HclBlock[] = []
    while (this.#peek().kind !== 'end') {
      const block = this.#item(0, (name, value) =>
        blocks.push({ type: '', labels: [name], line: value.line, body: value }),
      )
      if (block) blocks.push(block)
      else if (this.#peek().text === '}') {
        this.problem(this.#peek().line, 'a brace that closes nothing')
        this.#at++
      }
    }
    return blocks
  }

  /** An attribute, a block, or nothing at a closing brace. */
  #item(depth: number, attribute: (name: string, value: Located) => void): HclBlock | undefined {
    const first = this.#peek()
    if (first.kind === 'newline') {
      this.#at++
      return undefined
    }
    if (first.kind === 'mark' && first.text === '}') return undefined
    if (first.kind !== 'name' && first.kind !== 'string') return this.#recover(first, 'a name is missing')
    this.#at++
    const next = this.#peek()
    if (next.text === '=' && next.kind === 'mark') {
      this.#at++
      const value = this.#expression(depth, ['newline', '}', 'end'])
      attribute(first.text, { ...value, keyLine: first.line })
      return undefined
    }
    const labels: string[] = []
    while (['name', 'string'].includes(this.#peek().kind)) labels.push(this.#tokens[this.#at++]!.text)
    if (this.#peek().kind !== 'mark' || this.#peek().text !== '{')
      return this.#recover(
        this.#peek(),
        `what ${labels.length > 0 ? 'the block' : 'the name'} is followed by is no brace and no sign`,
      )
    this.#at++
    return { type: first.text, labels, line: first.line, body: this.#body(first.line, depth + 1) }
  }

  #body(line: number, depth: number): Located {
    const members = new Map<string, Located>()
    const blocks = new Map<string, Located[]>()
    const body = { line, textLine: line, value: members }
    if (depth > MOST_DEPTH) {
      this.problem(line, `it is more than ${MOST_DEPTH} blocks deep`)
      this.#skipBraces()
      return body
    }
    for (;;) {
      const token = this.#peek()
      if (token.kind === 'end') {
        this.problem(line, 'a block that is not closed')
        break
      }
      if (token.kind === 'mark' && token.text === '}') {
        this.#at++
        break
      }
      if (this.#startsTop()) {
        this.problem(line, 'a block that is not closed before the next one')
        break
      }
      const block = this.#item(depth, (name, value) => {
        if (!members.has(name)) members.set(name, value)
      })
      if (!block) continue
      // What a dynamic block makes is one of its kind.
      const dynamic = block.type === 'dynamic' ? contentOf(block) : undefined
      const type = dynamic ? (block.labels[0] ?? 'dynamic') : block.type
      const labelled = dynamic ?? labelledBody(block)
      const same = blocks.get(type)
      const one = { ...labelled, keyLine: block.line }
      if (same) same.push(one)
      else blocks.set(type, [one])
    }
    for (const [type, list] of blocks)
      if (!members.has(type))
        members.set(type, {
          line: list[0]!.line,
          textLine: list[0]!.line,
          keyLine: list[0]!.line,
          value: list,
        })
    return body
  }

  /** To the brace that closes the one that was opened. */
  #skipBraces(): void {
    for (let open = 1; open > 0 && this.#peek().kind !== 'end'; this.#at++)
      if (this.#peek().kind === 'mark')
        open += this.#peek().text === '{' ? 1 : this.#peek().text === '}' ? -1 : 0
  }

  /** On to the next line. */
  #recover(at: HclToken, why: string): undefined {
    this.problem(at.line, why)
    while (!['newline', 'end'].includes(this.#peek().kind) && this.#peek().text !== '}') this.#at++
    return undefined
  }

  /** To one of these, which is left standing. */
  #expression(depth: number, until: readonly string[]): Located {
    const first = this.#peek()
    const from = this.#at
    const single = depth > MOST_DEPTH ? undefined : this.#term(depth)
    if (single && this.#isEnd(until)) return single
    this.#at = from
    // An expression of several parts is its source: to where it ends, over what stands in brackets.
    const open: string[] = []
    for (; this.#peek().kind !== 'end'; this.#at++) {
      const { kind, text } = this.#peek()
      if (open.length === 0 && this.#isEnd(until)) break
      if (open.length > 0 && this.#startsTop()) {
        this.problem(first.line, 'a bracket that is not closed')
        break
      }
      if (kind !== 'mark') continue
      if ('([{'.includes(text)) open.push(text)
      else if (')]}'.includes(text)) open.pop()
    }
    const last = this.#tokens[Math.max(from, this.#at - 1)]!
    return this.#source(first, last.end, '!expression')
  }

  #isEnd(until: readonly string[]): boolean {
    const { kind, text } = this.#peek()
    return (
      kind === 'end' ||
      (kind === 'newline' ? until.includes('newline') : kind === 'mark' && until.includes(text))
    )
  }

  #source(first: HclToken, end: number, tag: string): Located {
    return { line: first.line, textLine: first.line, value: this.#text.slice(first.start, end).trim(), tag }
  }

  #term(depth: number): Located | undefined {
    const first = this.#tokens[this.#at]!
    const plain = { line: first.line, textLine: first.line }
    if (first.kind === 'string' || first.kind === 'heredoc') {
      this.#at++
      const template = /(?<![$%])[$%]\{/.test(first.text)
      const value = first.kind === 'heredoc' || template ? first.text : unescaped(first.text)
      const textLine = first.line + (first.kind === 'heredoc' ? 1 : 0)
      return { line: first.line, textLine, value, ...(template && { tag: '!template' }) }
    }
    if (first.kind === 'number') {
      this.#at++
      return { ...plain, value: Number(first.text) }
    }
    if (first.kind === 'name' && ['true', 'false', 'null'].includes(first.text)) {
      this.#at++
      return { ...plain, value: first.text === 'null' ? null : first.text === 'true' }
    }
    if (first.kind === 'name' && this.#tokens[this.#at + 1]?.text === '(' && first.text === 'jsonencode') {
      this.#at += 2
      const value = this.#expression(depth + 1, [')'])
      if (this.#peek().text === ')') this.#at++
      return { ...value, tag: '!jsonencode' }
    }
    if (first.text === '[') return this.#list(plain, depth)
    if (first.text === '{') return this.#object(plain, depth)
    return undefined
  }

  #list(plain: { line: number; textLine: number }, depth: number): Located | undefined {
    this.#at++
    const value: Located[] = []
    for (;;) {
      this.#newlines()
      if (this.#startsTop()) return undefined
      if (this.#peek().kind === 'end') return { ...plain, value }
      if (this.#peek().text === ']') {
        this.#at++
        return { ...plain, value }
      }
      if (this.#peek().text === 'for') return undefined
      const before = this.#at
      value.push(this.#expression(depth + 1, [',', ']', 'newline']))
      this.#newlines()
      if (this.#peek().text === ',') this.#at++
      else if (this.#at === before) return undefined
    }
  }

  #object(plain: { line: number; textLine: number }, depth: number): Located | undefined {
    this.#at++
    const value = new Map<string, Located>()
    for (;;) {
      this.#newlines()
      if (this.#startsTop()) return undefined
      if (this.#peek().kind === 'end') return { ...plain, value }
      if (this.#peek().text === '}') {
        this.#at++
        return { ...plain, value }
      }
      if (this.#peek().text === 'for') return undefined
      const key = this.#peek()
      const named = this.#expression(depth + 1, ['=', ':', 'newline', '}'])
      if (this.#peek().text !== '=' && this.#peek().text !== ':') return undefined
      this.#at++
      const one = this.#expression(depth + 1, [',', '}', 'newline'])
      const name = typeof named.value === 'object' ? '' : String(named.value)
      if (!value.has(name)) value.set(name, { ...one, keyLine: key.line })
      if (this.#peek().text === ',') this.#at++
    }
  }

  /** A block that only stands at the top of a file, at the beginning of a line: what is open before it was left so. */
  #startsTop(): boolean {
    const { kind, text, start } = this.#peek()
    const labels = kind === 'name' && Object.hasOwn(TOP, text) ? TOP[text]! : -1
    if (labels < 0 || (start > 0 && this.#text[start - 1] !== '\n')) return false
    for (let at = 1; at <= labels; at++) if (this.#tokens[this.#at + at]?.kind !== 'string') return false
    return this.#tokens[this.#at + labels + 1]?.text === '{'
  }

  #newlines(): void {
    while (this.#peek().kind === 'newline') this.#at++
  }

  #peek(): HclToken {
    return this.#tokens[Math.min(this.#at, this.#tokens.length - 1)]!
  }
}

function contentOf({ body }: HclBlock): Located | undefined {
  const content = body.value instanceof Map ? body.value.get('content') : undefined
  return Array.isArray(content?.value) ? (content.value[0] as Located) : undefined
}

/** The labels of a block within another are a member of it: `provisioner "local-exec" { … }`. */
function labelledBody({ labels, body, line }: HclBlock): Located {
  if (labels.length === 0 || !(body.value instanceof Map)) return body
  const label = { line, textLine: line, value: labels.join('.') }
  return { ...body, value: new Map([['', label], ...body.value]) }
}

function unescaped(text: string): string {
  if (!/[\\$%]/.test(text)) return text
  return text
    .replace(/\\(n|r|t|"|\\|u[0-9a-fA-F]{4})/g, (_, code: string) =>
      code.startsWith('u')
        ? String.fromCharCode(Number.parseInt(code.slice(1), 16))
        : ({ n: '\n', r: '\r', t: '\t' }[code] ?? code),
    )
    .replace(/([$%])\1\{/g, '$1{')
}
