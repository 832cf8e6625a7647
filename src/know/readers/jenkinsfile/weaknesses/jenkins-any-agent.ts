import type { Weakness } from '../../weakness.ts'
import type { JenkinsPipeline, JenkinsStage } from '../jenkins-pipeline.ts'

export const jenkinsAnyAgent: Weakness<JenkinsPipeline, JenkinsStage> = {
  id: 'jenkins-any-agent',
  title: 'A build runs wherever there is room',
  severity: 'low',
  why: 'It meets builds of others on the same machine, and runs on the controller where that takes builds.',
  fix: 'Name a label of agents that are made for this, anew for each build where it holds credentials.',
  frameworks: ['NHI8:2025', 'CICD-SEC-7'],
  references: ['https://www.jenkins.io/doc/book/security/controller-isolation/'],
  *find({ jobs }) {
    for (const stage of jobs) {
      const { agent } = stage
      if (agent?.kind === 'any')
        yield {
          line: agent.line,
          certainty: 'conditional',
          when: 'the controller takes builds',
          why: 'it runs on any agent',
        }
    }
  },
}
