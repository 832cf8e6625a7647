import { existsSync, fstatSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { addAbortSignal } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { ChangeRange } from './core/contract/change.ts'
import type { Connector } from './core/contract/connector.ts'
import { FirebreakError } from './core/contract/errors.ts'
import { type Io, realIo } from './core/contract/io.ts'
import type { Keys } from './core/keys/keys.ts'
import type { StoreOptions } from './core/store/store.ts'
import type { Compose } from './serve/cli/cli.ts'
import type { Endpoint, HttpOptions } from './serve/operations/broker/endpoint.ts'
import type { WorkloadApi } from './serve/operations/broker/workload-api.ts'
import type { World } from './serve/operations/operation.ts'

/** The package's own folder, whether this runs as src/main.ts or as dist/main.js. */
const PACKAGE = fileURLToPath(new URL('..', import.meta.url))
const INTERRUPTED_EXIT = 130
const UNFINISHED_EXIT = 70
/** Beside those that interrupt, what a command that runs for somebody is told by. */
const PASSED_ON = ['SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const

// If everything stops before the end, that is a bug, and must never look like success.
process.exitCode = UNFINISHED_EXIT
process.exitCode = await main()
// What keeps the process alive from here on would be a leak; what was printed must be out first.
await Promise.all([drained(process.stdout), drained(process.stderr)])
process.exit()

async function main(): Promise<number> {
  const interrupted = new AbortController()
  let taken: ((signal: NodeJS.Signals) => void) | undefined
  const interrupt = () => {
    if (interrupted.signal.aborted) process.exit(INTERRUPTED_EXIT)
    interrupted.abort()
  }
  const stop = (signal: NodeJS.Signals) => (taken ? taken(signal) : interrupt())
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  const takeSignals: World['takeSignals'] = handler => {
    taken = handler
    for (const signal of PASSED_ON) process.on(signal, handler)
    return () => {
      taken = undefined
      for (const signal of PASSED_ON) process.off(signal, handler)
    }
  }
  // A limit on a file's size shall be an error that is printed, not a death halfway.
  process.on('SIGXFSZ', () => {})
  let unwritten: NodeJS.ErrnoException | undefined
  process.stderr.on('error', () => {})
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that went away (`| head`) wants no more. Whatever is wrong, what is being done goes on to its end.
    if (error.code !== 'EPIPE') unwritten ??= error
  })
  const io = realIo(interrupted.signal)
  const readSecret: World['readSecret'] = async prompt => {
    const reader = await import('./serve/cli/read-secret.ts')
    return await reader.readSecret(prompt, process.stdin, process.stderr, interrupt)
  }
  const allConnectors = async () => await (await import('./connectors/all.ts')).allConnectors()

  const compose: Compose = async (needs, surface) => {
    const home = process.env['FIREBREAK_HOME'] || join(homedir(), '.firebreak')
    const keyFile = process.env['FIREBREAK_KEY_FILE'] || join(home, 'key')
    const ownRules = needs.ownRules ?? process.env['FIREBREAK_RULES']
    const surroundings = {
      home,
      io,
      version: packageVersion(),
      rulesDirectory: join(PACKAGE, 'rules'),
      ...(ownRules && { ownRules: resolve(ownRules) }),
      existingKeys: () => existingKeys(keyFile, io),
      openChange: async (path: string, range: ChangeRange) => {
        const { openChange } = await import('./connectors/git/change.ts')
        return await openChange(path, range, io, process.env['GIT_INDEX_FILE'])
      },
      readInput: () => {
        // Of a folder, Node gives nothing and no error.
        if (fstatSync(process.stdin.fd).isDirectory())
          throw new FirebreakError(
            'INVALID_INPUT',
            'standard input is a folder',
            'give its path: firebreak scan PATH',
          )
        if (process.stdin.isTTY)
          process.stderr.write('Paste what is to be searched, and end it with Ctrl-D.\n')
        return addAbortSignal(io.signal, process.stdin)
      },
      serveHttp: async (endpoints: readonly Endpoint[], options: HttpOptions) => {
        const { serveHttp } = await import('./serve/api/api.ts')
        return await serveHttp(endpoints, packageVersion(), options)
      },
      serveWorkloadApi: async (api: WorkloadApi) => {
        const { serveWorkloadApi } = await import('./serve/api/workload-api.ts')
        return await serveWorkloadApi(api)
      },
      takeSignals,
      ...surface,
    }
    if (!needs.store) return { world: storeless(surroundings), close: async () => {} }
    const [
      { loadRootKey },
      { deriveKeys },
      { isUrl, openStore, STORE_FILE },
      { storeError },
      { bindKey, boundKey },
      { refuseMoved },
      { startSealer },
      { Connections },
      { declared },
      { connectors },
    ] = await Promise.all([
      import('./core/keys/root-key.ts'),
      import('./core/keys/keys.ts'),
      import('./core/store/store.ts'),
      import('./core/store/store-error.ts'),
      import('./core/store/bound-key.ts'),
      import('./core/store/moved.ts'),
      import('./core/evidence/sealer.ts'),
      import('./know/connections/registry.ts'),
      import('./connectors/declared/connector.ts'),
      import('./connectors/all.ts'),
    ])
    const file = join(home, STORE_FILE)
    // The key is made before the database: where only the database is, the key was lost, and a new one is no help.
    const url = process.env['DATABASE_URL'] || undefined
    // As a file's name it would give an empty store, in which nothing is known.
    if (url !== undefined && !isUrl(url)) throw (await import('./core/store/postgres.ts')).unusableUrl()
    if (url === undefined && existsSync(file) && !existsSync(keyFile))
      throw keyOfAnother(keyFile, 'it is not there')
    const key = url === undefined ? await loadRootKey(keyFile, io) : undefined
    const db = await openStore(url ?? file, storeOptions())
    let keys: Keys
    try {
      const bound = await boundKey(db)
      if (bound !== undefined && !existsSync(keyFile)) throw keyOfAnother(keyFile, 'it is not there')
      keys = deriveKeys(key ?? (await loadRootKey(keyFile, io)))
      if (!needs.takesMoved) await refuseMoved(db)
      if ((await bindKey(db, keys.signer.publicKey)) !== keys.signer.publicKey)
        throw keyOfAnother(keyFile, 'it is not the key that this database was made with')
    } catch (error) {
      await db.destroy()
      throw storeError(error)
    }
    const kinds = async () => {
      const { rulesInUse } = await import('./know/readers/secrets/rules/rules-in-use.ts')
      return (await rulesInUse({ ...surroundings, cacheDirectory: home })).rules
    }
    const connections = new Connections(connectors, keys, io, [declared(kinds) as Connector])
    let sealError: unknown
    const sealer = startSealer(db, keys.signer, io, error => {
      sealError = error
    })
    return {
      world: { ...surroundings, db, keys, connections, sealer },
      async close() {
        try {
          await connections.close()
          // The last try is stop's own: an earlier failure that it made good is none.
          sealError = undefined
          await sealer.stop()
          if (sealError !== undefined) throw sealError
        } finally {
          await db.destroy()
        }
      },
    }
  }

  const { runCli, wantsJson } = await import('./serve/cli/cli.ts')
  const argv = process.argv.slice(2)
  const exit = await runCli({
    argv,
    version: packageVersion(),
    terminal: {
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      environment: process.env,
    },
    compose,
    allConnectors,
    readSecret,
  })
  await drained(process.stdout)
  if (!unwritten) return exit
  const [{ failure }, { wrapped }] = await Promise.all([
    import('./serve/cli/failure.ts'),
    import('./serve/cli/wrapped.ts'),
  ])
  const failed = failure(outputFailure(unwritten), process.env)
  process.stderr.write(
    wantsJson(argv) ? `${JSON.stringify(failed.json)}\n` : wrapped(failed.text, process.stderr),
  )
  return Math.max(exit, failed.exit)
}

