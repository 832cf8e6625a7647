import { items, member, members, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { TerraformFile, TerraformResource } from '../module.ts'

export const terraformStateInClear: Weakness<TerraformFile, TerraformResource> = {
  id: 'terraform-state-in-clear',
  title: 'The state is kept in clear',
  severity: 'medium',
  why: 'A state holds every secret that was made with it, and whoever can read the file or the traffic has them.',
  fix: 'Encrypt it (encrypt = true with a key of one’s own, or OpenTofu’s encryption), and let few read it.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: ['https://developer.hashicorp.com/terraform/language/backend/s3'],
  *find({ blocks }) {
    for (const { type, body } of blocks) {
      if (type !== 'terraform') continue
      for (const backend of items(member(body, 'backend'))) {
        const kind = scalar(members(backend).get('')) ?? ''
        const line = backend.keyLine ?? backend.line
        const address = scalar(member(backend, 'address')) ?? scalar(member(backend, 'endpoint')) ?? ''
        if (kind === 's3' && scalar(member(backend, 'encrypt')) !== 'true' && !member(backend, 'kms_key_id'))
          yield { line, certainty: 'conditional', why: 'the backend does not ask for encryption' }
        if (/^http:\/\/(?!localhost|127\.)/i.test(address))
          yield { line, certainty: 'proven', why: 'the state goes over plain http' }
        if (kind === 'local')
          yield { line, certainty: 'conditional', why: 'the state is a file beside the code' }
      }
    }
  },
}
