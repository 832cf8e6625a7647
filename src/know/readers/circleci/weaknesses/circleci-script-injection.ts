import { lineAt, scalar } from '../../located.ts'
import { commandsOf, evaluatedVariables } from '../../pipeline/command.ts'
import type { Weak, Weakness } from '../../weakness.ts'
import type { CircleciConfig, CircleciJob } from '../circleci-config.ts'

export const circleciScriptInjection: Weakness<CircleciConfig, CircleciJob> = {
  id: 'circleci-script-injection',
  title: 'Text that others write becomes part of a script',
  severity: 'high',
  why: 'Whoever writes that text runs commands as the job, with its contexts.',
  fix: 'Give the value to the script by environment:, and use it there as a quoted shell variable.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  crossing: true,
  references: ['https://circleci.com/docs/reference/variables/#pipeline-values'],
  *find(config) {
    for (const job of config.jobs)
      for (const script of job.scripts) {
        const text = scalar(script) ?? ''
        for (const { 1: name = '', index } of text.matchAll(/(?<!\\)<<\s*([\w.-]{1,200})\s*>>/g)) {
          const said = controlOf(name, config, job)
          if (said) yield { line: lineAt(script, index), ...said, job }
        }
        for (const command of commandsOf(script)) {
          const name = evaluatedVariables(command).find(one =>
            /^CIRCLE_(?:BRANCH|TAG|PR_REPONAME|PR_USERNAME)$/.test(one),
          )
          if (name !== undefined)
            yield {
              line: command.line,
              certainty: 'conditional',
              when: 'the project builds pull requests of forks, or they may push a branch',
              why: `${name}, which others write, is run by ${job.id}`,
              job,
            }
        }
      }
  },
}

function controlOf(
  name: string,
  config: CircleciConfig,
  job: CircleciJob,
): Pick<Weak<CircleciJob>, 'certainty' | 'when' | 'why'> | undefined {
  if (
    /^pipeline\.(?:git\.(?:branch|tag|commit\.(?:subject|body|author_name|author_email))|trigger_parameters\..+|event\..+)$/.test(
      name,
    )
  )
    return {
      certainty: 'conditional',
      when: 'the project builds pull requests of forks, or they may push a branch',
      why: `${name}, which others write, becomes part of a script`,
    }
  const [, own] = /^pipeline\.parameters\.(.+)$/.exec(name) ?? []
  if (own !== undefined)
    return (config.parameters.get(own) ?? 'string') === 'string'
      ? {
          certainty: 'conditional',
          when: 'they may start a pipeline',
          why: `${name} becomes part of a script, and may hold any text`,
        }
      : undefined
  const [, given] = /^parameters\.(.+)$/.exec(name) ?? []
  // Of a command's or a job's parameter the file itself says what it is.
  return given !== undefined && job.parameters.get(given) === 'string'
    ? { certainty: 'potential', why: `${name} becomes part of a script` }
    : undefined
}
