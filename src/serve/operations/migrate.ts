import { basename, resolve } from 'node:path'
import { z } from 'zod'
import { countText } from '../../core/contract/count-text.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import { Secret } from '../../core/contract/secret.ts'
import { boundKey } from '../../core/store/bound-key.ts'
import { record } from '../../core/evidence/evidence.ts'
import { readCheckpoints, sealedEntries } from '../../core/evidence/export.ts'
import { sealEvidence } from '../../core/evidence/sealer.ts'
import { verifyEvidence } from '../../core/evidence/verify.ts'
import type { Keys } from '../../core/keys/keys.ts'
import {
  copyTables,
  differing,
  digestTables,
  isEmpty,
  lockAll,
  placeOf,
  type TableDigest,
} from '../../core/store/move.ts'
import { markMoved, movedTo, refuseMoved, reopen, whatOpens } from '../../core/store/moved.ts'
import {
  type Db,
  isPostgresUrl,
  isUrl,
  openStore,
  STORE_FILE,
  type Tx,
  transaction,
} from '../../core/store/store.ts'
import { openedConfig } from '../../know/connections/config.ts'
import { isFree } from '../../core/store/holder.ts'
import { defineOperation, type World } from './operation.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  to: z
    .string()
    .min(1)
    .optional()
    .describe('postgres://USER@HOST:PORT/DATABASE, or FOLDER/firebreak.db, which is not there yet'),
  password: z
    .union([z.instanceof(Secret), z.strictObject({ $secret: z.string() })])
    .optional()
    .describe('the password for it; PGPASSWORD and ~/.pgpass are asked without'),
  reopen: z.boolean().default(false).describe('work on here again, without what was written there since'),
})
type Input = z.infer<typeof input>

export type Migrated =
  | {
      action: 'moved'
      to: string
      tables: readonly TableDigest[]
      rows: number
      evidence: { entries: number }
    }
  | { action: 'reopened'; from: string }

export const migrate = defineOperation<Input, Migrated>({
  name: 'migrate',
  summary: 'Move all that is known into another database, without loss',
  permission: 'connect',
  input: input as z.ZodType<Input>,
  examples: [
    {
      command: 'firebreak migrate --to postgres://firebreak@db/fb --password env:DB_PW',
      shows:
        'everything in a PostgreSQL that several machines can share; what is here stays, and is not written any more',
    },
    {
      command: 'firebreak migrate --to /srv/firebreak/firebreak.db',
      shows: 'everything in one file, for instance back from a PostgreSQL',
    },
    { command: 'firebreak migrate --reopen', shows: 'how to go on here after all' },
  ],
  takesMoved: true,
  run,
  text,
})

async function run(world: World, given: Input): Promise<Migrated> {
  if (given.reopen === (given.to !== undefined))
    throw new FirebreakError('INVALID_INPUT', 'give either --to or --reopen', 'see firebreak migrate --help')
  if (given.to === undefined) return await reopened(world)
  await refuseMoved(world.db)
  const { url, shown } = await target(world, given.to, given.password)
  const to = await openStore(url, { givenBy: '--to' })
  try {
    const tables = await move(world.db, to, shown, world)
    const checkpoints = await readCheckpoints(to)
    return {
      action: 'moved',
      to: shown,
      tables,
      rows: tables.reduce((sum, table) => sum + table.rows, 0),
      evidence: { entries: checkpoints.at(-1)?.seq ?? 0 },
    }
  } finally {
    await to.destroy()
  }
}

async function reopened(world: World): Promise<Migrated> {
  const from = await movedTo(world.db)
  if (from === undefined)
    throw new FirebreakError('CONFLICT', 'nothing was moved from here', 'there is nothing to reopen')
  await transaction(world.db, async tx => {
    await reopen(tx)
    await record(tx, world.io, { kind: 'store.reopened', subject: 'store', body: { from } })
  })
  return { action: 'reopened', from }
}

/** A password in an argument is read by whoever lists processes, so the URL takes none. */
async function target(
  world: World,
  to: string,
  password: Input['password'],
): Promise<{ url: string; shown: string }> {
  if (!isUrl(to)) {
    if (password) throw new FirebreakError('INVALID_INPUT', 'a file has no password', 'leave --password out')
    const path = resolve(to)
    if (basename(path) !== STORE_FILE)
      throw new FirebreakError(
        'INVALID_INPUT',
        // It may be a URL that was mistyped, with a password in it.
        '--to is neither a URL nor a file that a command would open',
        `give a folder's ${STORE_FILE} (FIREBREAK_HOME names the folder), or postgres://USER@HOST:5432/DATABASE`,
      )
    return { url: path, shown: path }
  }
  if (!isPostgresUrl(to))
    throw new FirebreakError(
      'INVALID_INPUT',
      '--to is no URL of a PostgreSQL',
      'it has the form postgres://USER@HOST:5432/DATABASE, with %XX for special characters',
    )
  const url = new URL(to)
  if (url.password !== '' || url.searchParams.has('password'))
    throw new FirebreakError(
      'INVALID_INPUT',
      '--to does not take a password, because other users of this machine can read a command’s arguments',
      'leave it out of the URL, and give --password env:NAME, file:PATH or -; change it if this was it',
    )
  const shown = url.href
  const secret: unknown = password && (await openedConfig(password, world.keys, ''))
  if (secret instanceof Secret) url.password = encodeURIComponent(secret.revealText())
  return { url: url.href, shown }
}

