/** Databases limit the parameters of one statement: PostgreSQL to 65,535, SQLite to 32,766. */
const CHUNK = 5000
/** A statement that asks for so many is made, and prepared, once; one that asks for any number seldom comes again. */
const SIZES = [1, 4, 16, 64, 256, 1024, CHUNK] as const

/** Asks for many ids, some at a time. What is asked for twice in one chunk is told once: it stands in an `in` list. */
export async function inChunks<Id, Result>(
  ids: readonly Id[],
  ask: (chunk: readonly Id[]) => Promise<Result[]>,
): Promise<Result[]> {
  const results: Result[][] = []
  for (let start = 0; start < ids.length; start += CHUNK)
    results.push(await ask(filled(ids.slice(start, start + CHUNK))))
  return results.flat()
}

function filled<Id>(ids: readonly Id[]): readonly Id[] {
  const size = SIZES.find(size => size >= ids.length) ?? ids.length
  return [...ids, ...Array.from({ length: size - ids.length }, () => ids[0]!)]
}
