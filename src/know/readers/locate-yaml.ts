import { type Alias, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml'
import { yamlMistake } from '../../core/contract/yaml-mistake.ts'
import type { Located } from './located.ts'

export interface YamlProblem {
  readonly line: number
  readonly why: string
}

/** More than this is no configuration that a person wrote, or it is an alias that unfolds without end. */
const MOST_NODES = 500_000
const MOST_DEPTH = 100

/**
 * The documents of a YAML text, aliases and merges followed. What the parser cannot make sense of is a problem that quotes
 * nothing of the text; what it could read stands. A text that is a part of another begins on that one's `firstLine`.
 * https://yaml.org/spec/1.2.2/
 */
export function locateYaml(text: string, firstLine = 1): { documents: Located[]; problems: YamlProblem[] } {
  const lines = new LineCounter()
  const problems: YamlProblem[] = []
  const documents: Located[] = []
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    uniqueKeys: false,
    version: '1.2',
    merge: true,
  })
  if (!Array.isArray(parsed)) return { documents, problems }
  let left = MOST_NODES
  for (const document of parsed) {
    for (const error of document.errors)
      problems.push({
        line: lines.linePos(error.pos[0]).line + firstLine - 1,
        why: yamlMistake(error),
      })
    // A text that is broken is read as far as the parser made sense of it.
    const at = (node: Node | null | undefined) => lines.linePos(node?.range?.[0] ?? 0).line + firstLine - 1
    // To find what an alias means, the parser looks through all of the document.
    const meant = new Map<Alias, Node | undefined>()
    const missing = new Set<string>()
    const meaning = (alias: Alias) => {
      if (!meant.has(alias)) {
        const node = alias.resolve(document)
        if (!node && !missing.has(alias.source)) {
          missing.add(alias.source)
          problems.push({ line: at(alias), why: 'an alias of what does not stand before it' })
        }
        meant.set(alias, node)
      }
      return meant.get(alias)
    }
    const locate = (node: unknown, depth: number): Located => {
      if (left-- <= 0 || depth > MOST_DEPTH) throw new TooMuch()
      const found = isAlias(node) ? meaning(node) : node
      const line = at(node as Node | null)
      const plain = { line, textLine: line }
      if (isMap(found)) {
        const members = new Map<string, Located>()
        const merged: Located[] = []
        for (const { key, value } of found.items) {
          const name = isScalar(key) ? nameOf(key.value) : undefined
          if (name === undefined) continue
          const member = { ...locate(value, depth + 1), keyLine: at(key as Node) }
          if (value === null) Object.assign(member, { line: member.keyLine, textLine: member.keyLine })
          if (name === '<<') merged.push(...(Array.isArray(member.value) ? member.value : [member]))
          else if (members.has(name))
            problems.push({
              line: member.keyLine,
              why: 'a key that stands there twice; the first one is read',
            })
          else members.set(name, member)
        }
        for (const { value } of merged)
          if (value instanceof Map)
            for (const [name, member] of value) if (!members.has(name)) members.set(name, member)
        return { ...plain, value: members }
      }
      if (isSeq(found)) {
        const value = found.items.map(item => locate(item, depth + 1))
        return { ...plain, value, ...(found.tag !== undefined && { tag: found.tag }) }
      }
      if (!isScalar(found)) return { ...plain, value: null }
      const { value, comment } = found
      const block = found.type === 'BLOCK_LITERAL' || found.type === 'BLOCK_FOLDED'
      return {
        line,
        textLine: at(found) + (block ? 1 : 0),
        value: isPlain(value) ? value : String(value),
        ...(comment && { comment: comment.trim() }),
      }
    }
    try {
      documents.push(locate(document.contents, 0))
    } catch (error) {
      if (!(error instanceof TooMuch)) throw error
      problems.push({
        line: firstLine,
        why: `it unfolds to more than ${MOST_NODES} values, or deeper than ${MOST_DEPTH}`,
      })
      break
    }
  }
  return { documents, problems }
}

class TooMuch extends Error {}

function isPlain(value: unknown): value is string | number | boolean | null {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value)
}

/** The key that merges another mapping in is a symbol to the parser. */
function nameOf(key: unknown): string {
  return typeof key === 'symbol' ? '<<' : String(key)
}
