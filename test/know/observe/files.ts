import { createHash } from 'node:crypto'
import type { Connection } from '../../../src/core/contract/connector.ts'
import type { Document } from '../../../src/core/contract/document.ts'
import { FirebreakError } from '../../../src/core/contract/errors.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import { tree } from '../estate.ts'

/** A tree in memory: files by path. Reads are counted; a fault may break off after some documents. */
export class Files {
  files: Record<string, string> = {}
  read: string[] = []
  failAfter = Infinity
  failDiscover = false
  incremental = false
  sinces: (string | undefined)[] = []
  extra: Observation[] = []
  gaps: Observation[] = []
  listed = 0
  /** As a repository does: the same text at two paths is one document, which stands at both. */
  givesOnce = false

  connection(): Connection {
    return {
      instance: 'tree-1',
      settleSeconds: 0,
      close: async () => {},
      documents: since => this.#documents(since),
      discover: () => this.#discover(),
      ...(this.givesOnce && {
        documentsAt: places => this.#documentsAt(places),
      }),
    }
  }

  async *#documentsAt(places: readonly { document: string; path: string }[]): AsyncGenerator<Document> {
    for (const { document, path } of places) {
      const text = Object.values(this.files).find(text => idOf(text) === document)
      if (text !== undefined) yield this.#document(path, text)
    }
  }

  async *#documents(since: string | undefined): AsyncGenerator<Document> {
    this.sinces.push(since)
    let count = 0
    const given = new Set<string>()
    for (const [path, text] of Object.entries(this.files)) {
      if (this.incremental && since !== undefined && path <= since) continue
      if (this.givesOnce && given.size === given.add(text).size) continue
      if (++count > this.failAfter) throw new FirebreakError('UNREACHABLE', 'the disk went away')
      this.listed++
      yield this.#document(path, text)
    }
  }

  async *#discover(): AsyncGenerator<Observation> {
    yield { see: 'resource', ref: tree, names: ['tree'], facts: {} }
    yield* this.extra
    if (this.failDiscover) throw new FirebreakError('DENIED', 'no more questions')
    for (const [path, text] of Object.entries(this.files))
      yield { see: 'occurrence', document: idOf(text), path, atHead: true }
    yield { see: 'covered', scope: 'tree', complete: true }
    yield* this.gaps
  }

  #document(path: string, text: string): Document {
    const read = this.read
    return {
      id: idOf(text),
      in: tree,
      path,
      cursor: this.incremental ? path : '',
      async *bytes() {
        read.push(path)
        const bytes = Buffer.from(text)
        for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
      },
    }
  }
}

const idOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`
