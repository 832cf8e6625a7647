import { member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { TerraformFile, TerraformResource } from '../module.ts'

const KEYS: Readonly<Record<string, string>> = {
  aws_iam_access_key: 'an access key of AWS',
  aws_iam_service_specific_credential: 'a service credential of AWS',
  google_service_account_key: 'a key of a service account',
  azuread_application_password: 'a password of an application',
  azuread_service_principal_password: 'a password of a service principal',
  gitlab_project_access_token: 'an access token of a project',
  gitlab_group_access_token: 'an access token of a group',
  gitlab_personal_access_token: 'an access token of a user',
  gitlab_deploy_token: 'a deploy token',
  tls_private_key: 'a private key',
}

export const terraformStaticKey: Weakness<TerraformFile, TerraformResource> = {
  id: 'terraform-static-key',
  title: 'It makes a key that stands, and keeps it in its state',
  severity: 'medium',
  why: 'The key works until someone ends it, and everybody who can read the state has it.',
  fix: 'Let the workload have an identity of its own (a role, workload identity federation), or make the key outside with an end.',
  frameworks: ['NHI7:2025', 'CICD-SEC-6'],
  references: ['https://developer.hashicorp.com/terraform/language/state/sensitive-data'],
  *find({ resources }) {
    for (const resource of resources) {
      const isToken =
        /^kubernetes_secret(?:_v1)?$/.test(resource.type) &&
        scalar(member(resource.body, 'type')) === 'kubernetes.io/service-account-token'
      const what =
        Object.hasOwn(KEYS, resource.type) && !resource.address.startsWith('data.')
          ? KEYS[resource.type]
          : isToken
            ? 'a token of a service account without an end'
            : undefined
      if (what !== undefined)
        yield {
          line: resource.line,
          certainty: 'proven',
          why: `${resource.address} makes ${what}`,
          job: resource,
        }
    }
  },
}
