import { z } from 'zod'
import type { Observation } from '../../../core/contract/observation.ts'
import type { Content } from './content.ts'

const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'
const MOST_WHITEOUTS = 100_000

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
  readonly #whiteouts: string[] = []

  /** Every member, after it was read. */
  see(member: string, content: Content): void {
    const at = member.lastIndexOf('/') + 1
    const name = member.slice(at)
    if (name.startsWith(WHITEOUT) && this.#whiteouts.length < MOST_WHITEOUTS) this.#whiteouts.push(member)
    if (!content.whole) return
    if (name === 'manifest.json') {
      const parsed = saved.safeParse(json(content.whole))
      for (const { Layers } of parsed.data ?? [])
        this.#images.push({ prefix: member.slice(0, at), layers: Layers })
    }
    const blob = /^(.*?)blobs\/sha256\/[0-9a-f]{64}$/.exec(member)
    if (blob && content.head[0] === 0x7b && Buffer.from(content.head).includes('"layers"')) {
      const parsed = manifest.safeParse(json(content.whole))
      if (parsed.success) {
        const layers = parsed.data.layers.map(({ digest }) => `blobs/${digest.replace(':', '/')}`)
        this.#images.push({ prefix: blob[1]!, layers })
      }
    }
  }

  /** Says of each copy in a layer which layer it is, and which later one deletes it. */
  note(findings: Observation<unknown>[]): void {
    if (this.#images.length === 0) return
    const deletions = this.#whiteouts.flatMap(member => this.#placeOf(member) ?? [])
    for (const [index, finding] of findings.entries()) {
      if (finding.see !== 'copy' || finding.place.member === undefined) continue
      const place = this.#placeOf(finding.place.member)
      if (!place) continue
      const { image, layer, path } = place
      const deleted = deletions.find(
        other => other.image === image && other.layer > layer && deletes(other.path, path),
      )
      const where = `${image.prefix}${image.layers[layer]} (layer ${layer + 1} of ${image.layers.length})`
      const note = deleted ? ` (deleted in layer ${deleted.layer + 1})` : ''
      const member = `${where}!/${path}${note}`
      findings[index] = { ...finding, place: { ...finding.place, member } }
    }
  }

  #placeOf(member: string): { image: Image; layer: number; path: string } | undefined {
    for (const image of this.#images) {
      if (!member.startsWith(image.prefix)) continue
      const inside = member.slice(image.prefix.length)
      const layer = image.layers.findIndex(layer => inside.startsWith(`${layer}!/`))
      if (layer >= 0) return { image, layer, path: inside.slice(image.layers[layer]!.length + 2) }
    }
    return undefined
  }
}

/** `.wh.name` stands for the deletion of the file or folder `name`, and the opaque one for that of all beside it. */
function deletes(whiteout: string, path: string): boolean {
  const at = whiteout.lastIndexOf('/') + 1
  const folder = plain(whiteout.slice(0, at))
  const name = whiteout.slice(at)
  const file = plain(path)
  if (name === OPAQUE) return file.startsWith(folder)
  const target = folder + name.slice(WHITEOUT.length)
  return file === target || file.startsWith(`${target}/`) || file.startsWith(`${target}!/`)
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
