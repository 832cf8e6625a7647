import { scalar } from '../../located.ts'
import { contextsIn } from '../expression.ts'
import { stepsOf, type Weakness } from '../weakness.ts'
import type { Step } from '../workflow.ts'

/** Logins that take a stored key where they could take the run's own identity, and that input. */
const LOGINS: Readonly<Record<string, { readonly inputs: readonly string[]; readonly to: string }>> = {
  'aws-actions/configure-aws-credentials': {
    inputs: ['aws-access-key-id', 'aws-secret-access-key'],
    to: 'AWS',
  },
  'google-github-actions/auth': { inputs: ['credentials_json'], to: 'Google Cloud' },
  'azure/login': { inputs: ['creds'], to: 'Azure' },
  'pypa/gh-action-pypi-publish': { inputs: ['password'], to: 'PyPI' },
  'rubygems/configure-rubygems-credentials': { inputs: ['api-token'], to: 'RubyGems' },
}

const PUBLISHES: readonly { readonly command: RegExp; readonly to: string }[] = [
  {
    command:
      /\b(?:uv\s+(?:build\s+)?publish|twine\s+upload|poetry\s+publish|flit\s+publish|hatch\s+publish|pdm\s+publish)\b/,
    to: 'PyPI',
  },
  { command: /\b(?:npm|pnpm|yarn(?:\s+npm)?|bun)\s+publish\b/, to: 'npm' },
  { command: /\bcargo\s+publish\b/, to: 'crates.io' },
  { command: /\bgem\s+push\b/, to: 'RubyGems' },
  { command: /\bdotnet\s+nuget\s+push\b/, to: 'NuGet' },
]

export const workflowStaticCloudKey: Weakness = {
  id: 'workflow-static-cloud-key',
  title: 'It logs in with a stored key where its own identity would do',
  severity: 'medium',
  why: 'A stored key works from anywhere, for as long as it exists; the run’s OpenID Connect token works for this run alone.',
  fix: 'Let the provider trust this repository’s OpenID Connect subject, and delete the key.',
  frameworks: ['NHI7:2025', 'CICD-SEC-6'],
  alias: 'use-trusted-publishing',
  references: ['https://docs.github.com/en/actions/concepts/security/openid-connect'],
  *find(workflow) {
    for (const { job, step } of stepsOf(workflow)) {
      const to = storedLogin(step)
      if (to !== undefined)
        yield { line: step.line, certainty: 'proven', why: `it uses a stored credential at ${to}`, job }
    }
  },
}

function storedLogin(step: Step): string | undefined {
  const action = step.uses?.kind === 'repository' ? step.uses.action : ''
  const login = Object.hasOwn(LOGINS, action) ? LOGINS[action] : undefined
  if (login?.inputs.some(input => hasSecret(scalar(step.with.get(input))))) return login.to
  const run = scalar(step.run) ?? ''
  const secret = hasSecret(run) || [...step.env.values()].some(value => hasSecret(scalar(value)))
  return secret ? PUBLISHES.find(({ command }) => command.test(run))?.to : undefined
}

function hasSecret(text: string | undefined): boolean {
  return contextsIn(text ?? '').some(([root, name]) => root === 'secrets' && name !== 'github_token')
}