function outputFailure(error: NodeJS.ErrnoException): FirebreakError {
  return new FirebreakError(
    'INVALID_INPUT',
    `standard output takes nothing more (${error.code ?? error.name})`,
    'what was done is done and kept; give the output a place with room, and run a command that shows it',
  )
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string }
  return version
}

async function existingKeys(file: string, io: Io): Promise<Keys | undefined> {
  if (!existsSync(file)) return undefined
  const [{ loadRootKey }, { deriveKeys }] = await Promise.all([
    import('./core/keys/root-key.ts'),
    import('./core/keys/keys.ts'),
  ])
  return deriveKeys(await loadRootKey(file, io))
}

function storeOptions(): StoreOptions {
  const pages = process.env['FIREBREAK_MAX_DATABASE_PAGES']
  if (!pages) return {}
  if (!/^[1-9]\d{0,9}$/.test(pages))
    throw new FirebreakError(
      'INVALID_CONFIG',
      'FIREBREAK_MAX_DATABASE_PAGES is no number of pages',
      'give a whole number (a page has 4096 bytes), or unset it',
    )
  return { maxPageCount: Number(pages) }
}

/** With another key no value would be recognised: a leaked secret would seem to stand nowhere. */
function keyOfAnother(keyFile: string, why: string): FirebreakError {
  return new FirebreakError(
    'KEY_UNUSABLE',
    `${keyFile}: ${why}`,
    'restore the key from its backup, or copy it from a machine that shares the database; where there is none, start anew with another FIREBREAK_HOME and DATABASE_URL',
  )
}

/** Touching the store in an operation that said it needs none is a bug, and shows as one. */
function storeless(surroundings: Omit<World, 'db' | 'keys' | 'connections'>): World {
  const absent = (): never => {
    throw new Error('this operation said that it needs no store')
  }
  return {
    ...surroundings,
    get db() {
      return absent()
    },
    get keys() {
      return absent()
    },
    get connections() {
      return absent()
    },
  }
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise(resolve => {
    stream.write('', () => resolve())
  })
}
