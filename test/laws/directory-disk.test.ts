import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync, cpSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { directory } from '../../src/connectors/directory/connector.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { documentLaws } from './document-laws.ts'

documentLaws({
  name: 'a directory on disk',
  start() {
    const scratch = mkdtempSync(join(tmpdir(), 'firebreak-law-'))
    const root = join(scratch, 'tree')
    mkdirSync(root)
    return {
      open: () => directory.open({ path: root, approved: ['*.env'] }, realIo()),
      put(files) {
        for (const [path, text] of Object.entries(files)) {
          mkdirSync(dirname(join(root, path)), { recursive: true })
          writeFileSync(join(root, path), text)
        }
      },
      get: path => readFileSync(join(root, path), 'utf8'),
      replace() {
        renameSync(root, join(scratch, 'before'))
        cpSync(join(scratch, 'before'), root, { recursive: true })
      },
      vanish: () => rmSync(root, { recursive: true }),
      stop: () => rmSync(scratch, { recursive: true, force: true }),
    }
  },
})
