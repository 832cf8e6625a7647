import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { FirebreakError } from '../../core/contract/errors.ts'
import { systemReason } from '../../core/contract/system-reason.ts'

/** Whole or not at all. Raises INVALID_INPUT where the file cannot be written. */
export async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  try {
    const handle = await open(draft, 'wx')
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true })
    throw new FirebreakError(
      'INVALID_INPUT',
      `${file} cannot be written: ${systemReason(error)}`,
      'give another path',
    )
  }
}
