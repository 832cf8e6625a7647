import type { Context } from './context.ts'
import { literalTokens, type Token, tokens } from './wildcard.ts'

const VARIABLE = /\$\{([^{}]{1,256})\}/g

/**
 * A value of a policy as a pattern, with its variables replaced by what the request says; what a variable stands for is
 * no pattern. `absent` where a variable has no value and no default: then nothing fits; `unknown` where it may have one.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export function expand(text: string, variables: boolean, context: Context): Token[] | 'absent' | 'unknown' {
  if (!variables || !text.includes('${')) return tokens(text)
  const expanded: Token[] = []
  let at = 0
  for (const match of text.matchAll(VARIABLE)) {
    expanded.push(...tokens(text.slice(at, match.index)))
    at = match.index + match[0].length
    const value = valueOf(match[1]!, context)
    if (typeof value !== 'object') return value
    expanded.push(...literalTokens(value.text))
  }
  expanded.push(...tokens(text.slice(at)))
  return expanded
}

function valueOf(inside: string, context: Context): { text: string } | 'absent' | 'unknown' {
  // `${*}`, `${?}` and `${$}` are the characters themselves.
  if (['*', '?', '$'].includes(inside)) return { text: inside }
  const [, key, fallback] = /^\s*([^,\s]+)\s*(?:,\s*'([^']*)'\s*)?$/.exec(inside) ?? []
  if (key === undefined) return 'absent'
  const values = context.get(key)
  if (values === 'absent') return fallback === undefined ? 'absent' : { text: fallback }
  if (values === 'unknown' || values === 'chosen') return 'unknown'
  // A key of several values cannot be a variable.
  return values.length === 1 ? { text: values[0]! } : 'absent'
}

/**
 * The six parts of an ARN or of a pattern for one, `arn:partition:service:region:account:resource`; colons in the
 * resource, and those within variables, separate nothing. Parts that are missing are any.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 */
export function arnParts(text: string): string[] {
  const parts: string[] = []
  let [start, depth] = [0, 0]
  for (let at = 0; at < text.length && parts.length < 5; at++) {
    if (text[at] === '{' && text[at - 1] === '$') depth++
    else if (text[at] === '}' && depth > 0) depth--
    else if (text[at] === ':' && depth === 0) {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}
