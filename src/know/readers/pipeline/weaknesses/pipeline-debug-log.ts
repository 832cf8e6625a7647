import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { Pipeline, PipelineJob } from '../pipeline.ts'

const DEBUG = new Set([
  'CI_DEBUG_TRACE',
  'CI_DEBUG_SERVICES',
  'SYSTEM.DEBUG',
  'SYSTEM_DEBUG',
  'AGENT.DIAGNOSTIC',
  'ACTIONS_RUNNER_DEBUG',
  'ACTIONS_STEP_DEBUG',
])

export const pipelineDebugLog: Weakness<Pipeline, PipelineJob> = {
  id: 'pipeline-debug-log',
  title: 'The log shows every variable, secrets too',
  severity: 'high',
  why: 'A debug log holds the value of every variable that the job has, and everybody who reads the log has them.',
  fix: 'Take the variable out of the file; set it for one run where it is needed, and delete that log.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: ['https://docs.gitlab.com/ci/variables/variables_troubleshooting/'],
  *find({ jobs, variables }) {
    const isOn = (name: string, value: string | undefined) =>
      DEBUG.has(name.toUpperCase()) && /^(?:1|true)$/i.test((value ?? '').trim())
    for (const [name, value] of variables)
      if (isOn(name, scalar(value))) yield { line: value.line, certainty: 'proven', why: `${name} is on` }
    for (const job of jobs)
      for (const [name, value] of job.variables)
        if (isOn(name, scalar(value)))
          yield { line: value.line, certainty: 'proven', why: `${name} is on for ${job.id}`, job }
  },
}
