import { items, member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import { type TerraformFile, type TerraformResource, textOf } from '../module.ts'
import { type Statement, statementsOf } from '../policy.ts'

export const terraformWideGrant: Weakness<TerraformFile, TerraformResource> = {
  id: 'terraform-wide-grant',
  title: 'Whoever has it may do everything',
  severity: 'high',
  why: 'A key of such a principal that leaks is a key to all of the account, the project or the subscription.',
  fix: 'Grant the actions that it needs, on the resources that it needs them for.',
  frameworks: ['NHI5:2025', 'CICD-SEC-5'],
  references: ['https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege'],
  *find(file) {
    for (const resource of file.resources) {
      const said = (line: number, why: string) => ({
        line,
        certainty: 'proven' as const,
        why: `${resource.address} ${why}`,
        job: resource,
      })
      const wide = function* ({ allows, actions, notActions, resources, line }: Statement) {
        if (!allows || !resources.includes('*')) return
        if (actions.some(action => action === '*' || action === '*:*'))
          yield said(line, 'allows every action on everything')
        else if (notActions.length > 0)
          yield {
            ...said(line, 'allows every action but some, those of services to come too'),
            certainty: 'conditional' as const,
          }
      }
      const text = (name: string) => textOf(file, member(resource.body, name)) ?? ''
      const lineOf = (name: string) => member(resource.body, name)?.line ?? resource.line
      if (
        /^aws_(?:iam_.*polic|organizations_policy)/.test(resource.type) &&
        !resource.address.startsWith('data.')
      ) {
        for (const statement of statementsOf(file, member(resource.body, 'policy'))) yield* wide(statement)
        if (/:policy\/(?:AdministratorAccess|IAMFullAccess)$/.test(text('policy_arn')))
          yield said(lineOf('policy_arn'), 'attaches a policy that allows everything')
      }
      if (resource.type === 'aws_iam_policy_document')
        for (const statement of items(member(resource.body, 'statement'))) {
          const all = (name: string) => items(member(statement, name)).some(one => scalar(one) === '*')
          const denies = scalar(member(statement, 'effect')) === 'Deny'
          if (!denies && all('actions') && all('resources'))
            yield said(statement.keyLine ?? statement.line, 'allows every action on everything')
        }
      for (const own of items(member(resource.body, 'inline_policy')))
        for (const statement of statementsOf(file, member(own, 'policy'))) yield* wide(statement)
      if (resource.type === 'aws_iam_role')
        for (const arn of items(member(resource.body, 'managed_policy_arns')))
          if (textOf(file, arn)?.endsWith(':policy/AdministratorAccess'))
            yield said(arn.line, 'has a policy that allows everything')
      if (
        /^google_.*_iam_(?:member|binding)$/.test(resource.type) &&
        /^roles\/(?:owner|editor|iam\.securityAdmin|resourcemanager\.organizationAdmin)$/.test(text('role'))
      )
        yield said(lineOf('role'), `grants ${text('role')}`)
      if (
        resource.type === 'azurerm_role_assignment' &&
        /^(?:Owner|Contributor|User Access Administrator)$/.test(text('role_definition_name')) &&
        !/resource_?group/i.test(scalar(member(resource.body, 'scope')) ?? '')
      )
        yield said(
          lineOf('role_definition_name'),
          `grants ${text('role_definition_name')} on all of its scope`,
        )
      for (const permissions of items(member(resource.body, 'permissions')))
        for (const action of items(member(permissions, 'actions')))
          if (resource.type === 'azurerm_role_definition' && scalar(action) === '*')
            yield said(action.line, 'permits every action')
      if (/^kubernetes_(?:cluster_)?role_binding(?:_v1)?$/.test(resource.type))
        for (const role of items(member(resource.body, 'role_ref')))
          if (scalar(member(role, 'name')) === 'cluster-admin')
            yield said(member(role, 'name')!.line, 'grants cluster-admin')
      if (/^kubernetes_(?:cluster_)?role(?:_v1)?$/.test(resource.type))
        for (const rule of items(member(resource.body, 'rule'))) {
          const all = (name: string) => items(member(rule, name)).some(one => scalar(one) === '*')
          if (all('verbs') && all('resources'))
            yield said(rule.keyLine ?? rule.line, 'permits everything on every resource')
        }
    }
  },
}
