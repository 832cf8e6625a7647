import type { Weakness } from '../../weakness.ts'
import { type Control, controlOf, type Interpolated, interpolatedIn, valuesOf } from '../interpolation.ts'
import { type JenkinsPipeline, type JenkinsStage, type Step } from '../jenkins-pipeline.ts'

const SHELLS = new Set(['sh', 'bat', 'powershell', 'pwsh', 'sshCommand', 'sshScript', '.sh', 'inside'])

export const jenkinsScriptInjection: Weakness<JenkinsPipeline, JenkinsStage> = {
  id: 'jenkins-script-injection',
  title: 'Text that others write becomes part of a script',
  severity: 'high',
  why: 'Groovy puts the text in before the shell reads it: whoever writes it runs commands on the agent, with the stage’s credentials.',
  fix: 'Put the script in single quotes, and use the value there as a quoted variable of the environment: sh \'deploy "$TARGET"\'.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  crossing: true,
  references: ['https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#string-interpolation'],
  *find(pipeline) {
    for (const stage of pipeline.jobs)
      for (const step of stage.steps) {
        if (!SHELLS.has(step.name)) continue
        for (const { name, line } of partsOf(step)) {
          const control: Control = controlOf(name, pipeline, stage)
          if (control === 'nobody') continue
          yield {
            line,
            certainty: 'conditional',
            when:
              control === 'outsider'
                ? 'their branch or change request is built'
                : 'they may start a build with parameters of their own',
            why: `${name}${control === 'outsider' ? ', which others write,' : ''} becomes part of a script of ${stage.id}`,
            job: stage,
          }
        }
      }
  },
}

/** What its strings hold, and what is added to them. */
function partsOf({ args }: Step): Interpolated[] {
  const found = args.flatMap(interpolatedIn)
  for (const [index, { text, line }] of args.entries())
    if (text === '+' && args[index + 1]?.kind === 'name')
      found.push(...valuesOf(args.slice(index + 1, end(args, index + 1))).map(name => ({ name, line })))
  // A variable alone may hold a script that was put together before.
  if (args.length === 1 && args[0]?.kind === 'name') found.push({ name: args[0].text, line: args[0].line })
  return found
}

function end(args: Step['args'], from: number): number {
  const at = args.findIndex((one, index) => index >= from && (one.text === '+' || one.text === ','))
  return at < 0 ? args.length : at
}
