import { sql } from 'kysely'
import { editDistance } from '../../core/contract/edit-distance.ts'
import type { Db } from '../../core/store/store.ts'

const SHOWN = 5
/** So many names are compared at most: an answer to a slip of the pen must not take long. */
const COMPARED = 20_000

/** Known names of which the text is a part, else those that differ from it by a letter or two. */
export async function nearNames(db: Db, text: string): Promise<string[]> {
  const wanted = text.trim().toLowerCase()
  if (wanted.length < 3 || wanted.length > 80) return []
  const names = db.selectFrom('name').select('name').distinct()
  const parts = await names
    .where(
      sql<string>`lower(name)`,
      'like',
      sql<string>`${`%${wanted.replace(/[\\%_]/g, '\\$&')}%`} escape '\\'`,
    )
    .limit(COMPARED)
    .execute()
  const byLength = (a: string, b: string) => a.length - b.length || (a < b ? -1 : 1)
  if (parts.length > 0)
    return parts
      .map(({ name }) => name)
      .sort(byLength)
      .slice(0, SHOWN)
  const most = wanted.length < 6 ? 1 : 2
  const alike = await names
    .where(sql<number>`length(name)`, '>=', wanted.length - most)
    .where(sql<number>`length(name)`, '<=', wanted.length + most)
    .limit(COMPARED)
    .execute()
  return alike
    .map(({ name }) => ({ name, distance: editDistance(wanted, name.toLowerCase()) }))
    .filter(found => found.distance <= most)
    .sort((a, b) => a.distance - b.distance || byLength(a.name, b.name))
    .slice(0, SHOWN)
    .map(({ name }) => name)
}
