type Json = Record<string, unknown>
type Statements = readonly object[]

interface Limits {
  readonly groups?: readonly string[]
  readonly boundary?: Statements
  readonly attached?: readonly string[]
  readonly tags?: Readonly<Record<string, string>>
  /** Of a role. */
  readonly inInstanceProfile?: boolean
}

/** Writes the authorization details of one account, principal by principal. */
export class Fleet {
  readonly account: string
  readonly #users: Json[] = []
  readonly #groups: Json[] = []
  readonly #roles: Json[] = []
  readonly #policies: Json[] = []

  constructor(account: string) {
    this.account = account
  }

  arn(path: string): string {
    return `arn:aws:iam::${this.account}:${path}`
  }

  idOf(kind: 'user' | 'role' | 'group', name: string): string {
    return `${{ user: 'AIDA', role: 'AROA', group: 'AGPA' }[kind]}${name}${this.account}`
  }

  user(name: string, statements: Statements, limits: Limits = {}): this {
    this.#users.push({
      UserName: name,
      UserId: this.idOf('user', name),
      Arn: this.arn(`user/${name}`),
      GroupList: limits.groups ?? [],
      ...this.#granted(name, 'UserPolicyList', statements, limits),
    })
    return this
  }

  role(name: string, statements: Statements, trust: Statements, limits: Limits = {}): this {
    this.#roles.push({
      RoleName: name,
      RoleId: this.idOf('role', name),
      Arn: this.arn(`role/${name}`),
      AssumeRolePolicyDocument: documentOf(trust),
      InstanceProfileList: limits.inInstanceProfile ? [{ Arn: this.arn(`instance-profile/${name}`) }] : [],
      ...this.#granted(name, 'RolePolicyList', statements, limits),
    })
    return this
  }

  group(name: string, statements: Statements): this {
    this.#groups.push({
      GroupName: name,
      GroupId: this.idOf('group', name),
      Arn: this.arn(`group/${name}`),
      ...this.#granted(name, 'GroupPolicyList', statements, {}),
    })
    return this
  }

  /** `others` are the versions that are not in force. */
  managed(name: string, statements: Statements, others: readonly Statements[] = []): this {
    this.#policies.push({
      PolicyName: name,
      PolicyId: `ANPA${name}${this.account}`,
      Arn: this.arn(`policy/${name}`),
      PolicyVersionList: [statements, ...others].map((version, index) => ({
        VersionId: `v${others.length + 1 - index}`,
        IsDefaultVersion: index === 0,
        Document: documentOf(version),
      })),
    })
    return this
  }

  details(): Json {
    return {
      UserDetailList: this.#users,
      GroupDetailList: this.#groups,
      RoleDetailList: this.#roles,
      Policies: this.#policies,
    }
  }

  #granted(
    name: string,
    list: string,
    statements: Statements,
    { boundary, attached = [], tags = {} }: Limits,
  ): Json {
    if (boundary) this.managed(`${name}-boundary`, boundary)
    return {
      [list]: statements.length === 0 ? [] : [{ PolicyName: 'own', PolicyDocument: documentOf(statements) }],
      AttachedManagedPolicies: attached.map(policy => ({
        PolicyName: policy,
        PolicyArn: this.arn(`policy/${policy}`),
      })),
      Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      ...(boundary && {
        PermissionsBoundary: { PermissionsBoundaryArn: this.arn(`policy/${name}-boundary`) },
      }),
    }
  }
}

function documentOf(statements: Statements): Json {
  return { Version: '2012-10-17', Statement: statements }
}
