import { countText } from '../../../core/contract/count-text.ts'
import type { Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { type Located, locateJson } from '../located.ts'
import { locateYaml } from '../locate-yaml.ts'
import { wholeText } from '../whole-text.ts'
import { type ManifestText, manifestTexts, MOST_DOCUMENT_CHARACTERS } from './manifest-texts.ts'
import { KINDS, type Manifest, manifestsIn } from './manifest.ts'
import { tellManifests } from './tell-manifests.ts'

interface ManifestDocument {
  readonly id: string
  readonly in: Ref
  readonly path: string
}

/** JSON is parsed as one; the longest answer of a large cluster is well below this. */
const MOST_JSON_BYTES = 64 * 2 ** 20

/** Only texts that name something that is read are parsed: most of a long stream is definitions and configuration. */
const NAMES_KIND = new RegExp(
  `\\bkind["']?[ \\t]*:[ \\t]*["']?(?:${Object.keys(KINDS).join('|')}|\\w*List)\\b`,
  'i',
)

/** All that the manifests of a document tell. */
export async function* readManifests(
  document: ManifestDocument,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const { isJson, all } = await beginningOf(bytes)
  const reading = new Reading(document)
  if (isJson) yield* reading.json(await wholeText(all, MOST_JSON_BYTES))
  else for await (const text of manifestTexts(all)) yield* reading.yaml(text)
  yield* reading.tell()
}

/** Whether it begins as JSON does; nothing of it is lost. */
async function beginningOf(
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ isJson: boolean; all: AsyncIterable<Uint8Array> }> {
  const iterator = bytes[Symbol.asyncIterator]()
  const read: Uint8Array[] = []
  let first: string | undefined
  while (first === undefined) {
    const next = await iterator.next()
    if (next.done) break
    read.push(next.value)
    // Two braces begin a template.
    first = /(?![\u00ef\u00bb\u00bf])\S.?/s.exec(Buffer.from(next.value).toString('latin1'))?.[0]
  }
  const all = async function* () {
    yield* read
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
  }
  return { isJson: first !== undefined && /^[{[]/.test(first) && first !== '{{', all: all() }
}

/** What a manifest was read from, so that a value in it can be found again. */
export interface Source {
  readonly text: string
  readonly byte: number
  readonly line: number
}

class Reading {
  readonly #document: ManifestDocument
  readonly #manifests: { manifest: Manifest; source: Source }[] = []
  readonly #templates: number[] = []

  constructor(document: ManifestDocument) {
    this.#document = document
  }

  async *json(text: string | undefined): AsyncGenerator<Observation> {
    if (text === undefined)
      return yield this.#gap('', `it is JSON of more than ${MOST_JSON_BYTES / 2 ** 20} MiB`)
    const source = { text, byte: 0, line: 1 }
    let parsed: unknown
    try {
      parsed = JSON.parse(text)
    } catch {
      // A template, or YAML in its flow style.
      if (text.length <= MOST_DOCUMENT_CHARACTERS)
        for await (const part of manifestTexts(of(text))) yield* this.yaml(part)
      else yield this.#gap('', 'it looks like JSON of Kubernetes, and is no whole JSON')
      return
    }
    this.#take(locateJson(parsed), source)
  }

  *yaml({ text, line, byte, cut }: ManifestText): Generator<Observation> {
    if (cut)
      yield this.#gap(
        `line ${line}`,
        `a document of more than ${MOST_DOCUMENT_CHARACTERS / 2 ** 20} MiB; what follows in it was not read`,
      )
    if (!NAMES_KIND.test(text)) return
    const template = templateLine(text)
    if (template !== undefined) return void this.#templates.push(line + template)
    const { documents, problems } = locateYaml(text, line)
    for (const problem of problems) yield this.#gap(`line ${problem.line}`, problem.why)
    for (const root of documents) this.#take(root, { text, byte, line })
  }

  #take(root: Located, source: Source): void {
    for (const manifest of manifestsIn(root))
      if (hasExpression(manifest.namespace ?? '') || hasExpression(manifest.name))
        this.#templates.push(manifest.line)
      else this.#manifests.push({ manifest, source })
  }

  *tell(): Generator<Observation> {
    // What it speaks of is only known when it is rendered.
    for (const told of tellManifests(this.#document, this.#manifests))
      if (told.see === 'edge' && hasExpression(told.to.id)) this.#templates.push(0)
      else yield told
    const [first, ...others] = this.#templates
    if (first === undefined) return
    const more = others.length > 0 ? `; so in ${countText(others.length, 'more place')}` : ''
    const why = `a template that is not rendered, what it makes is not known${more}. Scan what "helm template" prints.`
    yield this.#gap(first > 0 ? `line ${first}` : '', why)
  }

  #gap(where: string, why: string): Observation {
    const at = where === '' ? '' : `#${where}`
    const scope = `kubernetes:${this.#document.path}${at}`
    return { see: 'covered', scope, complete: false, why }
  }
}

async function* of(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

function hasExpression(text: string): boolean {
  return text.includes('{{') || text.includes('${')
}

/**
 * The first line, counted from 0, on which an expression of Helm's stands where YAML has a value or a key. Within texts there are
 * templates of others: of alerts, of Argo, of EKS.
 */
function templateLine(text: string): number | undefined {
  if (!text.includes('{{')) return undefined
  let block: number | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const indent = line.search(/\S/)
    if (indent < 0) continue
    if (block !== undefined && indent > block) continue
    block = /(?:^|[\s:-])[|>][-+]?\d?[-+]?\s*(?:#.*)?$/.test(line) ? indent : undefined
    if (/^\s*(?:- +)*(?:[\w./"'-]+\s*:\s*)?\{\{/.test(line)) return index
  }
  return undefined
}
