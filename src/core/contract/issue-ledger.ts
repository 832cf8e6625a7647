import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { FirebreakError } from './errors.ts'
import { DAY_MS, type Ms } from './ref.ts'

/** What an authority signed, or was about to. `suspended` is refused and may stand again, `revoked` never. */
export interface Certified {
  /** Decimal or hexadecimal, as the authority writes it. */
  readonly serial: string
  readonly name: string
  readonly identity: string
  readonly notAfter: Ms
  readonly state: 'standing' | 'suspended' | 'revoked'
  readonly changedAt: Ms
}

/** Revocation lists name what has expired for a while longer: a host's clock may be behind. */
const KEPT_AFTER_MS = DAY_MS

/**
 * The book of an authority that keeps none by itself: what it signs is entered before it is signed, so that whatever a process
 * that died has let out is known by its serial number and can be revoked. It lies beside the authority's key, and several
 * processes may use it.
 */
export class IssueLedger {
  readonly #db: DatabaseSync

  constructor(file: string) {
    this.#db = new DatabaseSync(file, { timeout: 5000 })
    this.#db.exec(
      'pragma journal_mode=wal; pragma synchronous=full;' +
        'create table if not exists certified (serial text primary key, want text, name text not null,' +
        ' identity text not null, not_after integer not null, state text not null, changed_at integer not null) strict;' +
        'create index if not exists certified_want on certified (want);' +
        'create table if not exists list (one integer primary key check (one = 1), revision integer not null,' +
        ' published integer not null) strict;' +
        'insert or ignore into list values (1, 1, 0)',
    )
  }

  close(): void {
    this.#db.close()
  }

  /** Raises CONFLICT where the attempt of that name has one that stands. */
  enter(entry: Omit<Certified, 'state' | 'changedAt'>, wantName: string, now: Ms): void {
    this.#changing(() => {
      const there = this.#run(
        "select 1 from certified where want = ? and state <> 'revoked'",
        digest(wantName),
      ).length
      if (there > 0)
        throw new FirebreakError(
          'CONFLICT',
          `one was issued as ${entry.name} already`,
          'Undo the attempt that made it, then issue again.',
        )
      const { serial, name, identity, notAfter } = entry
      this.#run(
        "insert into certified values (?, ?, ?, ?, ?, 'standing', ?)",
        serial,
        digest(wantName),
        name,
        identity,
        notAfter,
        now,
      )
    })
  }

  /** All that are not long expired. */
  all(now: Ms): Certified[] {
    return this.#certified('not_after > ? order by serial', now - KEPT_AFTER_MS)
  }

  find(serial: string): Certified | undefined {
    return this.#certified('serial = ?', serial)[0]
  }

  /** Of the attempt that was called so. */
  issuedFor(wantName: string): Certified[] {
    return this.#certified('want = ?', digest(wantName))
  }

  /**
   * What was signed elsewhere with the authority's key is entered by this. What is revoked stays so.
   */
  set(
    entry: Pick<Certified, 'serial' | 'name' | 'identity' | 'notAfter'>,
    state: Certified['state'],
    now: Ms,
  ): void {
    const { serial, name, identity, notAfter } = entry
    this.#changing(() => {
      this.#run(
        'insert into certified values (?, null, ?, ?, ?, ?, ?) on conflict (serial) do' +
          " update set state = excluded.state, changed_at = excluded.changed_at where state <> 'revoked'" +
          ' and state <> excluded.state',
        serial,
        name,
        identity,
        notAfter,
        state,
        now,
      )
      this.#run('update list set revision = revision + 1')
    })
  }

  /**
   * Writes the list of what is refused into a file, whole or not at all. `make` gets what is to be in it and a number that
   * grows with each list. A list that another process has made a newer one of in the meantime is made again.
   */
  async publish(
    file: string,
    now: Ms,
    make: (refused: readonly Certified[], number: number) => Promise<Uint8Array>,
  ): Promise<void> {
    for (;;) {
      const { revision } = this.#run('select revision from list')[0] as { revision: number }
      const refused = this.all(now).filter(({ state }) => state !== 'standing')
      const bytes = await make(refused, revision)
      const written = this.#changing(() => {
        const row = this.#run('select revision from list')[0] as { revision: number }
        if (row.revision !== revision) return false
        replaceFile(file, bytes)
        this.#run('update list set published = revision')
        this.#run('delete from certified where not_after <= ?', now - KEPT_AFTER_MS)
        return true
      })
      if (written) return
    }
  }

  #certified(where: string, ...values: (string | number)[]): Certified[] {
    return this.#run(`select * from certified where ${where}`, ...values).map(row => ({
      serial: String(row['serial']),
      name: String(row['name']),
      identity: String(row['identity']),
      notAfter: Number(row['not_after']),
      state: row['state'] as Certified['state'],
      changedAt: Number(row['changed_at']),
    }))
  }

  #run(sql: string, ...values: (string | number)[]): ReturnType<StatementSync['all']> {
    return this.#db.prepare(sql).all(...values)
  }

  /** One at a time over all processes; nothing is waited for while the book is held. */
  #changing<T>(change: () => T): T {
    this.#db.exec('begin immediate')
    try {
      const result = change()
      this.#db.exec('commit')
      return result
    } catch (error) {
      this.#db.exec('rollback')
      throw error
    }
  }
}

/** A reader sees the old content or the new, also after the power has failed. */
function replaceFile(file: string, bytes: Uint8Array): void {
  const beside = `${file}.new`
  const opened = openSync(beside, 'w', 0o644)
  try {
    writeSync(opened, bytes)
    fsyncSync(opened)
  } catch (error) {
    rmSync(beside, { force: true })
    throw error
  } finally {
    closeSync(opened)
  }
  renameSync(beside, file)
  const folder = openSync(dirname(file), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
