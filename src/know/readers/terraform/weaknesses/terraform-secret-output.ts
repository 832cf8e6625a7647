import { member, scalar } from '../../located.ts'
import { isSecretName } from '../../pipeline/pipeline.ts'
import type { Weakness } from '../../weakness.ts'
import type { TerraformFile, TerraformResource } from '../module.ts'

const SECRET =
  /\b(?:aws_iam_access_key\.[\w-]+\.(?:secret|ses_smtp_password_v4)|google_service_account_key\.[\w-]+\.private_key|azuread_(?:application|service_principal)_password\.[\w-]+\.value|random_password\.[\w-]+\.(?:result|bcrypt_hash)|tls_private_key\.[\w-]+\.private_key_\w+|aws_db_instance\.[\w-]+\.password|kubernetes_token_request_v1\.[\w-]+\.token|gitlab_\w*token\.[\w-]+\.token)\b/

export const terraformSecretOutput: Weakness<TerraformFile, TerraformResource> = {
  id: 'terraform-secret-output',
  title: 'An output prints a secret',
  severity: 'high',
  why: 'What is applied is shown in the log of whoever applies it, with the value.',
  fix: 'Leave the output out, or mark it sensitive = true; who needs the value takes it from a vault.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: [
    'https://developer.hashicorp.com/terraform/language/values/outputs#sensitive-suppressing-values-in-cli-output',
  ],
  *find({ blocks }) {
    for (const { type, labels, body } of blocks) {
      const value = type === 'output' ? member(body, 'value') : undefined
      if (!value || scalar(member(body, 'sensitive')) === 'true') continue
      const text = scalar(value) ?? ''
      // Without the mark Terraform refuses what it knows to be sensitive, unless it is told not to.
      const told = /\bnonsensitive\(\s*(?:var|local)\.([\w-]+)/.exec(text)?.[1]
      if (value.tag !== undefined && (SECRET.test(text) || isSecretName(told ?? '')))
        yield {
          line: value.line,
          certainty: text.includes('nonsensitive(') ? 'proven' : 'conditional',
          why: `${labels[0] ?? ''} gives out a secret`,
        }
    }
  },
}
