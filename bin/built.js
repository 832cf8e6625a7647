// Plain JavaScript that every Node still in use can parse, as firebreak.js is.
import { readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Whether nothing in these folders of the checkout was changed since it was built, and nothing that says how to build it. */
export function isBuilt(folders) {
  var here = function (path) {
    return fileURLToPath(new URL('../' + path, import.meta.url))
  }
  // The last file that a build writes.
  var built = statSync(here('dist/built.json'), { throwIfNoEntry: false })
  if (!built) return false
  var isOlder = function (file) {
    var seen = statSync(file, { throwIfNoEntry: false })
    return seen !== undefined && seen.mtimeMs <= built.mtimeMs
  }
  // A folder changes when a file of it is taken away.
  var areOlder = function (folder) {
    var entries = readdirSync(folder, { withFileTypes: true })
    return (
      isOlder(folder) &&
      entries.every(function (entry) {
        var path = folder + '/' + entry.name
        if (entry.isDirectory()) return areOlder(path)
        return !/\.(?:ts|yaml)$/.test(path) || isOlder(path)
      })
    )
  }
  var settings = ['package.json', 'package-lock.json', 'tsdown.config.ts']
  return settings.map(here).every(isOlder) && folders.map(here).every(areOlder)
}
