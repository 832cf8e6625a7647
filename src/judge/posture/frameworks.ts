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
  /** Only this control of it. */
  readonly control?: string
  /** What was said, where another identifier is right. */
  readonly said?: string
}

/** Raises INVALID_INPUT for what is none. */
export function chooseFramework({ frameworks, risks, closer, said }: Frameworks, text: string): Chosen {
  const given = text.trim()
  const loose = Object.keys(said).find(one => same(one, given))
  const meant = loose === undefined ? given : said[loose]!
  const spoken = loose === undefined ? {} : { said: given }
  const whole = ['owasp-nhi', ...Object.keys(frameworks)].find(one => same(one, meant))
  if (whole !== undefined) return { framework: whole, ...spoken }
  const risk = Object.keys(risks).find(one => same(one, meant))
  if (risk !== undefined) return { framework: 'owasp-nhi', control: risk, ...spoken }
  for (const controls of [...Object.values(risks).map(one => one.controls), ...Object.values(closer)])
    for (const [framework, ids] of Object.entries(controls)) {
      const control = ids.find(id => same(id, meant))
      if (control !== undefined) return { framework, control, ...spoken }
    }
  throw new FirebreakError(
    'INVALID_INPUT',
    'no such framework or control is known',
    `name one of owasp-nhi, ${Object.keys(frameworks).join(', ')}, or a control of one, as PR.AA-05`,
  )
}

/** Texts put the framework's name before the identifier, or do not. */
function same(a: string, b: string): boolean {
  const bare = (text: string) => text.toLowerCase().replace(/^(?:owasp |nist )?(?:csf 2\.0 )?/, '')
  return bare(a) === bare(b)
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
