import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LineCounter, parseDocument, type Document, type YAMLParseError } from 'yaml'
import { FirebreakError } from '../../../../core/contract/errors.ts'
import { systemReason } from '../../../../core/contract/system-reason.ts'
import { mistakeIn, unknownKey } from '../../../../core/contract/yaml-file.ts'
import { yamlMistake } from '../../../../core/contract/yaml-mistake.ts'
import type { DictionaryPlace } from '../prefilter/dictionary-place.ts'
import { longestMatch } from './pattern-bounds.ts'
import { type Rule, ruleSchema, wholePattern } from './rule.ts'

/** What is wrong with a rule file, and where; `line` and `column` count from 1. */
export interface RuleProblem {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}

export interface LoadedRules {
  readonly rules: readonly Rule[]
  /** Where their dictionary was made ahead, or is kept once it is made. */
  readonly dictionary?: DictionaryPlace
  readonly problems: readonly RuleProblem[]
}

/**
 * The rules that somebody keeps beside the built-in ones. Raises INVALID_INPUT where there are none, and where one has
 * the id of a built-in rule: what a kind means must not depend on whose machine looked.
 */
export async function loadOwnRules(directory: string, builtIn: readonly Rule[]): Promise<LoadedRules> {
  let own: LoadedRules
  try {
    own = await loadRules(directory)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    throw new FirebreakError(
      'INVALID_INPUT',
      `the rules in ${directory} cannot be read: ${systemReason(error)}`,
      'name a directory that holds rules, one .yaml file each',
    )
  }
  if (own.rules.length + own.problems.length === 0)
    throw new FirebreakError(
      'INVALID_INPUT',
      `there is no rule in ${directory}`,
      'name a directory that holds rules, one .yaml file each',
    )
  const ids = new Set(builtIn.map(rule => rule.id))
  const taken = own.rules.find(rule => ids.has(rule.id))
  if (taken)
    throw new FirebreakError(
      'INVALID_INPUT',
      `the rule ${taken.id} in ${directory} has the id of a built-in one`,
      'give it and its file another id',
    )
  return own
}

/** Reads every .yaml file of a directory, in order of name. A broken file is a problem, as one that is called .yml; the others load. */
export async function loadRules(directory: string): Promise<LoadedRules> {
  const rules: Rule[] = []
  const problems: RuleProblem[] = []
  const files = (await readdir(directory)).filter(name => /\.ya?ml$/.test(name)).sort()
  for (const name of files) {
    const file = join(directory, name)
    if (name.endsWith('.yml')) {
      problems.push({ file, line: 1, column: 1, message: "a rule's file must be called .yaml" })
      continue
    }
    const loaded = parseRule(file, await readFile(file, 'utf8'))
    problems.push(...loaded.problems)
    if (loaded.rule && `${loaded.rule.id}.yaml` !== name) {
      problems.push({
        file,
        line: 1,
        column: 1,
        message: `a rule of this file must have the id ${name.slice(0, -5)}`,
      })
    } else if (loaded.rule) rules.push(loaded.rule)
  }
  return { rules, problems }
}

export function parseRule(file: string, source: string): { rule?: Rule; problems: RuleProblem[] } {
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    return {
      problems: document.errors.map(error => ({
        file,
        ...position(lines, error),
        message: yamlMistake(error),
      })),
    }
  }
  const parsed = ruleSchema.safeParse(document.toJS({ maxAliasCount: 10 }))
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap(issue => {
      const path = issue.path.filter(key => typeof key !== 'symbol')
      // For an unknown key the issue's path is that of the map; the key itself is what to point at.
      if (issue.code === 'unrecognized_keys')
        return issue.keys.map(key => ({
          file,
          ...locate(document, lines, [...path, key]),
          message: unknownKey(ruleSchema, issue, key),
        }))
      const message = mistakeIn(issue, document.getIn(path, true))
      return [{ file, ...locate(document, lines, path), message }]
    })
    return { problems }
  }
  const problems: RuleProblem[] = []
  for (const [path, pattern] of patternsOf(parsed.data)) {
    const message = faultOf(pattern)
    if (message)
      problems.push({ file, ...locate(document, lines, path), message: `${path.join('.')}: ${message}` })
  }
  return problems.length > 0 ? { problems } : { rule: parsed.data, problems }
}

function patternsOf(rule: Rule): [string[], string][] {
  const patterns: [string[], string][] = [[['pattern'], wholePattern(rule)]]
  if (rule.paths !== undefined) patterns.push([['paths'], rule.paths])
  for (const [name, pattern] of Object.entries(rule.facts?.near ?? {}))
    patterns.push([['facts', 'near', name], pattern])
  if (rule.pair) patterns.push([['pair', 'pattern'], rule.pair.pattern])
  if (rule.keyId) patterns.push([['keyId', 'pattern'], rule.keyId.pattern])
  return patterns
}

function faultOf(pattern: string): string | undefined {
  try {
    longestMatch(pattern)
    return RegExp(pattern) ? undefined : 'no pattern'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function position(lines: LineCounter, error: YAMLParseError): { line: number; column: number } {
  const { line, col } = lines.linePos(error.pos[0])
  return { line, column: col }
}

/** The position of the key at `path`, or of the nearest thing around it that stands in the file. */
function locate(
  document: Document.Parsed,
  lines: LineCounter,
  path: readonly (string | number)[],
): { line: number; column: number } {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const offset = offsetOf(parent, path[length - 1]!)
    if (offset === undefined) continue
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  return { line: 1, column: 1 }
}

function offsetOf(parent: unknown, key: string | number): number | undefined {
  if (typeof parent !== 'object' || parent === null || !('items' in parent) || !Array.isArray(parent.items))
    return
  const item: unknown =
    typeof key === 'number'
      ? parent.items[key]
      : parent.items.find((pair: { key?: { value?: unknown } }) => pair.key?.value === key)?.key
  if (typeof item !== 'object' || item === null || !('range' in item) || !Array.isArray(item.range)) return
  return typeof item.range[0] === 'number' ? item.range[0] : undefined
}
