import { composeWeaknesses } from './compose/weaknesses/all.ts'
import { dockerfileWeaknesses } from './dockerfile/weaknesses/all.ts'
import { agentWeaknesses } from './agent-settings/weaknesses/all.ts'
import { azurePipelinesWeaknesses } from './azure-pipelines/weaknesses/all.ts'
import { circleciWeaknesses } from './circleci/weaknesses/all.ts'
import { weaknesses as githubWorkflowWeaknesses } from './github-workflow/weaknesses/all.ts'
import { gitlabWeaknesses } from './gitlab-ci/weaknesses/all.ts'
import { jenkinsWeaknesses } from './jenkinsfile/weaknesses/all.ts'
import { pipelineWeaknesses } from './pipeline/weaknesses/all.ts'
import { terraformWeaknesses } from './terraform/weaknesses/all.ts'
import type { WeaknessText } from './weakness.ts'

/** Every weakness that some reader of files looks for. */
export const allWeaknesses: readonly WeaknessText[] = [
  ...githubWorkflowWeaknesses,
  ...pipelineWeaknesses,
  ...gitlabWeaknesses,
  ...circleciWeaknesses,
  ...azurePipelinesWeaknesses,
  ...jenkinsWeaknesses,
  ...terraformWeaknesses,
  ...agentWeaknesses,
  ...dockerfileWeaknesses,
  ...composeWeaknesses,
]
