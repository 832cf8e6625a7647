import { glob, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { checks } from '../../../src/judge/posture/all.ts'
import { chooseFramework, controlsOf, loadFrameworks } from '../../../src/judge/posture/frameworks.ts'
import { EXISTING } from './framework-ids.ts'
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

test('every identifier exists in its framework, and means one control only', () => {
  const of = new Map<string, string>()
  const groups = [
    ...Object.values(frameworks.risks).map(({ controls }) => controls),
    ...Object.values(frameworks.closer),
  ]
  for (const [framework, id] of groups.flatMap(group =>
    Object.entries(group).flatMap(([framework, ids]) => ids.map(id => [framework, id] as const)),
  )) {
    expect([...EXISTING[framework]!], framework).toContain(id)
    expect(of.get(id) ?? framework, id).toBe(framework)
    of.set(id, framework)
  }
})

test('where all of a framework is numbered, there are as many as it has', () => {
  const whole = ['nist-csf-2.0', 'cis-8.1', 'iso-27001', 'soc-2', 'nist-ai-rmf']
  expect(whole.map(framework => EXISTING[framework]!.size)).toEqual([106, 153, 93, 33, 72])
})

test('every technique of ATT&CK that a crossing names exists', async () => {
  const named = new Set<string>()
  for await (const path of glob('crossings/**/*.yaml', { cwd: RULES })) {
    const { attack = [] }: { attack?: string[] } = parse(await readFile(join(RULES, path), 'utf8'))
    for (const id of attack) named.add(id)
  }
  expect(named.size).toBeGreaterThan(20)
  expect([...named].filter(id => !EXISTING['mitre-attack']!.has(id))).toEqual([])
})

test('what fits closer is of a check, or of a risk that a check names', () => {
  const known = new Set(checks.flatMap(({ id, frameworks: risks }) => [id, ...risks]))
  expect(Object.keys(frameworks.closer).filter(key => !known.has(key))).toEqual([])
})

test('a check has the controls that fit it closest, and those of its risk in other frameworks', () => {
  const controls = (id: string, framework: string) =>
    controlsOf(frameworks, checks.find(check => check.id === id)!, framework)
  expect(controls('workflow-script-injection', 'mitre-attack')).toEqual(['T1677'])
  expect(controls('workflow-script-injection', 'nist-ai-rmf')).toEqual(['MEASURE 2.7'])
  expect(controls('gitlab-merge-request-secrets', 'mitre-attack')).toEqual(['T1552', 'T1677'])
  expect(controls('gitlab-merge-request-secrets', 'nist-csf-2.0')).toEqual(['PR.AA-05'])
  expect(controls('agent-plain-http', 'nist-800-207')).toEqual(['tenet 2'])
  expect(controls('credential-old', 'pci-dss-4')).toEqual(['8.6.3'])
})

test('frameworks and controls are chosen by name', () => {
  expect(chooseFramework(frameworks, 'nist-csf-2.0')).toEqual({ framework: 'nist-csf-2.0' })
  expect(chooseFramework(frameworks, 'pr.aa-05')).toEqual({
    framework: 'nist-csf-2.0',
    controls: ['PR.AA-05'],
  })
  expect(chooseFramework(frameworks, 'T1552.008')).toEqual({
    framework: 'mitre-attack',
    controls: ['T1552.008'],
  })
  expect(() => chooseFramework(frameworks, 'nonsense')).toThrow('no such framework')
})

test.each([
  ['OWASP NHI-03', 'owasp-nhi', 'NHI7:2025'],
  ['NHI-01', 'owasp-nhi', 'NHI1:2025'],
  ['CSF 2.0 PR.AC-1', 'nist-csf-2.0', 'PR.AA-01'],
  ['NIST CSF 2.0 PR.AC-4', 'nist-csf-2.0', 'PR.AA-05'],
  ['PR.AC-4', 'nist-csf-2.0', 'PR.AA-05'],
  ['CSF 2.0 RS.RP-1', 'nist-csf-2.0', 'RS.MA-01'],
  ['NIST SP 800-207 5.1', 'nist-800-207', undefined],
  ['MAESTRO GOV-2', 'csa-maestro', undefined],
  ['CSA MAESTRO GOV-2', 'csa-maestro', undefined],
  ['owasp nhi-3', 'owasp-nhi', 'NHI7:2025'],
])('%s is accepted, and is %s %s', (said, framework, control) => {
  expect(chooseFramework(frameworks, said)).toEqual({
    framework,
    said,
    ...(control && { controls: [control] }),
  })
})

test('of one framework, several controls are taken, also loose ones', () => {
  expect(chooseFramework(frameworks, 'CSF 2.0 PR.AC-1 / PR.AC-4')).toEqual({
    framework: 'nist-csf-2.0',
    controls: ['PR.AA-01', 'PR.AA-05'],
    said: 'CSF 2.0 PR.AC-1 / PR.AC-4',
  })
  expect(() => chooseFramework(frameworks, 'PR.AA-05, AC-2')).toThrow('of one framework')
})

test.each([
  ['SOC 2', 'soc-2'],
  ['soc2', 'soc-2'],
  ['SOC 2, Trust Services Criteria', 'soc-2'],
  ['ISO/IEC 27001:2022, Annex A', 'iso-27001'],
  ['CSA MAESTRO, layers', 'csa-maestro'],
  ['ISO 27001', 'iso-27001'],
  ['ISO/IEC 27001:2022', 'iso-27001'],
  ['PCI DSS 4', 'pci-dss-4'],
  ['PCI DSS 4.0.1', 'pci-dss-4'],
  ['NIST CSF 2.0', 'nist-csf-2.0'],
  ['SP 800-53', 'nist-800-53'],
  ['NIST SP 800-207', 'nist-800-207'],
  ['AI RMF', 'nist-ai-rmf'],
  ['CSA MAESTRO', 'csa-maestro'],
  ['MITRE ATT&CK', 'mitre-attack'],
  ['CIS', 'cis-8.1'],
  ['OWASP NHI Top 10', 'owasp-nhi'],
  ['SOC 2 CC6.1', 'soc-2', 'CC6.1'],
  ['NIST SP 800-53 AC-2', 'nist-800-53', 'AC-2'],
  ['PR.AA-5', 'nist-csf-2.0', 'PR.AA-05'],
  ['NHI7', 'owasp-nhi', 'NHI7:2025'],
  ['OWASP NHI3', 'owasp-nhi', 'NHI3:2025'],
  ['Layer 6', 'csa-maestro', 'Layer 6: Security and Compliance'],
  ['MAESTRO Layer 6', 'csa-maestro', 'Layer 6: Security and Compliance'],
])('%s means %s %s', (text, framework, control?: string) => {
  expect(chooseFramework(frameworks, text)).toEqual({ framework, ...(control && { controls: [control] }) })
})

test('what could be several is said, and no other', () => {
  expect(() => chooseFramework(frameworks, 'NIST')).toThrow('nist-csf-2.0 or nist-800-53 or')
  for (const text of ['', 'SOC 3', 'ISO 27002', 'NHI11', 'NHI-05', 'CC6.1 SOC 2', 'AC'])
    expect(() => chooseFramework(frameworks, text), text).toThrow()
})

test('each loose identifier means one that a check is evidence for', () => {
  for (const [loose, meant] of Object.entries(frameworks.said)) {
    const { framework, controls } = chooseFramework(frameworks, loose)
    expect(controls?.[0] ?? framework).toBe(meant)
    const evident = checks.flatMap(check => controlsOf(frameworks, check, framework))
    expect(
      evident.filter(one => controls?.includes(one) ?? true),
      loose,
    ).not.toEqual([])
  }
})

test('docs/posture.md is what the checks and frameworks say', async () => {
  const page = posturePage(checks, frameworks)
  if (process.env['WRITE_PAGES']) await writeFile(PAGE, page)
  expect(await readFile(PAGE, 'utf8')).toBe(page)
})
