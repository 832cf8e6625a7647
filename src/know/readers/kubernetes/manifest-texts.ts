/** One document of a stream of manifests, or some items of a list that is too long to be read at once. */
export interface ManifestText {
  readonly text: string
  /** The line of the stream that it begins on, from 1. */
  readonly line: number
  /** The byte of the stream that it begins at. */
  readonly byte: number
  /** It is longer than what is read: `text` is its beginning. */
  readonly cut?: true
}

/** What a person or a chart writes as one document is far shorter. */
export const MOST_DOCUMENT_CHARACTERS = 2 * 2 ** 20

const SEPARATOR = /^---(?:[ \t].*)?$/
const ITEM = /^(?: {0,4})- /

/**
 * The documents of a YAML stream one after the other, each line looked at once, so that no more than one of them is held. A
 * `List` as kubectl prints it, whose items would make it too long, comes as several.
 */
export async function* manifestTexts(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ManifestText> {
  const gathering = new Gathering()
  for await (const line of linesOf(chunks)) yield* gathering.take(line)
  yield* gathering.end()
}

/** Collects lines until a document ends. */
class Gathering {
  #lines: string[] = []
  #length = 0
  #line = 1
  #byte = 0
  /** Where the text after this one begins. */
  #nextLine = 1
  #nextByte = 0
  /** How the items of the list that is being read begin, where it is one. */
  #item: string | undefined
  #isList = false
  #isSplit = false
  #cut = false

  #startsItem(line: string): boolean {
    return this.#isList && this.#item !== undefined && line.startsWith(this.#item)
  }

  *take(line: string): Generator<ManifestText> {
    const isEnd = line.startsWith('---') && SEPARATOR.test(line.trimEnd())
    if (isEnd) yield* this.#flush()
    else if (this.#length > MOST_DOCUMENT_CHARACTERS / 4 && this.#startsItem(line)) {
      yield* this.#flush()
      this.#isSplit = true
    }
    if (line.startsWith('items') && /^items[ \t]*:[ \t]*\r?$/.test(line)) this.#isList = true
    else if (this.#isList && this.#item === undefined) this.#item = ITEM.exec(line)?.[0]
    if (isEnd) {
      this.#isList = false
      this.#isSplit = false
      this.#item = undefined
      this.#skip(line)
      this.#begin()
    }
    // What follows the items belongs to the list, whose beginning is gone.
    else if (this.#isSplit && /^[^\s#-]/.test(line)) this.#skip(line)
    else if (this.#length + line.length <= MOST_DOCUMENT_CHARACTERS) {
      this.#lines.push(line)
      this.#length += line.length + 1
    } else {
      this.#cut = true
      this.#skip(line)
    }
  }

  *end(): Generator<ManifestText> {
    yield* this.#flush()
  }

  *#flush(): Generator<ManifestText> {
    const text = this.#lines.join('\n')
    if (text.trim() !== '')
      yield {
        text: `${text}\n`,
        line: this.#line,
        byte: this.#byte,
        ...(this.#cut && { cut: true as const }),
      }
    this.#nextLine += this.#lines.length
    this.#nextByte += this.#lines.length > 0 ? Buffer.byteLength(text) + 1 : 0
    this.#begin()
  }

  /** It is no part of any text. */
  #skip(line: string): void {
    this.#nextLine++
    this.#nextByte += Buffer.byteLength(line) + 1
  }

  #begin(): void {
    this.#lines = []
    this.#length = 0
    this.#cut = false
    this.#line = this.#nextLine
    this.#byte = this.#nextByte
  }
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let rest: string[] = []
  let length = 0
  for await (const chunk of chunks) {
    const lines = decoder.decode(chunk, { stream: true }).split('\n')
    const last = lines.pop()!
    if (lines.length > 0) {
      yield [...rest, lines[0]!].join('')
      rest = []
      length = 0
      for (let index = 1; index < lines.length; index++) yield lines[index]!
    }
    // Of a line without end, no more is kept than shows that it is too long.
    if (length <= MOST_DOCUMENT_CHARACTERS) rest.push(last)
    length += last.length
  }
  rest.push(decoder.decode())
  if (rest.some(part => part !== '')) yield rest.join('')
}
