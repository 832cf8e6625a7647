import type { Weakness } from '../../weakness.ts'
import type { JenkinsPipeline, JenkinsStage } from '../jenkins-pipeline.ts'

export const jenkinsControllerAgent: Weakness<JenkinsPipeline, JenkinsStage> = {
  id: 'jenkins-controller-agent',
  title: 'A build runs on the controller',
  severity: 'high',
  why: 'What runs there reads the controller’s home: every credential that Jenkins keeps, and the key that opens them.',
  fix: 'Name a label of agents, and set the controller’s executors to 0.',
  frameworks: ['NHI8:2025', 'CICD-SEC-7'],
  references: ['https://www.jenkins.io/doc/book/security/controller-isolation/'],
  *find({ jobs }) {
    for (const stage of jobs) {
      const { agent } = stage
      if (agent && /^(?:master|built-?in|controller)$/i.test(agent.kind))
        yield { line: agent.line, certainty: 'proven', why: `${stage.id} runs on the controller`, job: stage }
    }
  },
}
