import type { Token } from './token.ts'

/** What stands between braces, with the call before it: `stage('Build') { … }`. */
export interface Block {
  readonly name: string
  readonly line: number
  /** The tokens of the call, from its name up to the brace. */
  readonly call: readonly Token[]
  readonly statements: readonly Statement[]
}

/** A line, or what parentheses make one; blocks within it stand in their place. */
export type Statement = readonly (Token | Block)[]

/** Braces within braces, deeper than any person’s, stay tokens. */
const MOST_DEPTH = 200

interface Open {
  readonly name: string
  readonly line: number
  readonly call: readonly Token[]
  readonly statements: Statement[]
  current: (Token | Block)[]
  parentheses: number
}

/** The blocks of a text. A brace that is never closed is closed at its end, and one that closes nothing is left out. */
export function blockOf(tokens: readonly Token[]): Block {
  const stack: Open[] = [open('', 1, [])]
  let deeper = 0
  for (const token of tokens) {
    const top = stack.at(-1)!
    if (token.kind === 'mark' && token.text === '{') {
      if (stack.length > MOST_DEPTH) deeper++
      else stack.push(begin(top, token))
    } else if (token.kind === 'mark' && token.text === '}') {
      if (deeper > 0) deeper--
      else if (stack.length > 1) close(stack)
    } else if (token.kind === 'newline' || token.text === ';') {
      if (top.parentheses <= 0) end(top)
    } else {
      if (token.kind === 'mark' && '(['.includes(token.text)) top.parentheses++
      if (token.kind === 'mark' && ')]'.includes(token.text)) top.parentheses--
      top.current.push(token)
    }
  }
  while (stack.length > 1) close(stack)
  end(stack[0]!)
  return stack[0]!
}

function open(name: string, line: number, call: readonly Token[]): Open {
  return { name, line, call, statements: [], current: [], parentheses: 0 }
}

/** A call is short: what stands farther before its brace is no part of it. */
const MOST_CALL = 400

/** The call before a brace: what stands since the statement began, or, in parentheses, since the comma before it. */
function begin(top: Open, brace: Token): Open {
  const tokens = top.current.slice(-MOST_CALL).filter((one): one is Token => !isBlock(one))
  let [from, depth] = [0, 0]
  for (let at = tokens.length - 1; at >= 0; at--) {
    const { kind, text } = tokens[at]!
    if (kind !== 'mark') continue
    if (')]'.includes(text)) depth++
    else if ('(['.includes(text)) depth--
    // Within parentheses that are still open, a comma stands before what is this brace’s.
    if (
      (text === ',' && depth === 0 && top.parentheses > 0) ||
      (depth < 0 && tokens[at + 1]?.text !== undefined && text === '[')
    ) {
      from = at + 1
      break
    }
  }
  const call = tokens.slice(from)
  const name = call.find(one => one.kind === 'name') ?? call.find(one => one.kind === 'string')
  return open(name?.text ?? '', call[0]?.line ?? brace.line, call)
}

function end(top: Open): void {
  if (top.current.length > 0) top.statements.push(top.current)
  top.current = []
  top.parentheses = 0
}

function close(stack: Open[]): void {
  const top = stack.pop()!
  end(top)
  stack.at(-1)!.current.push(top)
}

export function isBlock(one: Token | Block): one is Block {
  return 'statements' in one
}

/** Every block within, outermost first. */
export function* blocksIn(block: Block): Generator<Block> {
  for (const statement of block.statements)
    for (const one of statement)
      if (isBlock(one)) {
        yield one
        yield* blocksIn(one)
      }
}
