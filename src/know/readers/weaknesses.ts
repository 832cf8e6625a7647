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

/** Which things a reader holds against which weaknesses: what none of it is, is none of those that pass. */
export interface WeaknessFamily {
  readonly kinds: readonly string[]
  /** By their fact `runtime`, where the kind alone does not tell. */
  readonly runtimes?: readonly string[]
  /** Kinds besides, of which one tells all. */
  readonly besides?: readonly string[]
  readonly weaknesses: readonly WeaknessText[]
}

const jobs = (weaknesses: readonly WeaknessText[], ...runtimes: string[]): WeaknessFamily => ({
  kinds: ['job'],
  runtimes,
  weaknesses,
})

export const weaknessFamilies: readonly WeaknessFamily[] = [
  jobs(githubWorkflowWeaknesses, 'GitHub Actions'),
  jobs(pipelineWeaknesses, 'GitHub Actions', 'GitLab CI', 'CircleCI', 'Azure Pipelines', 'Jenkins'),
  jobs(gitlabWeaknesses, 'GitLab CI'),
  jobs(circleciWeaknesses, 'CircleCI'),
  jobs(azurePipelinesWeaknesses, 'Azure Pipelines'),
  jobs(jenkinsWeaknesses, 'Jenkins'),
  // A file, of what stands in it itself, and each resource, of its own.
  {
    kinds: ['file'],
    runtimes: ['Terraform'],
    besides: ['terraform-resource'],
    weaknesses: terraformWeaknesses,
  },
  { kinds: ['agent', 'mcp-server'], weaknesses: agentWeaknesses },
  { kinds: ['image-stage'], weaknesses: dockerfileWeaknesses },
  { kinds: ['service'], runtimes: ['Compose'], weaknesses: composeWeaknesses },
]

/** Every weakness that some reader of files looks for. */
export const allWeaknesses: readonly WeaknessText[] = weaknessFamilies.flatMap(({ weaknesses }) => weaknesses)
