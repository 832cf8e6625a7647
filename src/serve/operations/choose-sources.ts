import { nearWords } from '../../core/contract/edit-distance.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Row } from '../../core/store/schema.ts'

/** Raises NOT_FOUND for what fits no source. A label may name several: a repository and its working tree. */
export function chooseSources(all: readonly Row<'source'>[], wanted: readonly string[]): Row<'source'>[] {
  if (all.length === 0)
    throw new FirebreakError(
      'NOT_FOUND',
      'nothing is connected yet',
      'firebreak scan PATH, or firebreak connect',
    )
  if (wanted.length === 0) return [...all]
  const chosen = new Set<Row<'source'>>()
  for (const text of wanted) {
    const fitting = all.filter(source => isCalled(source, text))
    if (fitting.length === 0) throw unknownSource(all, text)
    for (const source of fitting) chosen.add(source)
  }
  return [...chosen]
}

export function isCalled({ id, system, label }: Row<'source'>, text: string): boolean {
  return [id, label, `${system}:${label}`].includes(text)
}

const MOST_NEAR = 3

/** Of a path its end is often what is meant. */
function unknownSource(all: readonly Row<'source'>[], text: string): FirebreakError {
  const labels = [...new Set(all.map(({ label }) => label))]
  const parts = labels.filter(label => label.toLowerCase().includes(text.toLowerCase()))
  const near = (parts.length > 0 ? parts : nearWords(text, labels)).slice(0, MOST_NEAR)
  const advice = 'firebreak ls sources shows them'
  return new FirebreakError(
    'NOT_FOUND',
    `no source is called ${text}`,
    near.length === 0 ? advice : `did you mean ${near.join(', or ')}? ${advice}`,
  )
}
