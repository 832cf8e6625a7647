/** Databases limit the parameters of one statement: PostgreSQL to 65,535, SQLite to 32,766. */
const CHUNK = 5000

/** Asks for many ids, some at a time. */
export async function inChunks<Id, Result>(
  ids: readonly Id[],
  ask: (chunk: readonly Id[]) => Promise<Result[]>,
): Promise<Result[]> {
  const results: Result[][] = []
  for (let start = 0; start < ids.length; start += CHUNK)
    results.push(await ask(ids.slice(start, start + CHUNK)))
  return results.flat()
}
