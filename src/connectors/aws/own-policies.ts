import type { Account } from './account.ts'
import { absent, type Found } from './principals.ts'

/** The inline policies by which a principal is held back. Each denies, so that none can grant anything. */
export const OWN_POLICIES = {
  freeze: 'FirebreakFreeze',
  narrow: 'FirebreakNarrow',
  endSessions: 'FirebreakEndSessions',
} as const
export type OwnPolicy = (typeof OWN_POLICIES)[keyof typeof OWN_POLICIES]
/** Of sessions that were ended, each has one of its own. */
type Policy = OwnPolicy | `FirebreakEnded.${string}`

/** The policy's text; undefined where there is none. */
export async function readOwnPolicy(
  { call, iam, sdk }: Account,
  { kind, name }: Found,
  policy: Policy,
): Promise<string | undefined> {
  const answer = await call('reading a policy', async () => {
    if (kind === 'user')
      return await iam
        .send(new sdk.iam.GetUserPolicyCommand({ UserName: name, PolicyName: policy }))
        .catch(absent)
    return await iam
      .send(new sdk.iam.GetRolePolicyCommand({ RoleName: name, PolicyName: policy }))
      .catch(absent)
  })
  return answer?.PolicyDocument === undefined ? undefined : decodeURIComponent(answer.PolicyDocument)
}

export async function writeOwnPolicy(
  { iam, sdk }: Account,
  { kind, name }: Found,
  policy: Policy,
  PolicyDocument: string,
): Promise<void> {
  if (kind === 'user')
    await iam.send(new sdk.iam.PutUserPolicyCommand({ UserName: name, PolicyName: policy, PolicyDocument }))
  else
    await iam.send(new sdk.iam.PutRolePolicyCommand({ RoleName: name, PolicyName: policy, PolicyDocument }))
}

export async function deleteOwnPolicy(
  { iam, sdk }: Account,
  { kind, name }: Found,
  policy: Policy,
): Promise<void> {
  if (kind === 'user')
    await iam.send(new sdk.iam.DeleteUserPolicyCommand({ UserName: name, PolicyName: policy })).catch(absent)
  else
    await iam.send(new sdk.iam.DeleteRolePolicyCommand({ RoleName: name, PolicyName: policy })).catch(absent)
}

export function denial(statement: Record<string, unknown>): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Deny', Resource: '*', ...statement }],
  })
}
