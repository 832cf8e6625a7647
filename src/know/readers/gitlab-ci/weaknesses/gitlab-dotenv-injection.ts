import { member } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import { commandsOf, variablesIn } from '../../pipeline/command.ts'
import { type GitlabJob, type GitlabPipeline } from '../gitlab-pipeline.ts'
import { hasLines } from '../outsider-text.ts'

export const gitlabDotenvInjection: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-dotenv-injection',
  title: 'Text that others write sets variables of later jobs',
  severity: 'high',
  why: 'A text of several lines sets as many variables of the jobs that come after, such as PATH or LD_PRELOAD, and so runs commands there.',
  fix: 'Write only values of a known form into the file, or one line of it: "$CI_COMMIT_SHORT_SHA", not the message.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  crossing: true,
  references: ['https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv'],
  *find({ jobs }) {
    for (const job of jobs) {
      if (!member(job.node, 'artifacts', 'reports', 'dotenv')) continue
      for (const script of job.scripts)
        for (const { line, text } of commandsOf(script)) {
          const name = />>?/.test(text) ? variablesIn(text).find(hasLines) : undefined
          if (name !== undefined)
            yield {
              line,
              certainty: 'conditional',
              when: 'their commit comes into the project, and the file is the one that is handed on',
              why: `${name}, which others write, goes into a file that ${job.id} hands on as variables`,
              job,
            }
        }
    }
  },
}
