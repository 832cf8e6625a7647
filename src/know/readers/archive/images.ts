import { z } from 'zod'
import type { Observation } from '../../../core/contract/observation.ts'
import type { Content } from './content.ts'

const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'
const MOST_WHITEOUTS = 100_000
const MOST_IMAGES = 1000
const MOST_LINKS = 1000
/** Docker makes at most 127. */
const MOST_LAYERS = 1000
/** How many folders or archives of a path are looked at: a hostile one has thousands. */
const MOST_PARTS = 256

const saved = z.array(z.object({ Layers: z.array(z.string()) }))
const manifest = z.object({
  layers: z.array(z.object({ digest: z.string().regex(/^sha256:[0-9a-f]{64}$/) })),
})

interface Image {
  /** What stands before a layer's path in members. */
  readonly prefix: string
  readonly layers: readonly string[]
}

/**
 * Container images within archives, as `docker save` and OCI layouts have them: which layer lies over which, and what a later
 * one deletes. What was deleted is still in the image.
 */
export class Images {
  readonly #images: Image[] = []
  /** By the member that a layer is; the first that names it. */
  readonly #layers = new Map<string, { image: Image; layer: number }>()
  readonly #whiteouts: string[] = []
  /** Other names of members. */
  readonly #links = new Map<string, string[]>()

  /** Every member, after it was read. */
  see(member: string, content: Content): void {
    const at = member.lastIndexOf('/') + 1
    const name = member.slice(at)
    if (name.startsWith(WHITEOUT) && this.#whiteouts.length < MOST_WHITEOUTS) this.#whiteouts.push(member)
    if (!content.whole) return
    if (name === 'manifest.json') {
      const parsed = saved.safeParse(json(content.whole))
      for (const { Layers } of parsed.data ?? []) this.#add(member.slice(0, at), Layers)
    }
    const blob = /^(.*?)blobs\/sha256\/[0-9a-f]{64}$/.exec(member)
    if (blob && content.head[0] === 0x7b && Buffer.from(content.head).includes('"layers"')) {
      const parsed = manifest.safeParse(json(content.whole))
      if (parsed.success) {
        const layers = parsed.data.layers.map(({ digest }) => `blobs/${digest.replace(':', '/')}`)
        this.#add(blob[1]!, layers)
      }
    }
  }

  link(member: string, of: string): void {
    const links = this.#links.get(of) ?? []
    if (links.length === 0 && this.#links.size < MOST_WHITEOUTS) this.#links.set(of, links)
    if (links.length < MOST_LINKS) links.push(member)
  }

  #add(prefix: string, layers: readonly string[]): void {
    if (this.#images.length >= MOST_IMAGES || layers.length > MOST_LAYERS) return
    const image = { prefix, layers }
    this.#images.push(image)
    for (const [layer, name] of layers.entries())
      if (!this.#layers.has(prefix + name)) this.#layers.set(prefix + name, { image, layer })
  }

  /** Says of each copy in a layer which layer it is, and which later one deletes it. */
  note(findings: Observation<unknown>[]): void {
    if (this.#images.length === 0) return
    const deletions = this.#deletions()
    for (const [index, finding] of findings.entries()) {
      if (finding.see !== 'copy' || finding.place.member === undefined) continue
      const place = this.#placeOf(finding.place.member)
      if (!place) continue
      const { image, layer, path } = place
      // What has another name that stands is there still.
      const names = [path, ...this.#namesOf(finding.place.member)]
      const each = names.map(name => deletedIn(deletions.get(image), layer, name))
      const deleted = each.includes(undefined) ? undefined : Math.max(...each.map(one => one ?? 0))
      const where = `${image.prefix}${image.layers[layer]} (layer ${layer + 1} of ${image.layers.length})`
      const note = deleted === undefined ? '' : ` (deleted in layer ${deleted + 1})`
      const member = `${where}!/${path}${note}`
      findings[index] = { ...finding, place: { ...finding.place, member } }
    }
  }

  #namesOf(member: string): string[] {
    return (this.#links.get(member) ?? []).flatMap(link => this.#placeOf(link)?.path ?? [])
  }

  #deletions(): Map<Image, Deletions> {
    const found = new Map<Image, Deletions>()
    for (const member of this.#whiteouts) {
      const place = this.#placeOf(member)
      const target = place && targetOf(place.path)
      if (target === undefined) continue
      const deletions = found.get(place!.image) ?? new Map<string, Set<number>>()
      found.set(place!.image, deletions)
      deletions.set(target, (deletions.get(target) ?? new Set()).add(place!.layer))
    }
    return found
  }

  #placeOf(member: string): { image: Image; layer: number; path: string } | undefined {
    let at = member.indexOf('!/')
    for (let parts = 0; at >= 0 && parts < MOST_PARTS; parts++, at = member.indexOf('!/', at + 2)) {
      const known = this.#layers.get(member.slice(0, at))
      if (known) return { ...known, path: member.slice(at + 2) }
    }
    return undefined
  }
}

/** A member as it is called without what `note` says of it. */
export function withoutNotes(member: string): string {
  return member.replace(/ \(layer \d+ of \d+\)(?=!\/)/, '').replace(/ \(deleted in layer \d+\)$/, '')
}

/** In which layers a file or folder is deleted; a folder's path ends with a slash where only all in it is. */
type Deletions = Map<string, Set<number>>

/** `.wh.name` stands for the deletion of the file or folder `name`, and the opaque one for that of all beside it. */
function targetOf(whiteout: string): string | undefined {
  const at = whiteout.lastIndexOf('/') + 1
  const folder = plain(whiteout.slice(0, at))
  const name = whiteout.slice(at)
  if (name === OPAQUE) return folder
  return name === WHITEOUT ? undefined : folder + name.slice(WHITEOUT.length)
}

/** The first layer over this one in which the file, or what it lies in, is deleted. */
function deletedIn(deletions: Deletions | undefined, layer: number, path: string): number | undefined {
  if (!deletions) return undefined
  const file = plain(path)
  let first: number | undefined
  const see = (target: string) => {
    for (const other of deletions.get(target) ?? [])
      if (other > layer && other < (first ?? Number.POSITIVE_INFINITY)) first = other
  }
  see('')
  see(file)
  let at = file.indexOf('/')
  for (let parts = 0; at >= 0 && parts < MOST_PARTS; parts++, at = file.indexOf('/', at + 1)) {
    see(file.slice(0, at + 1))
    see(file.slice(0, file[at - 1] === '!' ? at - 1 : at))
  }
  return first
}

function plain(path: string): string {
  return path.replace(/^(?:\.?\/)+/, '')
}

function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}
