import type { Check } from '../../../src/judge/posture/check.ts'
import type { Frameworks } from '../../../src/judge/posture/frameworks.ts'

/** docs/posture.md: every check, and what each risk is in each framework. */
export function posturePage(checks: readonly Check[], { frameworks, risks }: Frameworks): string {
  const sections = Object.entries(risks).map(([risk, { title, controls }]) => {
    const own = checks.filter(check => check.frameworks.includes(risk))
    const mapped = Object.entries(controls).map(([id, ids]) => `${frameworks[id]}: ${ids.join(', ')}`)
    const cells = own.map(({ id, severity, title }) => [`\`${id}\``, severity, title])
    return [
      `### ${risk} ${title}`,
      '',
      ...(cells.length > 0 ? aligned([['check', 'severity', 'what is wrong'], ...cells]) : ['No check yet.']),
      '',
      `${mapped.join('; ')}.`,
      '',
    ].join('\n')
  })
  return `# Is it healthy?

\`\`\`console
$ firebreak check
$ firebreak check --framework nist-csf-2.0
$ firebreak check --framework NHI7:2025 --json
\`\`\`

looks at all that is known: what is wrong, why it matters, how it is mended. Each check passes, fails, or says that nobody can tell, of each
thing that it looks at; unknown is never counted as passed. With \`--framework\` it is told by the controls of one framework, or for one control, with
how many things speak for it and against it. \`--fail-on high\` is for CI. \`firebreak watch\` tells of those that are to be heard of at once.

Frameworks are named ${['owasp-nhi', ...Object.keys(frameworks)].map(id => `\`${id}\``).join(', ')}.

## Checks by risk

This list is made from the checks, and tested against them.

${sections.join('\n')}`
    .trimEnd()
    .concat('\n')
}

/** As the formatter has tables. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  const lines = rows.map(row => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
  const rule = `| ${widths.map(width => '-'.repeat(width)).join(' | ')} |`
  return [lines[0]!, rule, ...lines.slice(1)]
}
