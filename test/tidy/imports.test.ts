import { describe, expect, test } from 'vitest'
import { importsOf, projectFiles } from './sources.ts'

/** A module imports only from its own folder and from those before it. */
const ORDER = [
  'src/core/contract/',
  'src/core/keys/',
  'src/core/store/',
  'src/core/evidence/',
  'src/know/readers/',
  'src/know/connections/',
  'src/know/inventory/',
  'src/know/observe/',
  'src/know/graph/',
  'src/judge/ownership/',
  'src/judge/requirements/',
  'src/judge/posture/',
  'src/judge/policy/',
  'src/act/actions/',
  'src/act/broker/',
  'src/act/incident/',
  'src/act/lifecycle/',
  'src/serve/operations/',
  'src/serve/cli/',
  'src/serve/api/',
  'src/main.ts',
]
const sources = projectFiles().filter(path => path.startsWith('src/') && path.endsWith('.ts'))
const rank = (path: string) => ORDER.findIndex(prefix => path.startsWith(prefix))

describe('import order', () => {
  test('every source file has a place in it', () => {
    const homeless = sources.filter(path => rank(path) < 0 && !path.startsWith('src/connectors/'))
    expect(homeless).toEqual([])
  })

  test('nothing imports from what comes after it', () => {
    const upward = sources
      .filter(path => rank(path) >= 0)
      .flatMap(path =>
        importsOf(path)
          .filter(({ to }) => to.startsWith('src/') && rank(to) > rank(path))
          .map(({ to }) => `${path} imports ${to}`),
      )
    expect(upward).toEqual([])
  })

  test('only main.ts and the drill, which composes an estate of its own, know a connector', () => {
    const knowing = sources
      .filter(path => !path.startsWith('src/connectors/') && path !== 'src/main.ts')
      .filter(path => !/^src\/serve\/operations\/drill(\/|\.ts)/.test(path))
      .flatMap(path =>
        importsOf(path)
          .filter(({ to }) => to.startsWith('src/connectors/'))
          .map(({ to }) => `${path} imports ${to}`),
      )
    expect(knowing).toEqual([])
  })

  test('a connector imports the contract, its own files and its driver only', () => {
    const wrong = sources
      .filter(path => /^src\/connectors\/[^/]+\//.test(path))
      .flatMap(path => {
        const own = path.split('/').slice(0, 3).join('/')
        return importsOf(path)
          .filter(({ to }) => to.startsWith('src/'))
          .filter(({ to }) => !to.startsWith('src/core/contract/') && !to.startsWith(`${own}/`))
          .map(({ to }) => `${path} imports ${to}`)
      })
    expect(wrong).toEqual([])
  })

  test('what --help loads is neither zod nor kysely', () => {
    // src/main.ts imports cli.ts when it runs; whatever it imports before counts too.
    const loaded = loadedBy('src/serve/cli/cli.ts', 'src/main.ts')
    expect([...loaded].filter(name => /^(zod|kysely|pg|yaml|piscina|string-width)$/.test(name))).toEqual([])
    expect(loaded).toContain('commander')
  })

  test('what a look before every commit loads has nothing of the store', () => {
    const loaded = loadedBy(
      'src/serve/operations/scan.ts',
      'src/serve/operations/scan/change.ts',
      'src/connectors/git/change.ts',
    )
    expect([...loaded].filter(name => /^(kysely|pg|yaml|piscina)$|^src\/core\/store\//.test(name))).toEqual(
      [],
    )
    expect(loaded).toContain('src/know/readers/secrets/engine.ts')
  })
})

function loadedBy(...entries: readonly string[]): Set<string> {
  const loaded = new Set<string>()
  const visit = (path: string) => {
    if (loaded.has(path)) return
    loaded.add(path)
    for (const to of staticImportsOf(path)) visit(to)
  }
  entries.forEach(visit)
  return loaded
}

function staticImportsOf(path: string): string[] {
  if (!path.startsWith('src/')) return []
  return importsOf(path)
    .filter(({ how }) => how === 'static')
    .map(({ to }) => to)
}
