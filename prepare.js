// npm runs it where the package is installed from its repository, and again where that is packed, as pre-commit does the one
// after the other: what was built is not built anew.
import { execSync } from 'node:child_process'
import { isBuilt } from './bin/built.js'

const run = command => execSync(command, { stdio: 'inherit' })

if (!isBuilt(['src', 'rules'])) run(hasTools() ? 'npm run build' : 'npm ci --no-global --include=dev')

/** For all of a machine npm brings none (its issue 8440): what fetches them runs this again, and so builds. */
function hasTools() {
  try {
    run('tsdown --version')
    return true
  } catch {
    return false
  }
}
