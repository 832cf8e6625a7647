import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FirebreakError, isFirebreakError } from '../../../core/contract/errors.ts'
import { systemReason } from '../../../core/contract/system-reason.ts'
import { newId } from '../../../core/contract/id.ts'
import type { Io } from '../../../core/contract/io.ts'
import { record } from '../../../core/evidence/evidence.ts'
import { type Db, transaction } from '../../../core/store/store.ts'
import { compilePolicies, type Policies, type PolicyFiles } from '../../../judge/policy/policy.ts'

const MOST_BYTES = 1024 * 1024

/** The policies in force: those of a folder, and while they cannot be used, those that were in force last. */
export class PolicyBook {
  readonly #db: Db
  readonly #io: Io
  readonly #schema: string
  readonly #folder: string
  #current: Policies | undefined
  #seen = ''

  constructor(db: Db, io: Io, schema: string, folder: string) {
    this.#db = db
    this.#io = io
    this.#schema = schema
    this.#folder = folder
  }

  get current(): Policies {
    if (!this.#current) throw new TypeError('policies were not read yet')
    return this.#current
  }

  /**
   * Reads the folder again. What is new and sound comes into force, and is recorded; what is not sound is recorded as
   * refused, once, and given back. Raises INVALID_CONFIG only where nothing was ever in force.
   */
  async refresh(): Promise<{ readonly changed: boolean; readonly refused?: FirebreakError }> {
    let files: PolicyFiles
    try {
      files = await readPolicyFiles(this.#folder)
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      return await this.#refuse(error, `unread ${error.message}`)
    }
    const seen = JSON.stringify(files)
    if (seen === this.#seen) return { changed: false }
    let policies: Policies
    try {
      policies = await compilePolicies(this.#schema, files)
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      return await this.#refuse(error, seen)
    }
    this.#seen = seen
    const changed = policies.version !== this.#current?.version
    if (changed) await this.#enact(policies)
    this.#current = policies
    return { changed }
  }

  async #refuse(
    error: FirebreakError,
    seen: string,
  ): Promise<{ changed: boolean; refused?: FirebreakError }> {
    if (seen === this.#seen) return { changed: false }
    this.#current ??= await this.#last()
    if (!this.#current) throw error
    this.#seen = seen
    const body = { why: error.message, inForce: this.#current.version }
    await transaction(
      this.#db,
      tx => record(tx, this.#io, { kind: 'policy.refused', subject: 'broker', body }),
      'rows',
    )
    return { changed: false, refused: error }
  }

  async #last(): Promise<Policies | undefined> {
    const row = await this.#db
      .selectFrom('policy_set')
      .selectAll()
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row && (await compilePolicies(this.#schema, JSON.parse(row.files) as PolicyFiles))
  }

  async #enact({ version, files, count }: Policies): Promise<void> {
    const work = async (tx: Parameters<Parameters<typeof transaction>[1]>[0]) => {
      const last = await tx
        .selectFrom('policy_set')
        .select('version')
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst()
      if (last?.version === version) return
      const at = this.#io.now().getTime()
      await tx
        .insertInto('policy_set')
        .values({ id: newId(this.#io), version, files: JSON.stringify(files), at })
        .execute()
      await record(tx, this.#io, {
        kind: 'policy.in-force',
        subject: 'broker',
        body: { version, policies: count, files: { ...files } },
      })
    }
    await transaction(this.#db, work, 'rows')
  }
}

/** The *.cedar of a folder, by name. Raises INVALID_CONFIG where it cannot be read. */
export async function readPolicyFiles(folder: string): Promise<PolicyFiles> {
  const files: Record<string, string> = {}
  let bytes = 0
  try {
    const names = (await readdir(folder)).filter(name => name.endsWith('.cedar')).sort()
    for (const name of names) {
      const text = await readFile(join(folder, name), 'utf8')
      bytes += text.length
      files[name] = text
    }
  } catch (error) {
    throw new FirebreakError(
      'INVALID_CONFIG',
      `the policies in ${folder} could not be read: ${systemReason(error)}`,
    )
  }
  if (bytes > MOST_BYTES)
    throw new FirebreakError('INVALID_CONFIG', `the policies in ${folder} have more than 1 MiB`)
  return files
}
