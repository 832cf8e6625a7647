import type { Weakness } from '../../weakness.ts'
import { commandsOf, unquoted, variablesIn } from '../../pipeline/command.ts'
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
