import { hkdfSync } from 'node:crypto'
import { constants } from 'node:fs'
import { chmod, link, mkdir, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf, FirebreakError } from '../contract/errors.ts'
import { systemReason } from '../contract/system-reason.ts'
import type { Io } from '../contract/io.ts'
import { Secret } from '../contract/secret.ts'

const KEY_BYTES = 32

/** What a derived key is for. Each gives an independent key (HKDF-SHA-256, RFC 5869). */
export type Purpose = 'fingerprint' | 'public-fingerprint' | 'seal' | 'sign'

/** The one key at the root. It is never in the database: docs/security.md says what its loss and its leak mean. */
export class RootKey {
  readonly #secret: Secret

  constructor(secret: Secret) {
    if (secret.length !== KEY_BYTES)
      throw new FirebreakError('KEY_UNUSABLE', `it has ${secret.length} bytes where ${KEY_BYTES} are needed`)
    this.#secret = secret
  }

  derive(purpose: Purpose): Secret {
    const bytes = hkdfSync(
      'sha256',
      this.#secret.reveal(),
      new Uint8Array(),
      `firebreak/${purpose}/1`,
      KEY_BYTES,
    )
    return new Secret(new Uint8Array(bytes))
  }
}

/**
 * Reads the root key (base64, one line), making it on first use. Two processes that start at once end with the same key:
 * a whole file is linked into place, and who comes second reads the first one's.
 * Raises KEY_UNUSABLE where the file is readable by others, or is no key.
 */
export async function loadRootKey(path: string, io: Pick<Io, 'random'>): Promise<RootKey> {
  const found = await readKey(path)
  if (found) return new RootKey(found)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 }).catch(error => {
    throw unusable(path, `its folder cannot be made: ${systemReason(error)}`)
  })
  const draft = `${path}.${Buffer.from(io.random(8)).toString('hex')}`
  try {
    const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
    try {
      await file.writeFile(`${Buffer.from(io.random(KEY_BYTES)).toString('base64')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await chmod(draft, 0o600)
    await link(draft, path)
    const directory = await open(dirname(path), constants.O_RDONLY)
    await directory.sync().finally(() => directory.close())
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw unusable(path, `it cannot be written: ${systemReason(error)}`)
  } finally {
    await unlink(draft).catch(() => {})
  }
  const made = await readKey(path)
  if (!made) throw unusable(path, 'it vanished while it was being made')
  return new RootKey(made)
}

async function readKey(path: string): Promise<Secret | undefined> {
  let file: Awaited<ReturnType<typeof open>>
  try {
    file = await open(path, constants.O_RDONLY)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw unusable(path, `it cannot be read: ${systemReason(error)}`)
  }
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw unusable(path, 'it is no file')
    if ((stat.mode & 0o077) !== 0)
      throw unusable(path, 'others than its owner may read it', `chmod 600 ${path}`)
    const text = (await file.readFile('utf8')).trim()
    const bytes = Buffer.from(text, 'base64')
    if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== text)
      throw unusable(path, `it is not ${KEY_BYTES} bytes in base64`, 'restore it from its backup')
    return new Secret(bytes)
  } finally {
    await file.close()
  }
}

function unusable(path: string, why: string, advice?: string): FirebreakError {
  return new FirebreakError(
    'KEY_UNUSABLE',
    `${path}: ${why}`,
    advice ?? 'set FIREBREAK_HOME to a folder that may be written, or FIREBREAK_KEY_FILE to the key',
  )
}
