import type { Use } from '../../src/core/contract/use.ts'

/** All that is listed. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** When the one session that is listed began, where that is told by now. */
export async function startOfOnly(sessions: AsyncIterable<Use>): Promise<number> {
  const [only, ...others] = await collect(sessions)
  const start = only?.session?.issuedAt
  if (start === undefined || others.length > 0) throw new Error('it is not told when the session began')
  return start
}
