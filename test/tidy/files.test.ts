import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importsOf, projectFiles, readSource } from './sources.ts'

const MAX_LINES = 500
const files = projectFiles()
const typescript = files.filter(path => path.endsWith('.ts'))

describe('files', () => {
  test(`have at most ${MAX_LINES} lines`, () => {
    const long = typescript
      .map(path => ({ path, lines: readSource(path).split('\n').length - 1 }))
      .filter(({ lines }) => lines > MAX_LINES)
    expect(long).toEqual([])
  })

  test('carry the name of what is in them', () => {
    const vague =
      /^(utils?|helpers?|types|common|misc|shared|index|constants|functions?|lib)\.ts$|-(service|manager|helper|util|utils)\.ts$/
    expect(typescript.filter(path => vague.test(basename(path)))).toEqual([])
    const vagueFolder = /(^|\/)(utils?|helpers?|common|misc|lib)\//
    expect(typescript.filter(path => vagueFolder.test(path))).toEqual([])
  })

  test('are spelt in kebab-case', () => {
    const odd = files.filter(path => /^(src|test|bench|rules|docs)\//.test(path))
    expect(odd.filter(path => !/^([a-z0-9./-]+|.*\/README\.md)$/.test(path))).toEqual([])
  })

  test('are reached from the program, or from what runs beside it', () => {
    const reached = new Set<string>()
    const visit = (path: string) => {
      if (reached.has(path)) return
      reached.add(path)
      for (const { to } of importsOf(path)) if (typescript.includes(to)) visit(to)
    }
    visit('src/main.ts')
    // A connector's in-memory twin is what the laws are tried on.
    const twins = typescript
      .filter(path => path.startsWith('test/'))
      .flatMap(path => importsOf(path).map(({ to }) => to))
      .filter(path => /^src\/connectors\/[^/]+\/memory\.ts$/.test(path))
    for (const path of twins) visit(path)
    const dead = typescript.filter(path => path.startsWith('src/') && !reached.has(path))
    expect(dead).toEqual([])
  })

  test('name no machine, no registry and nobody', () => {
    const place = /\/w[o]rk\/|\/r[o]ot\/|\/h[o]me\/[a-z]|registry\.n[p]mjs/
    const named = files
      .filter(path => !/\.(png|ico|gz|zip|parquet)$/.test(path) && path !== 'LICENSE')
      // A rule names its vendor's own address, where a credential is verified.
      .filter(path => !path.startsWith('rules/'))
      .flatMap(path =>
        readSource(path)
          .split('\n')
          .map((line, index) => ({ line, at: `${path}:${index + 1}` }))
          .filter(({ line }) => place.test(line))
          .map(({ at }) => at),
      )
    expect(named).toEqual([])
  })

  test('lock the packages without saying where they came from', () => {
    const lock = JSON.parse(readSource('package-lock.json')) as {
      packages: Record<string, { resolved?: string }>
    }
    const resolved = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined)
    expect(resolved.map(([name]) => name)).toEqual([])
    expect(Object.keys(lock.packages).length).toBeGreaterThan(50)
  })
})
