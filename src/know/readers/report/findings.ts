import { createHash } from 'node:crypto'
import { countText } from '../../../core/contract/count-text.ts'
import type { Facts, Observation } from '../../../core/contract/observation.ts'
import { formatRef, type Ref } from '../../../core/contract/ref.ts'
import { namedRepository } from '../../../core/contract/repository-key.ts'
import { Secret } from '../../../core/contract/secret.ts'
import type { Engine, Find } from '../secrets/engine.ts'
import type { Reported } from './reported.ts'

/** `about` is the repository that the report tells of, where that is known beforehand. */
export interface ReportDocument {
  readonly in: Ref
  readonly path: string
  readonly about?: Ref
}

/** No credential is longer. */
const MOST_VALUE_BYTES = 32 * 1024
const MOST_CONTEXT_CHARACTERS = 32 * 1024
/** What only another tool says to be a secret. */
const UNSURE = 0.5

/** Makes observations of findings, and counts them. */
export class Findings {
  readonly #engine: Engine
  readonly #document: ReportDocument
  readonly #publicHalves: ReadonlySet<string>
  readonly #tools = new Set<string>()
  readonly #without = new Map<string, number>()
  #withValue = 0
  #notSecret = 0
  #notUnderstood = 0

  constructor(engine: Engine, document: ReportDocument) {
    this.#engine = engine
    this.#document = document
    const pairs = engine.rules.filter(({ pair, pattern }) => pair && !pattern.groups.includes('value'))
    this.#publicHalves = new Set(pairs.map(({ rule }) => rule.id))
  }

  get count(): number {
    return this.#withValue + this.#withoutValue() + this.#notSecret + this.#notUnderstood
  }

  from(tool: string): void {
    this.#tools.add(tool)
  }

  notSecret(): void {
    this.#notSecret++
  }

  notUnderstood(): void {
    this.#notUnderstood++
  }

  *take(reported: Reported): Generator<Observation, void> {
    this.from(reported.tool)
    const about =
      this.#document.about ??
      (reported.repository === undefined ? undefined : namedRepository(reported.repository))
    const container = about ?? this.#document.in
    const path = withinRepository(container, reported.path)
    const found = this.#valuesOf(reported, path)
    if (typeof found === 'string') {
      this.#without.set(found, (this.#without.get(found) ?? 0) + 1)
      yield withoutValue(reported, container, path, found)
      return
    }
    this.#withValue++
    const version = versionOf(container, path, reported.commit)
    const { line, commit, author, at } = reported
    for (const { secret, kind, confidence, find } of found)
      yield {
        see: 'copy',
        place: {
          in: container,
          path,
          version,
          slots: [{ part: 'value', at: '', encodings: [], ...(line !== undefined && { line }) }],
        },
        kind,
        secret,
        confidence,
        reasons: reasonsOf(reported, find),
        facts: { ...find?.facts, ...factsOf(reported) },
        ...(find?.claims && { claims: find.claims }),
        ...(find?.preview && { preview: find.preview }),
      }
    yield {
      see: 'occurrence',
      document: version,
      path,
      ...(commit !== undefined && { commit }),
      ...(author !== undefined && { author }),
      ...(at !== undefined && { at }),
      // Without a commit the tool looked at files as they stand.
      atHead: commit === undefined,
    }
  }

