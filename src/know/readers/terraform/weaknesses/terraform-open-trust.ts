import { member } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { TerraformFile, TerraformResource } from '../module.ts'
import { statementsOf } from '../policy.ts'

export const terraformOpenTrust: Weakness<TerraformFile, TerraformResource> = {
  id: 'terraform-open-trust',
  title: 'Anybody in any account may take on a role',
  severity: 'critical',
  why: 'Whoever knows the role’s name is the role.',
  fix: 'Name the principals that may, and give conditions: sts:ExternalId for a vendor, aws:PrincipalOrgID for one’s own.',
  frameworks: ['NHI4:2025', 'CICD-SEC-2'],
  references: ['https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-user_externalid.html'],
  *find(file) {
    for (const resource of file.resources)
      for (const { allows, principals, conditions } of statementsOf(
        file,
        member(resource.body, 'assume_role_policy'),
      )) {
        const open = principals.find(({ type, id }) => id === '*' && (type === '*' || type === 'AWS'))
        if (!allows || !open) continue
        yield {
          line: open.line,
          certainty: conditions.size > 0 ? 'potential' : 'proven',
          why: `${resource.address} trusts every principal of AWS`,
          job: resource,
        }
      }
  },
}
