import { lineAt, scalar } from '../../located.ts'
import { contextsIn } from '../expression.ts'
import { stepsOf, type Weakness } from '../weakness.ts'

const PRINTS =
  /(?:^|[;&|]\s*|\bdo\s+|\bthen\s+)\s*(?:echo|printf|cat\s*<<<|Write-(?:Host|Output))\b([^\n]*)/gm
/** The mask knows the secret as it is stored: what is made of it on the way is printed as it is. */
const MADE_OF_IT =
  /^[^|\n]*\|\s*(?:base64(?!\s+(?:-d|--decode|-D))|base32|xxd|od|hexdump|rev|sed|fold|cut|tr|gzip|openssl\s+enc|jq\s+-R)\b[^|>&;\n]*$/

/** What goes on into a pipe or a file is not printed. */
const GOES_ON = /\||>/

export const workflowSecretInLog: Weakness = {
  id: 'workflow-secret-in-log',
  title: 'It prints what it made of a secret',
  severity: 'high',
  why: 'Logs hide the secret as it is stored and nothing else: a part of it, decoded, or encoded, is there for all who can read them.',
  fix: 'Do not print it; where a tool must, mask the value first with ::add-mask::. Rotate what was printed.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: [
    'https://docs.github.com/en/actions/reference/security/secure-use#use-secrets-for-sensitive-information',
  ],
  *find(workflow) {
    for (const { job, step } of stepsOf(workflow)) {
      const run = scalar(step.run) ?? ''
      const secret = new Set(
        [...step.env, ...job.env]
          .filter(([, value]) => contextsIn(scalar(value) ?? '').some(([root]) => root === 'secrets'))
          .map(([name]) => name),
      )
      const written = contextsIn(run).some(([root, name]) => root === 'secrets' && name !== 'github_token')
      if (secret.size === 0 && !written) continue
      const masked = /::add-mask::/.test(run)
      const made = derived(run, secret)
      for (const found of run.matchAll(PRINTS)) {
        const what = found[1] ?? ''
        if (masked) continue
        const encoded = MADE_OF_IT.test(what)
          ? secretsIn(what).find(one => secret.has(one) || one.startsWith('secrets.'))
          : undefined
        if (encoded !== undefined)
          yield {
            line: lineAt(step.run!, found.index),
            certainty: 'proven',
            why: `${encoded}, a secret, is printed in a form that no mask knows`,
            job,
          }
        if (GOES_ON.test(what)) continue
        const name = variablesIn(what).find(variable => made.has(variable))
        if (name === undefined) continue
        const line = lineAt(step.run!, found.index)
        yield { line, certainty: 'proven', why: `${name}, which is made of a secret, is printed`, job }
      }
    }
  },
}

/** Variables that a script sets from what holds a secret: other texts than the secret itself. */
function derived(run: string, secret: ReadonlySet<string>): Set<string> {
  const made = new Set<string>()
  for (const [, name = '', value = ''] of run.matchAll(/^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)$/gm))
    if (
      /\$\(|`/.test(value) &&
      variablesIn(value).some(variable => secret.has(variable) || made.has(variable))
    )
      made.add(name)
  return made
}

/** What a text names: variables, and secrets that an expression puts there. */
function secretsIn(text: string): string[] {
  return [...variablesIn(text), ...contextsIn(text).map(path => path.join('.'))]
}

function variablesIn(text: string): string[] {
  return Array.from(text.matchAll(/\$\{?(?:env:)?([A-Za-z_]\w*)/g), match => match[1]!)
}