  /** How many findings there were of which kind, and that the report was there at all. */
  *summary(): Generator<Observation, void> {
    const { in: report, path } = this.#document
    const tool = [...this.#tools].sort().join(', ')
    const facts: Facts = {
      findings: { value: this.count },
      withValue: { value: this.#withValue },
      withoutValue: { value: this.#withoutValue() },
      notSecret: { value: this.#notSecret },
      notUnderstood: { value: this.#notUnderstood },
      tool: { value: tool },
    }
    yield { see: 'resource', ref: report, names: [path], facts }
    yield { see: 'occurrence', document: formatRef(report), path, atHead: true }
    const scope = `report ${path}`
    for (const [why, count] of this.#without)
      yield {
        see: 'covered',
        scope,
        complete: false,
        why: `${count} of ${countText(this.count, 'finding')}: ${why}`,
      }
    if (this.#notUnderstood > 0) {
      const why = `${this.#notUnderstood} of ${countText(this.count, 'entry is', 'entries are')} not as the tool writes them`
      yield { see: 'covered', scope, complete: false, why }
    }
  }

  #withoutValue(): number {
    return [...this.#without.values()].reduce((sum, count) => sum + count, 0)
  }

  /** What our own rules make of the value, so that it is the same credential as a scan finds; else the value. */
  #valuesOf(reported: Reported, path: string): readonly Value[] | string {
    const { value, without, id, tool, rule, exact } = reported
    if (value === undefined) return without ?? 'the report does not hold the value'
    const bytes = Buffer.from(value)
    if (bytes.length > MOST_VALUE_BYTES) return 'the value is longer than any credential'
    const finds = this.#findsAt(value, contextOf(reported), path)
    if (finds.length > 0)
      return finds.map(find => ({
        secret: find.secret,
        kind: find.rule,
        confidence: find.confidence,
        find,
      }))
    if (!exact) return 'what it quotes holds no value that the rules know'
    if (this.#isPublicHalf(bytes, path)) return 'the report holds only the public half of the pair'
    const confidence = reported.confidence ?? UNSURE
    return [{ secret: new Secret(bytes, id), kind: `${tool}:${rule}`, confidence, find: undefined }]
  }

  #findsAt(value: string, context: string, path: string): Find[] {
    const at = context.indexOf(value)
    const start = Buffer.byteLength(context.slice(0, at))
    const end = start + Buffer.byteLength(value)
    const finds = [...this.#engine.scan(Buffer.from(context), { path })]
    return finds.filter(find =>
      find.slots.some(slot => {
        const [from, to] = slot.at.split('-').map(Number) as [number, number]
        return from < end && to > start
      }),
    )
  }

  #isPublicHalf(bytes: Uint8Array, path: string): boolean {
    return this.#engine
      .matches(bytes, path)
      .some(({ rule, start, end }) => start === 0 && end === bytes.length && this.#publicHalves.has(rule))
  }
}

interface Value {
  readonly secret: Secret
  readonly kind: string
  readonly confidence: number
  readonly find: Find | undefined
}

/** The text that the value is read in: a bounded part of what is around it, or the value alone. */
function contextOf({ value = '', context = '' }: Reported): string {
  const at = context.indexOf(value)
  if (at < 0) return value
  return context.slice(Math.max(0, at - MOST_CONTEXT_CHARACTERS), at + value.length + MOST_CONTEXT_CHARACTERS)
}

/** A tool that was given the repository's whole path tells whole paths. */
function withinRepository(container: Ref, path: string): string {
  const root = container.id.startsWith('?/') ? `${container.id.slice(1)}/` : undefined
  return root !== undefined && path.startsWith(root) ? path.slice(root.length) : path
}

/** Stands for content that only the tool has seen. One reading says all that there is of it. */
function versionOf(container: Ref, path: string, commit: string | undefined): string {
  const text = JSON.stringify([formatRef(container), commit ?? '', path])
  return `reported:${createHash('sha256').update(text).digest('hex').slice(0, 40)}`
}

function reasonsOf({ tool, rule, verified }: Reported, find: Find | undefined): string[] {
  return [
    ...(find?.reasons ?? []),
    `reported by ${tool} as ${rule}`,
    ...(verified === undefined ? [] : [`${tool} says that it ${verified ? 'works' : 'does not work'}`]),
  ]
}

/** What the tool says is its own word, under its own name. */
function factsOf({ tool, rule, verified }: Reported): Facts {
  return {
    [`${tool}Rule`]: { value: rule },
    ...(verified !== undefined && { [`${tool}Verified`]: { value: verified } }),
  }
}

/** A finding that cannot be compared with anything: that it was made is known, and where. */
function withoutValue(reported: Reported, container: Ref, path: string, why: string): Observation {
  const { tool, rule, line, commit } = reported
  const where = line === undefined ? path : `${path}:${line}`
  const id = [where, tool, rule, ...(commit === undefined ? [] : [commit])].join(' ')
  return {
    see: 'resource',
    ref: { ...container, kind: 'reported finding', id },
    names: [where],
    facts: {
      ...factsOf(reported),
      why: { value: why },
      ...(commit !== undefined && { commit: { value: commit } }),
    },
  }
}
