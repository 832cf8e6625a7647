import type { Weakness } from '../../weakness.ts'
import { interpolatedIn } from '../interpolation.ts'
import type { JenkinsPipeline, JenkinsStage } from '../jenkins-pipeline.ts'

export const jenkinsSecretInterpolation: Weakness<JenkinsPipeline, JenkinsStage> = {
  id: 'jenkins-secret-interpolation',
  title: 'A secret is written into a script',
  severity: 'medium',
  why: 'Groovy puts the value in before the shell reads it: it stands in the process list, and a sign in it can end the quotes and run.',
  fix: 'Put the script in single quotes, so that the shell takes the variable from its environment.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: [
    'https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#interpolation-of-sensitive-environment-variables',
  ],
  *find({ jobs }) {
    for (const stage of jobs)
      for (const step of stage.steps)
        if (/^(?:sh|bat|powershell|pwsh|httpRequest)$/.test(step.name))
          for (const { name, line } of step.args.flatMap(interpolatedIn))
            if (stage.secretVariables.has(name.replace(/^env\./, '')))
              yield {
                line,
                certainty: 'proven',
                why: `${name} becomes part of a script of ${stage.id}`,
                job: stage,
              }
  },
}
