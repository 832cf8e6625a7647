import { type MemoryEntry, type MemoryFiles, memoryDirectory } from '../../src/connectors/directory/memory.ts'
import { FirebreakError } from '../../src/core/contract/errors.ts'
import { documentLaws } from './document-laws.ts'

/** What a disk that fails at the next change does. */
class Entries extends Map<string, MemoryEntry> {
  failNext: 'before' | 'after' | undefined

  override set(path: string, entry: MemoryEntry): this {
    const fails = this.failNext
    this.failNext = undefined
    if (fails !== 'before') super.set(path, entry)
    if (fails) throw new FirebreakError('UNREACHABLE', 'the disk did not answer')
    return this
  }
}

documentLaws({
  name: 'a directory in memory',
  start() {
    const entries = new Entries()
    const files: MemoryFiles = { entries, inode: 1 }
    return {
      open: () => memoryDirectory(files, { approved: ['*.env'] }),
      put(changed) {
        for (const [path, text] of Object.entries(changed)) entries.set(path, { bytes: Buffer.from(text) })
      },
      get(path) {
        const entry = entries.get(path)
        return entry && 'bytes' in entry ? Buffer.from(entry.bytes).toString() : undefined
      },
      replace: () => void files.inode++,
      failWrite: when => void (entries.failNext = when),
      stop: () => {},
    }
  },
})
