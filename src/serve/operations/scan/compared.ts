import type { Baseline } from './baseline.ts'
import type { FoundCopy } from './found.ts'
import type { Markable, Marks } from './marks.ts'

export interface Baselines {
  /** What is known already. */
  readonly accept: Baseline | undefined
  /** What is being written. */
  readonly collect: Baseline | undefined
}

/** A credential's value as a baseline asks for it. It may be that nothing gives it any more. */
export interface Value {
  mark(marks: Marks): Promise<string | undefined>
  read(): Promise<Markable | undefined>
}

/** Whether the value of these copies is asked for at all. */
export function areCompared(copies: readonly FoundCopy[], { accept, collect }: Baselines): boolean {
  return copies.some(copy => copy.accepted === null && (collect || accept?.mayHold(copy)))
}

/** The copies of one credential, with those accepted that the one baseline holds; all others go into the other. */
export async function compared(
  copies: readonly FoundCopy[],
  value: Value,
  { accept, collect }: Baselines,
): Promise<FoundCopy[]> {
  const mark = collect && (await value.mark(collect.marks))
  if (mark !== undefined) for (const copy of copies) if (copy.accepted === null) collect?.add(copy, mark)
  const isKnown = async (copy: FoundCopy): Promise<boolean> => {
    if (copy.accepted !== null || !accept?.mayHold(copy)) return false
    const mark = await value.mark(accept.marks)
    return mark !== undefined && (await accept.holds(copy, mark, value.read))
  }
  const told: FoundCopy[] = []
  for (const copy of copies) told.push((await isKnown(copy)) ? { ...copy, accepted: 'baseline' } : copy)
  return told
}
