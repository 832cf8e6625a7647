import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ERRORS } from '../../src/core/contract/errors.ts'
import { operations } from '../../src/serve/operations/all.ts'
import { allConnectors } from '../../src/connectors/all.ts'
import { loadFrameworks } from '../../src/judge/posture/frameworks.ts'
import { LIMITS } from '../../src/know/readers/archive/budget.ts'
import { rulesInUse } from '../../src/know/readers/secrets/rules/rules-in-use.ts'
import { BUILT_IN_RULES } from '../built-in-rules.ts'
import { projectFiles, readSource, ROOT } from './sources.ts'

const NUMBERS = 'none one two three four five six seven eight nine ten eleven twelve'.split(' ')

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
    expect(files.filter(path => /^docs\/|\.md$/.test(path) && !reached.has(path))).toEqual([])
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

  test('says of each command that may end with 1 when it does', async () => {
    const section = readSource('docs/errors.md').split('## Exit codes')[1]!
    const told = [...section.matchAll(/^\| ((?:`[a-z-]+`(?:, )?)+) +\| [^|]+\|$/gm)].flatMap(([, names]) =>
      names!.split(', ').map(name => name.replaceAll('`', '')),
    )
    const loaded = await Promise.all(operations.map(({ load }) => load(allConnectors)))
    // What `exec` ends with is the program's, and stands below.
    const mayEnd = loaded.filter(({ name, exitCode }) => exitCode && name !== 'exec').map(({ name }) => name)
    expect(told.sort()).toEqual(mayEnd.sort())
  })
})

describe('numbers', () => {
  const page = (path: string) => readSource(path).replace(/\s+/g, ' ')

  test('of kinds, and of those that their vendor is asked about, are what there is', async () => {
    const { rules } = await rulesInUse(BUILT_IN_RULES)
    const hundreds = Math.floor(rules.length / 100)
    expect(/more than (\w+ \w+) kinds of credential/.exec(page('docs/scan.md'))?.[1]).toBe(
      hundreds === 10 ? 'a thousand' : `${NUMBERS[hundreds]} hundred`,
    )
    const asked = rules.filter(({ verify }) => 'http' in verify).length
    const named = /where the credential's rule declares how: (.+?) and more than (\w+) hundred others/.exec(
      page('docs/verify.md'),
    )
    expect(NUMBERS[Math.floor((asked - named![1]!.split(', ').length) / 100)]).toBe(named![2])
  })

  test('of frameworks are what there is', async () => {
    const { frameworks } = await loadFrameworks(join(ROOT, 'rules'))
    // Beside the one that the checks are named by.
    expect(page('README.md')).toContain(
      `OWASP NHI Top 10 and ${NUMBERS[Object.keys(frameworks).length]} other frameworks`,
    )
  })

  test('that bound what is looked into are those that bound it', () => {
    const scan = page('docs/scan.md')
    const mib = (bytes: number) => `${bytes / 1024 ** 2} MiB`
    const rows = {
      'archives within archives': `${LIMITS.depth}`,
      'members of one file, nested ones too': LIMITS.members.toLocaleString('en'),
      'unpacked bytes of one file': `${mib(LIMITS.freeBytes)} and ${LIMITS.ratio} times its own size`,
      'time for one file': `${LIMITS.freeMs / 1000} s and ${LIMITS.msPerMib / 1000} s for each MiB of its own size`,
      'held aside to be read out of order': `${LIMITS.spoolBytes / 1024 ** 3} GiB`,
    }
    for (const [what, most] of Object.entries(rows)) expect(scan).toContain(`| ${what} | ${most}`)
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
