import { type MemoryCommit, memoryGit, type MemoryRepository } from '../../src/connectors/git/memory.ts'
import { documentLaws } from './document-laws.ts'

documentLaws({
  name: 'a git repository in memory',
  start() {
    const repository: MemoryRepository = { path: '/memory/repository', branches: {} }
    let at = 1_700_000_000_000
    return {
      open: () => memoryGit(repository),
      put(files) {
        const parent = repository.branches['main']
        const next: MemoryCommit = {
          files: { ...parent?.files, ...files },
          parents: parent ? [parent] : [],
          author: 'Ann <ann@example.org>',
          at: (at += 60_000),
          message: 'a commit\n',
        }
        repository.branches['main'] = next
      },
      stop: () => {},
    }
  },
})
