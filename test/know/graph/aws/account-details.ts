type Json = Record<string, unknown>

const EVERYTHING = { Effect: 'Allow', Action: '*', Resource: '*' }

const document = (...statements: Json[]) => ({ Version: '2012-10-17', Statement: statements })

/** What a test wants an AWS account to have: the actor, and things of each kind that it could gain. */
export interface Wanted {
  readonly account: string
  readonly actor: 'user' | 'role'
  /** Of a managed policy that the actor has. */
  readonly statements: readonly Json[]
  /** Who may assume the target role. */
  readonly trust?: Json
  readonly instanceProfile?: boolean
  readonly boundary?: Json
}

/** Authorization details as IAM gives them. The target role, user and group may do everything in the account. */
export function accountDetails({ account, actor, statements, trust, instanceProfile, boundary }: Wanted) {
  const arn = (path: string) => `arn:aws:iam::${account}:${path}`
  const managed = (name: string, ...all: Json[]) => ({
    PolicyName: name,
    PolicyId: `ANPA${name}${account}`,
    Arn: arn(`policy/${name}`),
    Path: '/',
    DefaultVersionId: 'v1',
    PolicyVersionList: [{ VersionId: 'v1', IsDefaultVersion: true, Document: document(...all) }],
  })
  const attached = (...names: string[]) =>
    names.map(name => ({ PolicyName: name, PolicyArn: arn(`policy/${name}`) }))
  const common = { Path: '/', CreateDate: '2026-01-02T00:00:00Z' }
  const limits = boundary
    ? {
        PermissionsBoundary: {
          PermissionsBoundaryArn: arn('policy/Limit'),
          PermissionsBoundaryType: 'Policy',
        },
      }
    : {}
  const user = (name: string, policies: string[], groups: string[], more: Json = {}) => ({
    ...common,
    UserName: name,
    UserId: `AIDA${name}${account}`,
    Arn: arn(`user/${name}`),
    GroupList: groups,
    AttachedManagedPolicies: attached(...policies),
    ...more,
  })
  const role = (name: string, policies: string[], trusted: Json, more: Json = {}) => ({
    ...common,
    RoleName: name,
    RoleId: `AROA${name}${account}`,
    Arn: arn(`role/${name}`),
    AssumeRolePolicyDocument: document({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: trusted }),
    RolePolicyList: [],
    InstanceProfileList: [],
    AttachedManagedPolicies: attached(...policies),
    ...more,
  })
  const group = (name: string, policies: string[]) => ({
    ...common,
    GroupName: name,
    GroupId: `AGPA${name}${account}`,
    Arn: arn(`group/${name}`),
    GroupPolicyList: [],
    AttachedManagedPolicies: attached(...policies),
  })
  const profile = instanceProfile ? { InstanceProfileList: [{ Arn: arn('instance-profile/Target') }] } : {}
  return {
    UserDetailList: [
      ...(actor === 'user' ? [user('Actor', ['Own'], ['OwnGroup'], limits)] : []),
      user('TargetUser', ['Everything'], []),
    ],
    GroupDetailList: [group('OwnGroup', []), group('TargetGroup', ['Everything'])],
    RoleDetailList: [
      ...(actor === 'role' ? [role('Actor', ['Own'], { Service: 'nothing.amazonaws.com' }, limits)] : []),
      role('Target', ['Everything'], trust ?? { Service: 'nothing.amazonaws.com' }, profile),
    ],
    Policies: [
      managed('Own', ...statements),
      managed('Everything', EVERYTHING),
      ...(boundary ? [managed('Limit', boundary)] : []),
    ],
  }
}
