import type { Weakness } from '../../weakness.ts'
import type { JenkinsPipeline, JenkinsStage } from '../jenkins-pipeline.ts'

export const jenkinsChangeRequestCredentials: Weakness<JenkinsPipeline, JenkinsStage> = {
  id: 'jenkins-change-request-credentials',
  title: 'A stage for change requests holds credentials',
  severity: 'medium',
  why: 'A change request changes what the stage runs, and gets its credentials before anybody has reviewed it.',
  fix: 'Take the Jenkinsfile of change requests from the target branch, and give credentials to stages of protected branches only.',
  frameworks: ['NHI5:2025', 'CICD-SEC-4'],
  crossing: true,
  references: ['https://www.jenkins.io/doc/book/pipeline/multibranch/'],
  *find({ jobs }) {
    for (const stage of jobs)
      if (stage.forChangeRequests && stage.credentials.size > 0)
        yield {
          line: stage.line,
          certainty: 'conditional',
          when: 'change requests of strangers are built',
          why: `${stage.id} runs for change requests, and holds ${[...stage.credentials.keys()].join(', ')}`,
          job: stage,
        }
  },
}
