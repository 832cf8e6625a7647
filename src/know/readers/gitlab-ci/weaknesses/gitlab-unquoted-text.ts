import type { Weakness } from '../../weakness.ts'
import { commandsOf, variablesIn } from '../../pipeline/command.ts'
import type { GitlabJob, GitlabPipeline } from '../gitlab-pipeline.ts'
import { isWrittenByOutsiders } from '../outsider-text.ts'

export const gitlabUnquotedText: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-unquoted-text',
  title: 'Text that others write becomes arguments of a command',
  severity: 'medium',
  why: 'The shell splits it into words and patterns: whoever writes it gives the command options of their own.',
  fix: 'Put the variable in double quotes, and “--” before it where the command takes options.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  references: ['https://docs.gitlab.com/ci/variables/#cicd-variable-security'],
  *find({ jobs }) {
    for (const job of jobs)
      for (const script of job.scripts)
        for (const { line, text } of commandsOf(script)) {
          const name = variablesIn(unquoted(text)).find(isWrittenByOutsiders)
          if (name !== undefined)
            yield {
              line,
              certainty: 'conditional',
              why: `${name}, which others write, is not quoted in ${job.id}`,
              job,
            }
        }
  },
}

/** What of a command stands in no quotes, in no test of bash’s and on no right side of an assignment. */
function unquoted(text: string): string {
  let outside = ''
  for (let at = 0, quote = ''; at < text.length; at++) {
    const sign = text[at]!
    if (sign === '\\' && quote !== "'") at++
    else if (quote !== '') quote = sign === quote ? '' : quote
    else if (sign === '"' || sign === "'") quote = sign
    else if (text.startsWith('[[', at)) at = Math.max(at, text.indexOf(']]', at))
    else outside += sign
  }
  return outside
    .replace(/(?:^|[\s;])\w{1,100}=\$\{?\w+\}?/g, ' ')
    .replace(/\bcase\s+\$\{?\w+\}?\s+in\b/g, ' ')
}
