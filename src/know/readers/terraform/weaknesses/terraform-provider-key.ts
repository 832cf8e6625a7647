import { members, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { TerraformFile, TerraformResource } from '../module.ts'

const KEYS =
  /^(?:access_key|secret_key|token|password|client_secret|client_certificate_password|credentials|api_token|api_key|app_key|private_key|secret_id|auth_token)$/

export const terraformProviderKey: Weakness<TerraformFile, TerraformResource> = {
  id: 'terraform-provider-key',
  title: 'A provider or a backend logs in with a key in the file',
  severity: 'high',
  why: 'The key of whoever may change all of it stands in the repository and in its history.',
  fix: 'Rotate it, and let the provider take its login from the environment: a role that the run assumes, or workload identity.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: ['https://developer.hashicorp.com/terraform/language/backend#credentials-and-sensitive-data'],
  *find({ blocks }) {
    for (const { type, labels, body } of blocks) {
      const places = type === 'provider' ? [body] : type === 'terraform' ? backends(body) : []
      for (const place of places)
        for (const [name, value] of members(place))
          if (
            KEYS.test(name) &&
            value.tag === undefined &&
            (scalar(value) ?? '').length >= 4 &&
            !/^\.{0,2}\/|\.json$/.test(scalar(value)!)
          )
            yield {
              line: value.line,
              certainty: 'proven',
              why: `${type === 'provider' ? `the provider ${labels[0] ?? ''}` : 'the backend'} has its ${name} in clear`,
            }
    }
  },
}

function backends(body: Parameters<typeof members>[0]) {
  const found = members(body).get('backend')
  return Array.isArray(found?.value) ? found.value : []
}
