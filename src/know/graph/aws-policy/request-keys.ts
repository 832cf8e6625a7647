import { arnParts } from './expansion.ts'
import type { Principal } from './principal.ts'

/**
 * The condition keys that a request has because of who makes it and whose the resource is. A key that is not certain, such as
 * the unique id of a user, is left out.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, and for each kind of principal
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
 */
export function requestKeys(
  principal: Principal,
  resource: { readonly arn: string; readonly account?: string | undefined },
): Record<string, string> {
  const owner = resource.account ?? (arnParts(resource.arn)[4] || undefined)
  return {
    ...principalKeys(principal),
    ...(principal.account !== undefined && { 'aws:PrincipalAccount': principal.account }),
    ...(owner !== undefined && { 'aws:ResourceAccount': owner }),
  }
}

function principalKeys({ kind, text, account, roleName }: Principal): Record<string, string> {
  const [, partition = 'aws'] = arnParts(text)
  const name = text.slice(text.lastIndexOf('/') + 1)
  const human = { 'aws:PrincipalIsAWSService': 'false' }
  switch (kind) {
    case 'user':
      return { ...human, 'aws:PrincipalArn': text, 'aws:PrincipalType': 'User', 'aws:username': name }
    case 'role':
      return { ...human, 'aws:PrincipalArn': text, 'aws:PrincipalType': 'AssumedRole' }
    case 'session':
      return {
        ...human,
        // A session is known by its role; its ARN does not tell the path of that.
        'aws:PrincipalArn': `arn:${partition}:iam::${account}:role/${roleName}`,
        'aws:PrincipalType': 'AssumedRole',
      }
    case 'federated-user':
      return {
        ...human,
        'aws:PrincipalArn': text,
        'aws:PrincipalType': 'FederatedUser',
        'aws:userid': `${account}:${name}`,
      }
    case 'root':
      return {
        ...human,
        'aws:PrincipalArn': text.startsWith('arn:') ? text : `arn:aws:iam::${account}:root`,
        'aws:PrincipalType': 'Account',
        'aws:userid': account!,
      }
    case 'service':
      return { 'aws:PrincipalIsAWSService': 'true', 'aws:PrincipalServiceName': text }
    case 'anonymous':
      return { 'aws:PrincipalType': 'Anonymous' }
    case 'other':
      return {}
  }
}
