import { describe, expect, test } from 'vitest'
import { azurePipelinesReader } from '../../../../src/know/readers/azure-pipelines/azure-pipelines.ts'
import { azurePipelinesWeaknesses } from '../../../../src/know/readers/azure-pipelines/weaknesses/all.ts'
import { bothWays, edgesTold, observed, weaknessesTold } from '../both-ways.ts'

const PATH = 'azure-pipelines.yml'
const steps = (step: string, top = '') => `${top}steps:\n- ${step}\n`
const AZURE = 'task: AzureCLI@2\n  inputs:\n    azureSubscription: prod\n'
const PR = 'pr: { branches: { include: ["*"] } }\n'

describe('weaknesses of Azure Pipelines', () => {
  bothWays(azurePipelinesReader, PATH, azurePipelinesWeaknesses, {
    'azure-pipelines-key-in-environment': {
      weak: steps(`${AZURE}    addSpnToEnvironment: true`),
      line: 5,
      mended: steps(AZURE),
    },
    'azure-pipelines-own-pool': {
      weak: steps('script: make', `${PR}pool: office\n`),
      line: 2,
      mended: steps('script: make', `${PR}pool: { vmImage: ubuntu-latest }\n`),
    },
    'azure-pipelines-persisted-credentials': {
      weak: steps('checkout: self\n  persistCredentials: true'),
      line: 3,
      mended: steps('checkout: self'),
    },
    'azure-pipelines-pull-request-secrets': {
      weak: steps(AZURE, PR),
      line: 2,
      mended: steps(AZURE, 'pr: none\n'),
    },
    'azure-pipelines-script-injection': {
      weak: steps('script: say $(Build.SourceVersionMessage)'),
      line: 2,
      mended: steps('script: say "$TEXT"\n  env: { TEXT: $(Build.SourceVersionMessage) }'),
    },
    'azure-pipelines-unpinned-template': {
      weak: steps(
        'template: build.yml@ci',
        'resources:\n  repositories:\n  - repository: ci\n    name: acme/ci\n    ref: refs/heads/main\n',
      ),
      line: 5,
      mended: steps(
        'template: build.yml@ci',
        'resources:\n  repositories:\n  - repository: ci\n    name: acme/ci\n    ref: refs/tags/v1\n',
      ),
    },
  })

  test.each([
    ['$(System.PullRequest.SourceBranch)', ['conditional']],
    ['${{ variables.said }}', ['conditional']],
    ['$(said)', ['conditional']],
    ['${{ parameters.free }}', ['conditional']],
    ['${{ parameters.chosen }}', []],
    ['$(Build.BuildId)', []],
    ['$(Build.SourceVersion)', []],
  ])('who decides what %s is', async (expression, expected) => {
    const top = `parameters:
- { name: free, type: string }
- { name: chosen, type: string, values: [a, b] }
variables:
- { name: said, value: $(Build.SourceBranchName) }
`
    const found = weaknessesTold(
      await observed(azurePipelinesReader, PATH, steps(`bash: say ${expression}`, top)),
    )
    expect(found.flatMap(one => (one.id.endsWith('injection') ? [one.certainty] : []))).toEqual(expected)
  })
})

describe('the reader of Azure Pipelines', () => {
  test('tells of each job what it holds, in stages, deployments, conditions and what extends', async () => {
    const found = await observed(
      azurePipelinesReader,
      PATH,
      `trigger: [main]
variables:
- group: shared
- \${{ if eq(variables['Build.SourceBranch'], 'refs/heads/main') }}:
  - group: prod
stages:
- stage: build
  jobs:
  - job: compile
    container: builder
    steps:
    - script: curl -H "x $(deployToken)" https://x.example.org
- \${{ if true }}:
  - stage: ship
    jobs:
    - deployment: web
      environment: production
      strategy:
        runOnce:
          deploy:
            steps:
            - task: AzureKeyVault@2
              inputs: { azureSubscription: prod-arm, KeyVaultName: acme-kv }
resources:
  containers:
  - container: builder
    image: acme.azurecr.io/builder:1
`,
    )
    expect(edgesTold(found)).toEqual([
      'build/compile reads-secret shared proven',
      'build/compile reads-secret prod proven',
      'build/compile reads-secret deployToken conditional',
      'ship/web uses-connection prod-arm proven',
      'ship/web reads-secret shared proven',
      'ship/web reads-secret prod proven',
      'ship/web reads-secret ?acme-kv conditional',
    ])
    expect(weaknessesTold(found).find(({ id }) => id === 'pipeline-unpinned-image')?.line).toBe(27)
    const web = found.find(one => one.see === 'workload' && one.ref.id.endsWith('ship/web'))
    expect(web).toMatchObject({ facts: { environment: { value: 'production' } } })
  })

  test('takes what is one', () => {
    const reads = (path: string, text: string) => azurePipelinesReader.reads({ path }, Buffer.from(text))
    expect(reads('ci/build.yml', 'steps:\n- task: Bash@3\n')).toBe(true)
    expect(reads('.azuredevops/pr.yaml', 'parameters:\n- name: x\n')).toBe(true)
    expect(reads('.github/workflows/x.yml', 'on: push\njobs:\n  a:\n    steps:\n    - script: x\n')).toBe(
      false,
    )
    expect(reads('values.yaml', 'resources:\n  limits: {}\n')).toBe(false)
  })
})