const MOST_TRIES = 20

/**
 * Everything in one transaction of each side. The new store's ends first: whoever is killed between the two finds the same on
 * both sides when the command is run again, and only the mark is missing.
 */
export async function move(
  from: Db,
  to: Db,
  shown: string,
  world: { io: Io; keys: Keys },
): Promise<TableDigest[]> {
  const { io, keys } = world
  const place = await placeOf(from)
  if (place !== undefined && place === (await placeOf(to)))
    throw new FirebreakError('INVALID_INPUT', 'everything stands there already', 'give another database')
  const wasCopied = await transaction(to, async tx => !(await isEmpty(tx)))
  if (!wasCopied)
    await transaction(from, tx =>
      record(tx, io, { kind: 'store.moving', subject: 'store', body: { to: shown } }),
    )
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    // What were sealed in the transaction of the move, and undone with it, would be sealed otherwise the next time.
    if (!wasCopied) await sealEvidence(from, keys.signer, io)
    const tables = await transaction(from, async source => {
      await lockAll(source)
      await refuseMoved(source)
      await refuseClaimed(source, io)
      if (!wasCopied && (await hasUnsealed(source))) return undefined
      const copied = await transaction(to, target => copyInto(source, target, keys))
      await markMoved(source, shown)
      return copied
    })
    if (tables) return tables
  }
  throw new FirebreakError(
    'CONFLICT',
    'other processes write here all the time',
    'stop them, then run it again: nothing was moved',
  )
}

async function copyInto(source: Tx, target: Tx, keys: Keys): Promise<TableDigest[]> {
  await lockAll(target)
  const key = keys.signer.publicKey
  if (((await boundKey(target)) ?? key) !== key)
    throw new FirebreakError(
      'CONFLICT',
      'the database to move to is that of another key',
      'give an empty one',
    )
  if (!(await isEmpty(target))) return await sameAlready(source, target)
  await target
    .insertInto('setting')
    .values({ name: 'public_key', value: key })
    .onConflict(conflict => conflict.doNothing())
    .execute()
  const read = await copyTables(source, target)
  const wrong = differing(read, await digestTables(target))
  if (wrong.length > 0)
    throw new FirebreakError(
      'STORE_BROKEN',
      `${wrong.join(', ')} did not arrive as they were sent`,
      'nothing was moved',
    )
  await verify(target, keys)
  return read
}

async function hasUnsealed(tx: Tx): Promise<boolean> {
  const row = await tx
    .selectFrom('evidence')
    .select('id')
    .where('seq', 'is', null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** An earlier move that was killed after its copy was committed. */
async function sameAlready(source: Tx, target: Tx): Promise<TableDigest[]> {
  const there = await digestTables(target)
  const wrong = differing(await digestTables(source), there)
  if (wrong.length === 0) return there
  throw new FirebreakError(
    'CONFLICT',
    'the database to move to is not empty',
    'give an empty one; what an interrupted move has left is taken only while nothing was written here since',
  )
}

async function refuseClaimed(tx: Tx, io: Pick<Io, 'now'>): Promise<void> {
  const now = io.now().getTime()
  const runs = await tx
    .selectFrom('run')
    .select(['id', 'claimed_by', 'claim_until'])
    .where('claimed_by', 'is not', null)
    .execute()
  const claimed = runs.find(run => !isFree(run, now))
  if (claimed)
    throw new FirebreakError(
      'CONFLICT',
      `run ${claimed.id} is being worked on by ${claimed.claimed_by}`,
      'wait for it to end; if that process is gone, try again in half a minute',
    )
  const sources = await tx
    .selectFrom('watch')
    .select(['claimed_by', 'claim_until'])
    .where('claimed_by', 'is not', null)
    .execute()
  const watched = sources.find(source => !isFree(source, now))
  if (watched)
    throw new FirebreakError(
      'CONFLICT',
      `a source is being read by the watch ${watched.claimed_by}`,
      'stop the watch first; if that process is gone, try again in half a minute',
    )
}

async function verify(tx: Tx, keys: Keys): Promise<void> {
  const { ok, problems } = await verifyEvidence(sealedEntries(tx), await readCheckpoints(tx), {
    publicKey: keys.signer.publicKey,
  })
  if (!ok)
    throw new FirebreakError(
      'EVIDENCE_BROKEN',
      problems[0] ?? 'the chain does not hold',
      'nothing was moved; firebreak evidence verify shows all of it',
    )
}

function text(output: Migrated, width: number): string {
  if (output.action === 'reopened')
    return [
      wrap('This store is worked on again, as it was when it was moved.', width, '', ''),
      wrap(`What was written to ${output.from} since is not in it.`, width, '', ''),
    ].join('\n')
  const { rows, tables, evidence, to } = output
  return [
    wrap(
      `Moved ${countText(rows, 'row')} of ${tables.length} tables. Both sides have the same digests, and the record of ${countText(evidence.entries, 'entry', 'entries')} holds there.`,
      width,
      '',
      '',
    ),
    wrap('What was here stays as it is, and is not written any more.', width, '', ''),
    '',
    wrap(`Next: ${whatOpens(to)}`, width, '', ''),
  ].join('\n')
}
