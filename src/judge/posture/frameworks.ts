import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Check } from './check.ts'

const controls = z.record(z.string(), z.array(z.string()).min(1))
const schema = z.strictObject({
  frameworks: z.record(z.string(), z.string()),
  risks: z.record(z.string(), z.strictObject({ title: z.string(), controls })),
  closer: z.record(z.string(), controls),
  said: z.record(z.string(), z.string()),
})

/** What each risk of the OWASP NHI Top 10 is in other frameworks, and what fits single checks closer. */
export type Frameworks = z.infer<typeof schema>

export async function loadFrameworks(rulesDirectory: string): Promise<Frameworks> {
  return schema.parse(parse(await readFile(join(rulesDirectory, 'frameworks.yaml'), 'utf8'), { merge: true }))
}

/** The framework that is meant, by its name or by one of its controls. */
export interface Chosen {
  readonly framework: string
  /** Only these controls of it. */
  readonly controls?: readonly string[]
  /** What was said, where another identifier is right. */
  readonly said?: string
}

/** Raises INVALID_INPUT for what is none, and for what could be several. Of one framework, several controls can be given: `PR.AC-1 / PR.AC-4`. */
export function chooseFramework(frameworks: Frameworks, text: string): Chosen {
  const given = text.trim()
  // A framework's own name may have a comma in it.
  const isOne = frameworksNamed(frameworks, given).length === 1
  const parts = isOne ? [given] : given.split(/\s+\/\s+|\s*,\s*/).filter(part => part !== '')
  const all = (parts.length === 0 ? [given] : parts).map(one => chooseOne(frameworks, one))
  const [first, ...others] = all
  if (others.length === 0) return first!
  if (all.some(({ framework, controls }) => framework !== first!.framework || !controls))
    throw none('several controls have to be of one framework', frameworks)
  const controls = [...new Set(all.flatMap(({ controls }) => controls ?? []))]
  const isLoose = all.some(({ said }) => said !== undefined)
  return { framework: first!.framework, controls, ...(isLoose && { said: given }) }
}

function chooseOne(frameworks: Frameworks, given: string): Chosen {
  const { said } = frameworks
  const loose = Object.keys(said).find(one => bare(one) === bare(given))
  const meant = loose === undefined ? given : said[loose]!
  const spoken = loose === undefined ? {} : { said: given }
  const named = frameworksNamed(frameworks, meant)
  if (named.length === 1) return { framework: named[0]!, ...spoken }
  for (const [framework, control] of controlsIn(frameworks))
    if (isControl(frameworks, framework, control, meant)) return { framework, controls: [control], ...spoken }
  if (named.length > 1) throw none(`“${given}” could be ${named.join(' or ')}`, frameworks)
  throw none('no such framework or control is known', frameworks)
}

function none(why: string, { frameworks }: Frameworks): FirebreakError {
  return new FirebreakError(
    'INVALID_INPUT',
    why,
    `name one of owasp-nhi, ${Object.keys(frameworks).join(', ')}, or a control of one, as PR.AA-05`,
  )
}

function* controlsIn({
  risks,
  closer,
}: Frameworks): Generator<readonly [framework: string, control: string]> {
  for (const risk of Object.keys(risks)) yield ['owasp-nhi', risk]
  for (const controls of [...Object.values(risks).map(one => one.controls), ...Object.values(closer)])
    for (const [framework, ids] of Object.entries(controls)) for (const id of ids) yield [framework, id]
}

/** By its id, or by words of its name: `SOC 2`, `iso27001`, `MITRE ATT&CK`. */
function frameworksNamed({ frameworks }: Frameworks, text: string): string[] {
  const all = [['owasp-nhi', OWASP] as const, ...Object.entries(frameworks)]
  const exact = all.find(([id]) => closeUp(id) === closeUp(text))
  if (exact) return [exact[0]]
  return all.filter(([id, name]) => isOf(id, name, text)).map(([id]) => id)
}

/** The text is its identifier, perhaps without what follows a colon, and behind words of the framework's name. */
function isControl({ frameworks }: Frameworks, framework: string, control: string, text: string): boolean {
  for (const id of [control, control.replace(/:.*$/, '')]) {
    if (bare(id) === bare(text)) return true
    const [whole, end] = [plain(text), plain(id)]
    const isOwn = whole.endsWith(` ${end}`) && whole.length > end.length + 1
    if (isOwn && isOf(framework, frameworks[framework] ?? OWASP, whole.slice(0, -end.length))) return true
  }
  return false
}

export const OWASP = 'OWASP Non-Human Identities Top 10:2025'

function isOf(id: string, name: string, text: string): boolean {
  const own = wordsIn(`${id} ${name}`)
  const said = wordsIn(text)
  return said.length > 0 && said.every(word => own.includes(word))
}

function wordsIn(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? []
}

function closeUp(text: string): string {
  return wordsIn(text).join('')
}

/** `PR.AC-01` is `pr.ac-1`. */
function plain(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/(?<![\d.])0+(?=\d)/g, '')
}

/** Texts put the framework's name before the identifier, or do not. */
function bare(text: string): string {
  return plain(text).replace(/^(?:(?:owasp|nist|csa|sp|csf 2\.0|maestro) )+/, '')
}

/** The controls of the framework that a check is evidence for; none where the check is not about it. */
export function controlsOf(
  { risks, closer }: Frameworks,
  { id, frameworks }: Pick<Check, 'id' | 'frameworks'>,
  framework: string,
): string[] {
  const own = frameworks.filter(risk => Object.hasOwn(risks, risk))
  if (framework === 'owasp-nhi') return own
  const fitting = [id, ...frameworks].find(one => Object.hasOwn(closer, one))
  const ids =
    (fitting && closer[fitting]![framework]) ?? own.flatMap(risk => risks[risk]!.controls[framework] ?? [])
  return [...new Set(ids)].sort()
}
