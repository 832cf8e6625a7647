import { items, member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { TerraformFile, TerraformResource } from '../module.ts'
import { statementsOf } from '../policy.ts'

export const terraformOpenTrust: Weakness<TerraformFile, TerraformResource> = {
  id: 'terraform-open-trust',
  title: 'Anybody may take on a role, or holds one',
  severity: 'critical',
  why: 'Whoever knows its name is the role, or has what it grants.',
  fix: 'Name the principals that may, and give conditions: sts:ExternalId for a vendor, aws:PrincipalOrgID for one’s own.',
  frameworks: ['NHI4:2025', 'CICD-SEC-2'],
  references: ['https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-user_externalid.html'],
  *find(file) {
    for (const resource of file.resources) {
      if (
        /^google_(?:project|folder|organization|service_account)_iam_(?:member|binding)$/.test(resource.type)
      )
        for (const one of ['member', 'members'].flatMap(name => items(member(resource.body, name))))
          if (/^all(?:Authenticated)?Users$/.test(scalar(one) ?? ''))
            yield {
              line: one.line,
              certainty: 'proven',
              why: `${resource.address} grants it to ${scalar(one)}`,
              job: resource,
            }
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
    }
  },
}
