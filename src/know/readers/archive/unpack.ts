import { createHash } from 'node:crypto'
import type { Observation } from '../../../core/contract/observation.ts'
import { containerOf } from './all.ts'
import { Budget, Damaged, LimitReached } from './budget.ts'
import type { Container, Gap, Link, Member } from './container.ts'
import { beginContent, type Content } from './content.ts'
import { Images } from './images.ts'
import type { MemberGap } from './member-gap.ts'
import { Spool } from './spool.ts'

const MOST_GAPS = 100
const LONGEST_PATH = 4096
const BLOB = /(?:^|\/)blobs\/sha256\/([0-9a-f]{64})$/

export interface Unpacked<S> {
  readonly findings: Observation<S>[]
  readonly gaps: MemberGap[]
}

export interface UnpackOptions<S> {
  /** Of the document itself, which every copy's place keeps. */
  readonly path: string
  readonly budget?: Budget
  /** Reads what is no container, or what a container's own bytes say. `path` tells the kind of file. */
  readonly read: (path: string, content: Content) => AsyncIterable<Observation<S>>
  /** What tells that two copies hold the same value. */
  readonly valueOf: (secret: S) => string
}

/**
 * Reads a document that holds others, however deep, with everything in it. What is found is kept whatever goes wrong later;
 * what could not be looked into is told.
 */
export async function unpack<S>(
  bytes: AsyncIterable<Uint8Array>,
  options: UnpackOptions<S>,
): Promise<Unpacked<S>> {
  const budget = options.budget ?? new Budget()
  const unpacking = new Unpacking(options, budget)
  await unpacking.document(counted(bytes, budget))
  return unpacking
}

class Unpacking<S> implements Unpacked<S> {
  readonly findings: Observation<S>[] = []
  readonly gaps: MemberGap[] = []
  readonly #options: UnpackOptions<S>
  readonly #budget: Budget
  readonly #images = new Images()
  #moreGaps = 0
  #limitTold = false

  constructor(options: UnpackOptions<S>, budget: Budget) {
    this.#options = options
    this.#budget = budget
  }

