import { type Db, transaction } from './store.ts'

/** The public half of the key that the store was made with; undefined where nothing was written into it yet. */
export async function boundKey(db: Db): Promise<string | undefined> {
  const setting = await db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', 'public_key')
    .executeTakeFirst()
  if (setting) return setting.value
  // A store of before there were settings.
  const first = await db
    .selectFrom('checkpoint')
    .select('public_key')
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst()
  return first?.public_key
}

/** Makes the store that of this key where it is nobody's yet, and gives whose it is: of two that come at once, one. */
export async function bindKey(db: Db, publicKey: string): Promise<string> {
  const bound = await boundKey(db)
  if (bound !== undefined) return bound
  return await transaction(db, async tx => {
    const other = await boundKey(tx)
    if (other !== undefined) return other
    await tx.insertInto('setting').values({ name: 'public_key', value: publicKey }).execute()
    return publicKey
  })
}
