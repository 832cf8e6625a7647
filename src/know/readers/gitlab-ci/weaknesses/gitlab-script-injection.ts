import type { Weakness } from '../../weakness.ts'
import { commandsOf, evaluatedVariables } from '../../pipeline/command.ts'
import { type GitlabJob, type GitlabPipeline, runsOnMergeRequest } from '../gitlab-pipeline.ts'
import { isWrittenByOutsiders } from '../outsider-text.ts'

export const gitlabScriptInjection: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-script-injection',
  title: 'Text that others write is run as a script',
  severity: 'high',
  why: 'Whoever writes the commit, the branch’s name or the merge request runs commands as the job, with its token and its secrets.',
  fix: 'Use the variable as a quoted argument, and never in eval, in sh -c "…", over ssh or in place of a command.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  crossing: true,
  references: ['https://docs.gitlab.com/ci/variables/#cicd-variable-security'],
  *find({ jobs }) {
    for (const job of jobs)
      for (const script of job.scripts)
        for (const command of commandsOf(script)) {
          const name = evaluatedVariables(command).find(isWrittenByOutsiders)
          if (name !== undefined)
            yield {
              line: command.line,
              certainty: 'conditional',
              when: runsOnMergeRequest(job)
                ? 'a member runs the pipeline of their merge request, or merges it'
                : 'their commit or branch comes into the project',
              why: `${name}, which others write, is run by ${job.id}`,
              job,
            }
        }
  },
}
