import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ERRORS } from '../../src/core/contract/errors.ts'
import { operations } from '../../src/serve/operations/all.ts'
import { allConnectors } from '../../src/connectors/all.ts'
import { projectFiles, readSource } from './sources.ts'

const files = projectFiles()
const pages = files.filter(path => path.endsWith('.md'))

describe('pages', () => {
  test('link to what is there', () => {
    const broken = pages.flatMap(page =>
      [...readSource(page).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(match => match[1]!)
        .filter(target => !/^[a-z]+:/.test(target))
        .filter(target => !linkHolds(page, target))
        .map(target => `${page} links to ${target}`),
    )
    expect(broken).toEqual([])
  })

  test('are reached from the README', () => {
    const reached = new Set<string>()
    const visit = (page: string) => {
      if (reached.has(page) || !files.includes(page)) return
      reached.add(page)
      if (!page.endsWith('.md')) return
      for (const match of readSource(page).matchAll(/\]\(([^)\s#]+)[^)]*\)/g))
        visit(normalize(join(dirname(page), match[1]!)))
    }
    visit('README.md')
    expect(files.filter(path => path.startsWith('docs/') && !reached.has(path))).toEqual([])
  })

  test('show commands only in blocks that a test runs', () => {
    const loose = pages.flatMap(page =>
      [...readSource(page).matchAll(/^```(.*)\n([\s\S]*?)^```/gm)]
        .filter(
          ([, language, body]) => !language!.startsWith('console') && /^\$? ?(npx )?firebreak /m.test(body!),
        )
        .map(([block]) => `${page}: ${block}`),
    )
    expect(loose).toEqual([])
  })
})

function linkHolds(page: string, target: string): boolean {
  const [path, anchor] = target.split('#') as [string, string | undefined]
  const file = path === '' ? page : normalize(join(dirname(page), path))
  if (!files.includes(file) && !files.some(other => other.startsWith(`${file.replace(/\/$/, '')}/`)))
    return false
  if (anchor === undefined || !file.endsWith('.md')) return true
  const anchors = [...readSource(file).matchAll(/^#+ (.*)$/gm)].map(match =>
    match[1]!
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replace(/\s/g, '-'),
  )
  return anchors.includes(anchor)
}

describe('docs/errors.md', () => {
  const rows = [
    ...readSource('docs/errors.md').matchAll(
      /^\| `([A-Z_]+)` +\| (\d+) +\| (\d+) +\| (yes|no) +\| (.+?) +\|$/gm,
    ),
  ]
  const documented = rows.map(([, code, exit, http, again, says]) => ({
    code,
    exit: Number(exit),
    http: Number(http),
    retryable: again === 'yes',
    says,
  }))

  test('says of each error what the table says, and knows no others', () => {
    expect(documented).toEqual(Object.entries(ERRORS).map(([code, entry]) => ({ code, ...entry })))
  })
})

describe('operations', () => {
  test('have the summary that the overview shows, and are in the README', async () => {
    const readme = readSource('README.md')
    for (const entry of operations) {
      const operation = await entry.load(allConnectors)
      expect({ name: operation.name, summary: operation.summary }).toEqual({
        name: entry.name,
        summary: entry.summary,
      })
      expect(readme, entry.name).toContain(`\`${entry.name}\``)
    }
  })
})

describe('dependencies', () => {
  test('each has its reason in docs/dependencies.md, and each reason its dependency', () => {
    const { dependencies, devDependencies } = JSON.parse(readSource('package.json')) as Record<
      string,
      Record<string, string>
    >
    const installed = [...Object.keys(dependencies!), ...Object.keys(devDependencies!)].sort()
    const rows = [...readSource('docs/dependencies.md').matchAll(/^\| ([a-z@][\w@/., -]*?) +\|/gm)]
    const explained = rows.flatMap(match => match[1]!.split(', ')).filter(name => name !== 'package')
    expect(explained.sort()).toEqual(installed)
  })
})
