#!/usr/bin/env node
// Plain JavaScript that every Node still in use can parse: it decides what runs the real program.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { isBuilt } from './built.js'

var NEEDED_MAJOR = 24
var here = function (path) {
  return fileURLToPath(new URL(path, import.meta.url))
}
var major = Number(process.versions.node.split('.')[0])

if (major >= NEEDED_MAJOR) start()
else reexec()

/** A package has what was built. A checkout has the sources, too, which run where one was changed since. */
function start() {
  if (process.env.FIREBREAK_LAUNCHED) endWithLauncher()
  if (module.enableCompileCache) module.enableCompileCache()
  var isPackage = !existsSync(here('../src/main.ts'))
  import(isPackage || isBuilt(['src']) ? '../dist/main.js' : '../src/main.ts').catch(function (error) {
    process.stderr.write(
      'firebreak could not be started: ' + String((error && error.message) || error) + '\n',
    )
    process.exitCode = 70
  })
}

/** A launcher that is killed cannot pass that on: what it started would go on reading, unseen, and hold what it reads. */
function endWithLauncher() {
  delete process.env.FIREBREAK_LAUNCHED
  process.on('disconnect', function () {
    process.kill(process.pid, 'SIGTERM')
  })
  process.channel.unref()
}

/** In a checkout, `npm ci` has installed the Node that is needed beside the other tools. */
function reexec() {
  var node = [here('../node_modules/node/bin/node'), here('../node_modules/node/bin/node.exe')].find(
    existsSync,
  )
  if (!node) {
    process.stderr.write(
      'firebreak needs Node ' +
        NEEDED_MAJOR +
        ' or newer; this is Node ' +
        process.versions.node +
        '.\n' +
        'In a checkout: run npm ci, which installs it beside the other tools, and try again.\n' +
        'Elsewhere: install Node ' +
        NEEDED_MAJOR +
        ' (https://nodejs.org), or use npx -p node@' +
        NEEDED_MAJOR +
        ' -p firebreak firebreak.\n',
    )
    process.exitCode = 2
    return
  }
  var child = spawn(node, [fileURLToPath(import.meta.url)].concat(process.argv.slice(2)), {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: Object.assign({}, process.env, { FIREBREAK_LAUNCHED: '1' }),
  })
  // On a terminal SIGINT reaches the whole group, so that passing it on would count twice; from kill it comes here only.
  var signals = ['SIGTERM', 'SIGHUP', 'SIGUSR2']
  if (!process.stdin.isTTY) signals.push('SIGINT')
  else process.on('SIGINT', function () {})
  signals.forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal)
    })
  })
  child.on('error', function (error) {
    process.stderr.write('firebreak could not be started: ' + error.message + '\n')
    process.exitCode = 70
  })
  child.on('exit', function (code, signal) {
    if (!signal) process.exit(code)
    // Die of the same signal, so that the shell sees what happened.
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
