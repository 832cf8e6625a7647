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
    const fitting = all.filter(source =>
      [source.id, source.label, `${source.system}:${source.label}`].includes(text),
    )
    if (fitting.length === 0)
      throw new FirebreakError('NOT_FOUND', `no source is called ${text}`, 'firebreak ls sources shows them')
    for (const source of fitting) chosen.add(source)
  }
  return [...chosen]
}
