import { scalar } from '../../located.ts'
import { stepsOf, type Weakness } from '../weakness.ts'

/** Actions that download a tool, and the input that says which version; without it the newest. */
const INSTALLERS: Readonly<Record<string, string>> = {
  '1password/load-secrets-action': 'version',
  'aquasecurity/setup-trivy': 'version',
  'arduino/setup-task': 'version',
  'azure/setup-helm': 'version',
  'azure/setup-kubectl': 'version',
  'goreleaser/goreleaser-action': 'version',
  'hashicorp/setup-terraform': 'terraform_version',
  'pulumi/actions': 'pulumi-version',
}

export const workflowUnpinnedTool: Weakness = {
  id: 'workflow-unpinned-tool',
  title: 'It installs whatever version of a tool is newest',
  severity: 'low',
  why: 'A bad release of the tool runs in the job within the hour, though the action itself is pinned.',
  fix: 'Say which version the action is to install.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  alias: 'unpinned-tools',
  references: [
    'https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-03-Dependency-Chain-Abuse',
  ],
  *find(workflow) {
    for (const { job, step } of stepsOf(workflow)) {
      const action = step.uses?.kind === 'repository' ? step.uses.action : ''
      const input = Object.hasOwn(INSTALLERS, action) ? INSTALLERS[action] : undefined
      if (input === undefined) continue
      const given = step.with.get(input)
      const version = scalar(given)?.trim()
      if (version === undefined || version === '' || /^(?:latest|stable|\*|~> ?v?\d+)$/i.test(version))
        yield {
          line: given?.line ?? step.line,
          certainty: 'proven',
          why: `${action} installs the newest version`,
          job,
        }
      else if (version.includes('${{'))
        yield {
          line: given!.line,
          certainty: 'potential',
          why: `${action} installs a version that is computed`,
          job,
        }
    }
  },
}
