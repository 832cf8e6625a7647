import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir, rename, unlink } from 'node:fs/promises'
import { FirebreakError } from '../../core/contract/errors.ts'
import { READ_FLAGS } from '../../core/contract/read-flags.ts'
import { failure } from './failure.ts'

/** `.firebreak-<process id>-<random>.tmp`: what a crash leaves can be told, and is removed by the next write. */
const TEMPORARY = /^\.firebreak-(\d+)-[0-9a-f-]{36}\.tmp$/

const running = new Map<string, Promise<void>>()

/**
 * Puts `content` in the place of a regular file: a reader sees the old content or the new one, never a part, and so
 * does the disk after a crash. Mode and owner are kept. CONFLICT where the file does not hold `expected` any more.
 *
 * File systems know no compare-and-swap: another program that writes in the instant between the last look and the
 * rename is overwritten. Writes of this process wait for each other.
 */
export async function replaceFile(
  file: Buffer,
  path: string,
  content: Uint8Array,
  expected: string,
): Promise<void> {
  const key = file.toString('latin1')
  const before = running.get(key) ?? Promise.resolve()
  const mine = before.catch(() => {}).then(() => replaceNow(file, path, content, expected))
  running.set(key, mine)
  try {
    await mine
  } finally {
    if (running.get(key) === mine) running.delete(key)
  }
}

async function replaceNow(file: Buffer, path: string, content: Uint8Array, expected: string): Promise<void> {
  const folder = file.subarray(0, file.lastIndexOf(0x2f))
  const temporary = Buffer.concat([folder, Buffer.from(`/.firebreak-${process.pid}-${randomUUID()}.tmp`)])
  try {
    await removeLeftovers(folder)
    const found = await lstat(file)
    if (found.nlink > 1) {
      throw new FirebreakError(
        'UNSUPPORTED',
        `${path} has ${found.nlink} hard links: replacing one would leave the old content under the others`,
        'Change it by hand, or remove the other links.',
      )
    }
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
    const handle = await open(temporary, flags, 0o600)
    try {
      await handle.writeFile(content)
      await handle.sync()
      if ((await contentId(file)) !== expected) {
        throw new FirebreakError(
          'CONFLICT',
          `${path} has changed since it was read`,
          'Observe it again, then decide on what stands there now.',
        )
      }
      // Last of all, so that what a crash leaves is readable to nobody else. The owner first: a change of the owner
      // clears the set-id bits.
      const own = await handle.stat()
      if (own.uid !== found.uid || own.gid !== found.gid) await handle.chown(found.uid, found.gid)
      await handle.chmod(found.mode & 0o7777)
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
    await syncFolder(folder)
  } catch (error) {
    await unlink(temporary).catch(() => {})
    throw error instanceof FirebreakError ? error : failure(error as NodeJS.ErrnoException, path)
  }
}

async function removeLeftovers(folder: Buffer): Promise<void> {
  for (const name of await readdir(folder, { encoding: 'buffer' })) {
    const match = TEMPORARY.exec(name.toString('latin1'))
    if (!match || isAlive(Number(match[1]))) continue
    await unlink(Buffer.concat([folder, Buffer.from('/'), name])).catch(() => {})
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

async function contentId(file: Buffer): Promise<string> {
  const handle = await open(file, READ_FLAGS)
  try {
    return `sha256:${createHash('sha256')
      .update(await handle.readFile())
      .digest('hex')}`
  } finally {
    await handle.close()
  }
}

async function syncFolder(folder: Buffer): Promise<void> {
  let handle: FileHandle | undefined
  try {
    handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
    await handle.sync()
  } finally {
    await handle?.close()
  }
}
