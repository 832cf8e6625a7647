import { scalar } from '../../located.ts'
import { stepsOf, type Weakness } from '../weakness.ts'

const ACTION = 'actions/create-github-app-token'

/** What the action's inputs mean: https://github.com/actions/create-github-app-token. */
export const workflowAppToken: Weakness = {
  id: 'workflow-app-token',
  title: 'A token of a GitHub App may do more, or lives longer, than the job needs',
  severity: 'medium',
  why: 'Without limits the token has every permission of the installation, over every repository of it, and one that is not revoked works for an hour after the job.',
  fix: 'Name repositories and permission-… inputs, and leave skip-token-revoke out.',
  frameworks: ['NHI5:2025', 'CICD-SEC-5'],
  alias: 'github-app',
  references: [
    'https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/making-authenticated-api-requests-with-a-github-app-in-a-github-actions-workflow',
  ],
  *find(workflow) {
    for (const { job, step } of stepsOf(workflow)) {
      if (step.uses?.kind !== 'repository' || step.uses.action !== ACTION) continue
      const input = (name: string) => scalar(step.with.get(name))?.trim()
      const skips = input('skip-token-revoke')
      if (skips !== undefined && skips !== '' && skips !== 'false')
        yield {
          line: step.with.get('skip-token-revoke')!.line,
          certainty: skips === 'true' ? 'proven' : 'conditional',
          why: 'its token is not revoked when the job ends',
          job,
        }
      // Without an owner it is for this repository alone.
      if (input('owner') && !input('repositories'))
        yield {
          line: step.with.get('owner')!.line,
          certainty: 'proven',
          why: 'its token is for every repository of the installation',
          job,
        }
      if (![...step.with.keys()].some(name => name.startsWith('permission-')))
        yield {
          line: step.uses.line,
          certainty: 'proven',
          why: 'its token has every permission of the installation',
          job,
        }
    }
  },
}
