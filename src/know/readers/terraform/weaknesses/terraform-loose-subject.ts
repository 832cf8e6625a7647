import { items, member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import { type TerraformFile, type TerraformResource, textOf } from '../module.ts'
import { type Statement, statementsOf } from '../policy.ts'

/** Issuers that give a token to anybody’s runs. */
const SHARED =
  /token\.actions\.githubusercontent\.com|gitlab\.com|app\.terraform\.io|oidc\.circleci\.com|agent\.buildkite\.com|oidc\.fly\.io/

export const terraformLooseSubject: Weakness<TerraformFile, TerraformResource> = {
  id: 'terraform-loose-subject',
  title: 'Runs of others may log in as it',
  severity: 'high',
  why: 'The issuer gives tokens to everybody’s runs; without a condition on whose it is, any of them is this identity.',
  fix: 'Name the repository and the branch or environment in the subject: repo:acme/shop:environment:production.',
  frameworks: ['NHI4:2025', 'CICD-SEC-2'],
  references: [
    'https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws',
  ],
  *find(file) {
    for (const resource of file.resources) {
      const weak = (line: number, why: string) => ({
        line,
        certainty: 'proven' as const,
        why: `${resource.address} ${why}`,
        job: resource,
      })
      for (const statement of statementsOf(file, member(resource.body, 'assume_role_policy'))) {
        const why = ofTrust(file, statement)
        if (why !== undefined) yield weak(statement.line, why)
      }
      if (resource.type === 'google_iam_workload_identity_pool_provider') {
        const issuer = JSON.stringify(textOf(file, member(first(resource, 'oidc'), 'issuer_uri')) ?? '')
        if (SHARED.test(issuer) && !member(resource.body, 'attribute_condition'))
          yield weak(resource.line, 'takes tokens of every repository: it has no condition')
      }
      if (/^google_service_account_iam_(?:member|binding)$/.test(resource.type))
        for (const one of ['member', 'members'].flatMap(name => items(member(resource.body, name))))
          if (/\/workloadIdentityPools\/[^"]*\/\*$/.test(scalar(one) ?? ''))
            yield {
              ...weak(one.line, 'lets in everyone whom the pool’s providers take'),
              certainty: 'conditional' as const,
            }
      if (/^azure(?:ad|rm)_.*federated_identity_credential$/.test(resource.type)) {
        const subject = member(resource.body, 'subject')
        if (isLoose(textOf(file, subject) ?? ''))
          yield weak(subject?.line ?? resource.line, 'has a subject that others have, too')
      }
    }
  },
}

function first({ body }: TerraformResource, name: string) {
  const found = member(body, name)
  return Array.isArray(found?.value) ? found.value[0] : found
}

function ofTrust(file: TerraformFile, { allows, principals, conditions }: Statement): string | undefined {
  const issuers = principals
    .filter(({ type }) => type === 'Federated')
    .map(({ id, addresses }) => {
      const provider = file.byAddress.get(addresses[0] ?? '')
      return `${id} ${scalar(member(provider?.body, 'url')) ?? ''}`
    })
  const keys = [...conditions.keys()].filter(key => key.endsWith(':sub'))
  const shared =
    issuers.some(issuer => SHARED.test(issuer)) || [...conditions.keys()].some(key => SHARED.test(key))
  if (!allows || !shared) return undefined
  if (keys.length === 0) return 'trusts every run of everybody: it has no condition on the subject'
  const loose = keys.some(key => (conditions.get(key)?.values ?? []).some(isLoose))
  return loose ? 'trusts a subject that others have, too' : undefined
}

/** `repo:acme/*` is every repository of the organization, and `repo:*` everybody’s; a whole repository is one’s own choice. */
function isLoose(subject: string): boolean {
  return /^\*|^(?:repo|project_path|organization|org):(?:\*|[^/:]*\*|[^/:]+\/\*)/.test(subject)
}
