import type { Check } from '../../../src/judge/posture/check.ts'
import type { Frameworks } from '../../../src/judge/posture/frameworks.ts'

/** docs/posture.md: every check, and what each risk is in each framework. */
export function posturePage(checks: readonly Check[], { frameworks, risks, closer }: Frameworks): string {
  const mapped = (controls: Record<string, string[]>) =>
    `${Object.entries(controls)
      .map(([id, ids]) => `${frameworks[id]}: ${ids.join(', ')}`)
      .join('; ')}.`
  const sections = Object.entries(risks).map(([risk, { title, controls }]) => {
    const own = checks.filter(check => check.frameworks.includes(risk))
    const cells = own.map(({ id, severity, title }) => [`\`${id}\``, severity, title])
    return [
      `### ${risk} ${title}`,
      '',
      ...(cells.length > 0 ? aligned([['check', 'severity', 'what is wrong'], ...cells]) : ['No check yet.']),
      '',
      mapped(controls),
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

A run ends with figures that each say what they were computed from: how many identities are fully visible (their owner, age and last use are known), how
many credentials were rotated in time (as the [requirements](ownership.md#what-every-identity-must-have) ask, else within a year), how many are exposed, how long it took from exposure to dead. Runs are kept, so that the next one says
what is new and what is gone.

\`\`\`console
$ firebreak check --first
\`\`\`

also says which ten to fix first, each identity once: always the one whose mending takes most from what a thief of any of those left could reach. What is
mended by a word, as an owner is, takes nothing and is not among them.

## In CI

\`\`\`console
$ firebreak check --write-ratchet standing.json
$ firebreak check --ratchet standing.json --markdown check.md --sarif check.sarif
\`\`\`

\`standing.json\` keeps how many standing credentials there are: those that whoever has them can use, and that live for longer than a day. Commit
it: a later run with \`--ratchet\` ends with exit code 1 where there are more, in all, of one system and kind, or of identities of one class; fewer of the one do not
make up for more of another. It says of which, and needs no store of before. Where there are fewer, write it anew.

\`check.md\` is for a pull request or the summary of a job; \`check.sarif\` is SARIF 2.1.0 for code scanning, in which a finding is the same one as long as it stands.
Where one checkout is all that was read of files, each is at its file and line there; else, and for what is in no file, its reference stands for the file.

## For an auditor

\`\`\`console
$ firebreak check --framework soc-2 --html report.html
\`\`\`

writes one file that loads nothing and runs nothing: figures, charts, the trend over the last runs, and for each control its checks with what was looked
at, what fails, and of what nobody can tell; for each finding what is so, since when, and in which sources it was seen last. What was not searched stands at its end.

## Exceptions

What cannot be mended yet stands in a file that somebody answers for:

\`\`\`yaml
exceptions:
  - check: owner-missing
    entity: app_rw
    owner: payments
    reason: its service moves to workload identity in July
    control: its network accepts the one host only
    expires: 2026-07-31
\`\`\`

\`\`\`console
$ firebreak check --exceptions ../estate/exceptions.yaml --fail-on critical
\`\`\`

\`entity\` is what \`firebreak show\` takes. An excepted finding is shown, with who answers, and does not count for \`--fail-on\`. From the day after \`expires\` it
counts again, as it does once a list of people tells that its \`owner\` left; the run says so, and of an exception that is of nothing, or whose owner no list of people knows, too. A file with a
mistake is refused, with the line of each.

Frameworks are named ${['owasp-nhi', ...Object.keys(frameworks)].map(id => `\`${id}\``).join(', ')}.
The names that people use will do (\`SOC 2\`, \`ISO 27001\`), as will controls, several of one framework with commas between, and identifiers of older editions, with the
right one printed beside.

## Checks by risk

This list is made from the checks, and tested against them.

${sections.join('\n')}
## What fits closer

In these frameworks a check, or every check that names a risk of the OWASP Top 10 CI/CD Security Risks, has controls of its own in place of those of its
risk above.

${Object.entries(closer)
  .map(([key, controls]) => `- \`${key}\`: ${mapped(controls)}`)
  .join('\n')}`
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
