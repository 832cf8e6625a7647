import { readFile } from 'node:fs/promises'
import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { nearWords } from './edit-distance.ts'
import { type ErrorCode, FirebreakError } from './errors.ts'
import { systemReason } from './system-reason.ts'
import { yamlMistake } from './yaml-mistake.ts'

type Path = readonly PropertyKey[]
type Issue = z.core.$ZodIssue

/** What a person wrote, as its schema has it. */
export interface YamlFile<Data> {
  readonly data: Data
  /** Where something of it stands; what is missing has the line of what it is missing in. */
  lineOf(path: Path): number
}

const MOST_SHOWN = 20
/** More would be no help. */
const MOST_WORDS = 16
/** More than that is made to fill the memory. */
const MOST_ALIASES = 100

/** What a file has to be, and what is said where it is not: `code` is INVALID_INPUT where none is given. */
interface Wanted<Schema> {
  readonly file: string
  readonly schema: Schema
  readonly advice: string
  readonly code?: ErrorCode
}

/** What `parseYamlFile` gives and raises; raises `code`, too, where the file cannot be read. */
export async function readYamlFile<Schema extends z.ZodType>(
  wanted: Wanted<Schema>,
): Promise<YamlFile<z.output<Schema>>> {
  const { file, advice, code = 'INVALID_INPUT' } = wanted
  const text = await readFile(file, 'utf8').catch(error => {
    throw new FirebreakError(code, `${file} could not be read: ${systemReason(error)}`, advice)
  })
  return parseYamlFile(text, wanted)
}

/** Raises `code` with each mistake, its line and what may have been meant, so that the file is mended at once. */
export function parseYamlFile<Schema extends z.ZodType>(
  text: string,
  { file, schema, advice, code = 'INVALID_INPUT' }: Wanted<Schema>,
): YamlFile<z.output<Schema>> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, version: '1.2' })
  const wrong = (mistakes: readonly string[]) => {
    const more = mistakes.length - MOST_SHOWN
    const told = [...mistakes.slice(0, MOST_SHOWN), ...(more > 0 ? [`and ${more} more`] : [])]
    return new FirebreakError(code, `${file}: ${told.join('; ')}`, advice)
  }
  const [broken] = document.errors
  if (broken) throw wrong([`line ${lines.linePos(broken.pos[0]).line}: ${yamlMistake(broken)}`])
  const lineAt = (node: unknown) =>
    isNode(node) && node.range ? lines.linePos(node.range[0]).line : undefined
  const nodeAt = (path: Path): unknown => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true)
      if (lineAt(node) !== undefined) return node
    }
    return document.contents
  }
  let plain: unknown
  try {
    plain = document.toJS({ maxAliasCount: MOST_ALIASES })
  } catch (error) {
    const unknown = error instanceof Error && /^Unresolved alias[^:]*: (\S+)/.exec(error.message)
    throw wrong([unknown ? `*${unknown[1]} is the name of nothing above it` : 'it has too many aliases'])
  }
  const parsed = schema.safeParse(plain)
  if (parsed.success) return { data: parsed.data, lineOf: path => lineAt(nodeAt(path)) ?? 1 }
  const mistakes = parsed.error.issues.flatMap(within).flatMap((issue): [number, string][] => {
    const at = nodeAt(issue.path)
    if (issue.code !== 'unrecognized_keys') return [[lineAt(at) ?? 1, mistakeIn(issue, at)]]
    return issue.keys.map(key => [lineAt(keyIn(at, key)) ?? lineAt(at) ?? 1, unknownKey(schema, issue, key)])
  })
  throw wrong(mistakes.sort((a, b) => a[0] - b[0]).map(([line, says]) => `line ${line}: ${says}`))
}

const KINDS: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'names with values',
  record: 'names with values',
  string: 'text',
  undefined: 'nothing: leave it out',
}

export function unknownKey(schema: z.ZodType, { path }: Pick<Issue, 'path'>, key: string): string {
  return `${key} is not known${meant(key, keysAt(schema, path))}`
}

/** `at` is the node of the YAML in which it is. */
export function mistakeIn(issue: Issue, at: unknown): string {
  const name = String(issue.path.findLast(part => typeof part === 'string') ?? 'the file')
  if (issue.code === 'invalid_value' && isScalar(at))
    return `${name}: ${String(at.value)} is not known${meant(String(at.value), issue.values.map(String))}`
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined'))
    return `${name} is missing`
  if (
    issue.code === 'invalid_type' &&
    issue.expected === 'string' &&
    isScalar(at) &&
    typeof at.value === 'number'
  )
    // The number itself may be a secret that was written where its name belongs.
    return `${name} is a number: its unit is missing, or quotes around it`
  if (issue.code === 'invalid_type') return `${name}: give ${KINDS[issue.expected] ?? issue.expected}`
  if (issue.code === 'too_small' && issue.minimum === 1)
    return issue.origin === 'string' ? `${name} is empty` : `${name}: give one at least`
  if (issue.code === 'too_big' && issue.origin !== 'string' && issue.origin !== 'array')
    return `${name}: give ${String(issue.maximum)} at most`
  if (issue.code === 'too_small' && issue.origin !== 'string' && issue.origin !== 'array')
    return `${name}: give ${String(issue.minimum)} at least`
  return `${name}: ${issue.message.replace(/^Invalid input: /, '')}`
}

/** Where several forms are taken, what is wrong with the one that was nearest: that of which most was right. */
function within(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue]
  // What is of another type altogether was not meant.
  const depthOf = (issues: readonly Issue[]) =>
    Math.max(...issues.map(({ path, code }) => path.length - (code === 'invalid_type' ? 1 : 0)))
  const [nearest] = issue.errors.toSorted((a, b) => depthOf(b) - depthOf(a))
  return nearest ? nearest.flatMap(one => within({ ...one, path: [...issue.path, ...one.path] })) : [issue]
}

function meant(given: string, known: readonly string[]): string {
  const [near] = nearWords(given, known)
  if (near !== undefined) return `: did you mean ${near}?`
  return known.length === 0 || known.length > MOST_WORDS ? '' : ` (${known.join(', ')})`
}

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>
  readonly items?: Shape
}

function keysAt(schema: z.ZodType, path: Path): string[] {
  let at: Shape | undefined = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape
  for (const part of path) at = typeof part === 'number' ? at?.items : at?.properties?.[String(part)]
  return Object.keys(at?.properties ?? {})
}

function keyIn(node: unknown, key: string): unknown {
  if (!isMap(node)) return undefined
  return node.items.find(item => isPair(item) && isScalar(item.key) && item.key.value === key)?.key
}