  async document(bytes: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      await this.#open('', this.#options.path, bytes, 0)
    } catch (error) {
      if (!(error instanceof LimitReached)) throw error
    }
    if (this.#moreGaps > 0) {
      const why = `${this.#moreGaps} more of its members could not be looked into`
      this.gaps.push({ member: '', why })
    }
    this.#images.note(this.findings)
  }

  /** `within` is the member that holds it, and `path` its own path in there. */
  async #open(
    member: string,
    path: string,
    bytes: AsyncIterable<Uint8Array>,
    depth: number,
    packedIn?: string,
  ): Promise<void> {
    const broken: { error?: unknown } = {}
    try {
      const content = await beginContent(untilBroken(this.#named(member, bytes), broken))
      const container = containerOf(content.head, path)
      // What is packed has the packing's path where that is only a container's other spelling: app.tar.gz.
      const own = packedIn !== undefined && container?.raw === 'nothing' ? packedIn : member
      if (!container) await this.#plain(own, path, content)
      else if (depth >= this.#budget.limits.depth)
        this.#gap(own, `it lies more than ${this.#budget.limits.depth} archives deep`)
      else await this.#container(container, own, path, content, depth)
      this.#images.see(own, content)
    } catch (error) {
      broken.error = error
    }
    if (broken.error === undefined) return
    if (broken.error instanceof LimitReached) {
      // Told where it was reached, and not by all that it lies in.
      if (!this.#limitTold) this.#gap(member, broken.error.message, true)
      this.#limitTold = true
      throw broken.error
    }
    this.#gap(member, told(broken.error))
  }

  /** A blob of an image is called by its digest: where it is read to its end and is something else, that is told. */
  async *#named(member: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    const digest = BLOB.exec(member)?.[1]
    if (digest === undefined) return yield* bytes
    const hash = createHash('sha256')
    for await (const chunk of bytes) {
      hash.update(chunk)
      yield chunk
    }
    if (hash.digest('hex') !== digest) this.#gap(member, 'its content is not what its digest says')
  }

  async #container(
    container: Container,
    member: string,
    path: string,
    content: Content,
    depth: number,
  ): Promise<void> {
    const context = { path, budget: this.#budget }
    const into = (part: Member | Link | Gap) => this.#part(container, member, part, depth)
    if (container.order === 'in order') {
      const members = await this.#each(member, container.members(content, context), into)
      // What only begins like an archive is a text like any other.
      if (members === 0 && content.isThere) await this.#plain(member, path, content)
      return
    }
    const from = this.findings.length
    const spool = await Spool.of(content, this.#budget)
    const raw = async () => await this.#plain(member, path, await beginContent(spool.bytes()))
    try {
      if (container.raw === 'first') await raw()
      const middle = this.findings.length
      const members = await this.#each(member, container.members(spool, context), into)
      if (container.raw === 'first') return this.#dropTold(from, middle)
      if (container.raw === 'nothing' && members > 0) return
      const own = this.findings.length
      await raw()
      this.#dropTold(from, own)
    } finally {
      spool.close()
    }
  }

  /** How many members there were. What cannot be read on is told. */
  async #each(
    member: string,
    parts: AsyncIterable<Member | Link | Gap>,
    into: (part: Member | Link | Gap) => Promise<number>,
  ): Promise<number> {
    let members = 0
    try {
      for await (const part of parts) {
        members += await into(part)
      }
    } catch (error) {
      if (error instanceof LimitReached) throw error
      this.#gap(member, told(error))
    }
    return members
  }

  async #part(
    container: Container,
    member: string,
    part: Member | Link | Gap,
    depth: number,
  ): Promise<0 | 1> {
    const inside = inner(member, part.path)
    if ('gap' in part) {
      this.#gap(inside, part.gap)
      return 0
    }
    if ('linkOf' in part) {
      this.#images.link(inside, inner(member, part.linkOf))
      return 0
    }
    this.#budget.member()
    await this.#open(
      inside,
      part.readAs ?? part.path,
      part.bytes,
      depth + 1,
      container.packs ? member : undefined,
    )
    return 1
  }

  async #plain(member: string, path: string, content: Content): Promise<void> {
    for await (const finding of this.#options.read(path, content)) {
      if (finding.see === 'copy') {
        const place = { ...finding.place, path: this.#options.path, ...(member !== '' && { member }) }
        this.findings.push({ ...finding, place })
      } else this.findings.push(finding)
    }
  }

  /** Copies from `middle` on whose value one between `from` and `middle` has are the same copies once more. */
  #dropTold(from: number, middle: number): void {
    const { valueOf } = this.#options
    const known = new Set<string>()
    for (const finding of this.findings.slice(from, middle))
      if (finding.see === 'copy') known.add(valueOf(finding.secret))
    const later = this.findings.splice(middle)
    this.findings.push(
      ...later.filter(finding => finding.see !== 'copy' || !known.has(valueOf(finding.secret))),
    )
  }

  #gap(member: string, why: string, rest = false): void {
    if (this.gaps.some(gap => gap.member === member && gap.why === why)) return
    if (this.gaps.length < MOST_GAPS) this.gaps.push({ member, why, ...(rest && { rest }) })
    else this.#moreGaps++
  }
}

function inner(member: string, given: string): string {
  // Without a name it would be taken for the archive itself.
  const path = given === '' ? '(no name)' : given
  const short = path.length > LONGEST_PATH ? `${path.slice(0, LONGEST_PATH)}…` : path
  return member === '' ? short : `${member}!/${short}`
}

/** Only what was written for a person is passed on: another message could quote the document. */
function told(error: unknown): string {
  if (error instanceof Damaged) return error.message
  return `it could not be read on (${error instanceof Error ? error.name : 'unknown'})`
}

async function* counted(bytes: AsyncIterable<Uint8Array>, budget: Budget): AsyncGenerator<Uint8Array, void> {
  let asked = budget.now()
  for await (const chunk of bytes) {
    budget.wait(budget.now() - asked)
    budget.take(chunk.length)
    yield chunk
    asked = budget.now()
  }
}

/** What came before a failure is read as if it were all; the failure is told afterwards. */
async function* untilBroken(
  bytes: AsyncIterable<Uint8Array>,
  broken: { error?: unknown },
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* bytes
  } catch (error) {
    broken.error = error
  }
}
