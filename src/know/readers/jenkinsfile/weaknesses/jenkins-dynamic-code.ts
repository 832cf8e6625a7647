import type { Weakness } from '../../weakness.ts'
import { controlOf, interpolatedIn, valuesOf } from '../interpolation.ts'
import type { JenkinsPipeline, JenkinsStage } from '../jenkins-pipeline.ts'

export const jenkinsDynamicCode: Weakness<JenkinsPipeline, JenkinsStage> = {
  id: 'jenkins-dynamic-code',
  title: 'Text is run as code of the pipeline',
  severity: 'high',
  why: 'Whoever writes that text runs Groovy in the controller’s process, which the sandbox alone keeps in.',
  fix: 'Keep the code in the Jenkinsfile or in a library, and read data with readJSON or readYaml.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  references: ['https://www.jenkins.io/doc/book/managing/script-approval/'],
  *find(pipeline) {
    for (const stage of pipeline.jobs)
      for (const { name, line, args } of stage.steps) {
        if (!/^(?:evaluate|\.evaluate|\.me|GroovyShell|load)$/.test(name)) continue
        const names = [...args.flatMap(interpolatedIn).map(one => one.name), ...valuesOf(args)]
        const theirs = names.some(one => controlOf(one, pipeline, stage) !== 'nobody')
        // A file of the repository is what the Jenkinsfile itself is.
        if (name === 'load' && !theirs) continue
        yield {
          line,
          certainty: theirs ? 'proven' : 'conditional',
          when: 'others write that text',
          why: `${stage.id} runs a text as code`,
          job: stage,
        }
      }
  },
}
