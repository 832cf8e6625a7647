import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { git } from '../../src/connectors/git/connector.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { commit, newRepository } from '../connectors/git/repository-builder.ts'
import { documentLaws } from './document-laws.ts'

documentLaws({
  name: 'a git repository on disk',
  start() {
    const path = newRepository()
    return {
      open: () => git.open({ path }, realIo()),
      put(files) {
        for (const name of Object.keys(files)) mkdirSync(dirname(join(path, name)), { recursive: true })
        commit(path, { ...files })
      },
      vanish: () => rmSync(path, { recursive: true }),
      stop: () => rmSync(path, { recursive: true, force: true }),
    }
  },
})
