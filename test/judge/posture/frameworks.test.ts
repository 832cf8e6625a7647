import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { checks } from '../../../src/judge/posture/all.ts'
import { chooseFramework, controlsOf, loadFrameworks } from '../../../src/judge/posture/frameworks.ts'
import { posturePage } from './posture-page.ts'

const RULES = fileURLToPath(new URL('../../../rules', import.meta.url))
const PAGE = fileURLToPath(new URL('../../../docs/posture.md', import.meta.url))
const frameworks = await loadFrameworks(RULES)

test('each risk has controls in each framework, and each check a risk', () => {
  expect(Object.keys(frameworks.risks)).toHaveLength(10)
  for (const [risk, { controls }] of Object.entries(frameworks.risks))
    expect(Object.keys(controls), risk).toEqual(Object.keys(frameworks.frameworks))
  const ownIds = (check: (typeof checks)[number]) => controlsOf(frameworks, check, 'owasp-nhi')
  // What only makes a pipeline weak is a risk of CI/CD, and of no identity.
  const without = checks.filter(check => ownIds(check).length === 0)
  expect(without.filter(({ frameworks: ids }) => !ids.some(id => id.startsWith('CICD-')))).toEqual([])
})

test('frameworks and controls are chosen by name; loose identifiers are translated; others are none', () => {
  expect(chooseFramework(frameworks, 'nist-csf-2.0')).toEqual({ framework: 'nist-csf-2.0' })
  expect(chooseFramework(frameworks, 'pr.aa-05')).toEqual({ framework: 'nist-csf-2.0', control: 'PR.AA-05' })
  expect(chooseFramework(frameworks, 'OWASP NHI-03')).toEqual({
    framework: 'owasp-nhi',
    control: 'NHI7:2025',
    said: 'OWASP NHI-03',
  })
  expect(chooseFramework(frameworks, 'PR.AC-4')).toMatchObject({ control: 'PR.AA-05', said: 'PR.AC-4' })
  expect(() => chooseFramework(frameworks, 'MAESTRO GOV-2')).toThrow('a layer of MAESTRO')
  expect(() => chooseFramework(frameworks, 'nonsense')).toThrow('no such framework')
})

test('docs/posture.md is what the checks and frameworks say', async () => {
  const page = posturePage(checks, frameworks)
  if (process.env['WRITE_PAGES']) await writeFile(PAGE, page)
  expect(await readFile(PAGE, 'utf8')).toBe(page)
})
