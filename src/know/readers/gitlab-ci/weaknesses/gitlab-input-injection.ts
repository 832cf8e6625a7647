import { lineAt, member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { GitlabJob, GitlabPipeline } from '../gitlab-pipeline.ts'

export const gitlabInputInjection: Weakness<GitlabPipeline, GitlabJob> = {
  id: 'gitlab-input-injection',
  title: 'An input becomes part of a script',
  severity: 'medium',
  why: 'An input is put into the file before anything reads it: one that holds any text is any command of the job.',
  fix: 'Give the input options or a regex, or pass it to the script by a variable that is quoted there.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  references: ['https://docs.gitlab.com/ci/inputs/'],
  *find({ jobs, inputs }) {
    for (const job of jobs)
      for (const script of job.scripts) {
        const text = scalar(script) ?? ''
        for (const { 1: name = '', index } of text.matchAll(/\$\[\[\s*inputs\.([\w-]{1,200})/g)) {
          const input = inputs.get(name)
          const bound = ['options', 'regex'].some(key => member(input, key) !== undefined)
          if (bound || /^(?:boolean|number)$/.test(scalar(member(input, 'type')) ?? 'string')) continue
          yield {
            line: lineAt(script, index),
            certainty: 'conditional',
            why: `the input ${name} becomes part of a script of ${job.id}, and may hold any text`,
            job,
          }
        }
      }
  },
}
