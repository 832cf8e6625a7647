import { verify } from 'node:crypto'
import {
  type Action,
  type Answer,
  type Asked,
  type MemoryAccount,
  type MemoryRole,
  type MemoryUser,
  refuse,
} from './memory-account.ts'
import { like } from './memory-session.ts'

const NO_SUCH_ENTITY = refuse(404, 'NoSuchEntity')
const MOST_KEYS = 2

/** A page of what there is: `Marker` is where the next one begins. */
function page<T>(
  all: readonly T[],
  input: Record<string, unknown>,
  key: string,
  shape: (item: T) => unknown,
): Answer {
  const from = Number(input['Marker'] ?? 0)
  const to = from + Number(input['MaxItems'] ?? 100)
  const more = to < all.length ? { Marker: String(to) } : {}
  return { output: { [key]: all.slice(from, to).map(shape), IsTruncated: to < all.length, ...more } }
}

const done: Answer = { output: {} }

function withUser(
  work: (user: MemoryUser, input: Record<string, string>, account: MemoryAccount) => Answer,
): Action {
  return (account, { input }, key) => {
    const user =
      input['UserName'] === undefined ? account.ownerOf(key.id) : account.users.get(String(input['UserName']))
    return user ? work(user, input as Record<string, string>, account) : NO_SUCH_ENTITY
  }
}

function withRole(work: (role: MemoryRole, input: Record<string, string>) => Answer): Action {
  return (account, { input }) => {
    const role = account.roles.get(String(input['RoleName']))
    return role ? work(role, input as Record<string, string>) : NO_SUCH_ENTITY
  }
}

const putPolicy = (holder: MemoryUser | MemoryRole, input: Record<string, string>): Answer => {
  holder.policies.set(input['PolicyName']!, input['PolicyDocument']!)
  return done
}
/** All inline policies of a role together, without white space. */
const MOST_POLICY_CHARACTERS = 10_240
const putRolePolicy = (role: MemoryRole, input: Record<string, string>): Answer => {
  const { PolicyName: name = '', PolicyDocument: text = '' } = input
  const others = [...role.policies].filter(([other]) => other !== name).map(([, document]) => document)
  const size = [...others, text].join('').replaceAll(/\s/g, '').length
  return size > MOST_POLICY_CHARACTERS ? refuse(409, 'LimitExceeded') : putPolicy(role, input)
}
const getPolicy = (holder: MemoryUser | MemoryRole, input: Record<string, string>): Answer => {
  const document = holder.policies.get(input['PolicyName']!)
  if (document === undefined) return NO_SUCH_ENTITY
  return { output: { PolicyName: input['PolicyName'], PolicyDocument: encodeURIComponent(document) } }
}
const deletePolicy = (holder: MemoryUser | MemoryRole, input: Record<string, string>): Answer =>
  holder.policies.delete(input['PolicyName']!) ? done : NO_SUCH_ENTITY

const userShape = ({ name, id, arn }: MemoryUser) => ({
  Path: '/',
  UserName: name,
  UserId: id,
  Arn: arn,
  CreateDate: new Date(0),
})
const roleShape = ({ name, id, arn, trust }: MemoryRole) => ({
  Path: '/',
  RoleName: name,
  RoleId: id,
  Arn: arn,
  CreateDate: new Date(0),
  AssumeRolePolicyDocument: encodeURIComponent(trust),
})
const inline = (policies: ReadonlyMap<string, string>) =>
  [...policies].map(([PolicyName, document]) => ({
    PolicyName,
    PolicyDocument: encodeURIComponent(document),
  }))

const REPORT_KEPT_MS = 4 * 3_600_000

function reportOf({ users, number }: MemoryAccount): string {
  const time = (date: Date | undefined) => date?.toISOString().replace(/\.\d+Z$/, '+00:00') ?? 'N/A'
  const root = ['<root_account>', `arn:aws:iam::${number}:root`, time(new Date(0)), 'not_supported', 'N/A']
  const lines = [...users.values()].map(({ name, arn, keys, hasPassword }) => {
    const slots = [0, 1].flatMap(slot => {
      const key = [...keys.values()][slot]
      return [String(key?.active ?? false), time(key?.created), time(key?.lastUsed)]
    })
    return [name, arn, time(new Date(0)), String(hasPassword), 'N/A', ...slots]
  })
  const slots = [1, 2].flatMap(slot =>
    ['active', 'last_rotated', 'last_used_date'].map(what => `access_key_${slot}_${what}`),
  )
  const header = ['user', 'arn', 'user_creation_time', 'password_enabled', 'password_last_used', ...slots]
  return [header, [...root, ...slots.map(() => 'N/A')], ...lines].map(line => line.join(',')).join('\n')
}

function session(
  account: MemoryAccount,
  role: MemoryRole,
  input: Asked['input'],
  tags: Readonly<Record<string, string>> = {},
): Answer {
  const seconds = Number(input['DurationSeconds'] ?? 3600)
  const name = String(input['RoleSessionName'])
  if (seconds < 900 || seconds > 43_200 || !/^[\w+=,.@-]{2,64}$/.test(name))
    return refuse(400, 'ValidationError')
  const until = new Date(Date.now() + seconds * 1000)
  const policy = typeof input['Policy'] === 'string' ? input['Policy'] : undefined
  const { id, secret, token } = account.addSession(role, { name, until, policy, tags })
  return {
    output: {
      AssumedRoleUser: {
        AssumedRoleId: `${role.id}:${name}`,
        Arn: `${role.arn.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/${name}`,
      },
      Credentials: {
        AccessKeyId: id,
        SecretAccessKey: secret,
        SessionToken: token,
        Expiration: until,
      },
    },
  }
}

/** Not signed: the token of a provider that the account has, and the role's own policy, decide. */
export function assumeByToken(account: MemoryAccount, input: Asked['input']): Answer {
  const role = [...account.roles.values()].find(({ arn }) => arn === input['RoleArn'])
  const [header = '', payload = '', signature = ''] = String(input['WebIdentityToken']).split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
  const provider = String(claims['iss']).replace(/^https:\/\//, '')
  const key = account.providers.includes(provider) ? account.providerKeys.get(provider) : undefined
  if (
    !key ||
    !verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))
  )
    return refuse(400, 'InvalidIdentityToken')
  if (Number(claims['exp']) * 1000 < Date.now()) return refuse(400, 'ExpiredTokenException')
  if (!role || !admits(role.trust, provider, claims)) return refuse(403, 'AccessDenied')
  return session(account, role, input)
}

interface TrustStatement {
  readonly Effect: string
  readonly Action: string
  readonly Principal: { readonly Federated?: string }
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** What is no equality and no pattern of a claim is not met here. */
function admits(trust: string, provider: string, claims: Readonly<Record<string, unknown>>): boolean {
  const { Statement } = JSON.parse(trust) as { Statement: TrustStatement | TrustStatement[] }
  return [Statement].flat().some(
    ({ Effect, Action, Principal, Condition = {} }) =>
      Effect === 'Allow' &&
      Action === 'sts:AssumeRoleWithWebIdentity' &&
      Principal.Federated?.endsWith(`:oidc-provider/${provider}`) &&
      Object.entries(Condition).every(([operator, tests]) =>
        Object.entries(tests).every(([name, wanted]) => {
          const held = String(claims[name.slice(provider.length + 1)])
          return operator === 'StringLike'
            ? like(held, wanted)
            : operator === 'StringEquals' && held === wanted
        }),
      ),
  )
}

/** IAM and STS. */
export const iamActions: Readonly<Record<string, Action>> = {
  'sts.GetCallerIdentity': (account, _, key) => {
    key.lastUsed = new Date()
    const UserId = key.role?.id ?? account.ownerOf(key.id)?.id ?? 'AIDAFIREBREAK'
    return { output: { Arn: account.callerOf(key), UserId, Account: account.number } }
  },
  'sts.AssumeRole': (account, { input }, key) => {
    const role = [...account.roles.values()].find(({ arn }) => arn === input['RoleArn'])
    if (!role || !account.permits(account.callerOf(key), 'sts:AssumeRole', role.arn))
      return refuse(403, 'AccessDenied')
    const tags: Record<string, string> = {}
    for (let n = 1; input[`Tags.member.${n}.Key`] !== undefined; n++)
      tags[String(input[`Tags.member.${n}.Key`])] = String(input[`Tags.member.${n}.Value`])
    if (typeof input['SourceIdentity'] === 'string') tags['sts:SourceIdentity'] = input['SourceIdentity']
    const needed = Object.keys(tags).length > 0 ? ['sts:TagSession', 'sts:SetSourceIdentity'] : []
    if (!needed.every(action => account.permits(account.callerOf(key), action, role.arn)))
      return refuse(403, 'AccessDenied')
    return session(account, role, input, tags)
  },
  'sts.GetAccessKeyInfo': ({ number }) => ({ output: { Account: number } }),
  'iam.SimulatePrincipalPolicy': (account, { input }) => {
    const listed = (name: string) =>
      Object.entries(input).flatMap(([key, value]) =>
        key.startsWith(`${name}.member.`) ? [String(value)] : [],
      )
    const [resource = '*'] = listed('ResourceArns')
    return {
      output: {
        EvaluationResults: listed('ActionNames').map(EvalActionName => ({
          EvalActionName,
          EvalResourceName: resource,
          EvalDecision: account.permits(String(input['PolicySourceArn']), EvalActionName, resource)
            ? 'allowed'
            : 'implicitDeny',
        })),
        IsTruncated: false,
      },
    }
  },
  'iam.ListUsers': (account, { input }) => page([...account.users.values()], input, 'Users', userShape),
  'iam.ListRoles': (account, { input }) => page([...account.roles.values()], input, 'Roles', roleShape),
  'iam.GetUser': withUser(user => ({ output: { User: userShape(user) } })),
  'iam.GetLoginProfile': withUser(user =>
    user.hasPassword
      ? { output: { LoginProfile: { UserName: user.name, CreateDate: new Date(0) } } }
      : NO_SUCH_ENTITY,
  ),
  'iam.DeleteLoginProfile': withUser(user => {
    if (!user.hasPassword) return NO_SUCH_ENTITY
    user.hasPassword = false
    return done
  }),
  'iam.ListAccessKeys': withUser(user => ({
    output: {
      AccessKeyMetadata: [...user.keys.values()].map(({ id, active, created }) => ({
        UserName: user.name,
        AccessKeyId: id,
        Status: active ? 'Active' : 'Inactive',
        CreateDate: created,
      })),
      IsTruncated: false,
    },
  })),
  'iam.GetAccessKeyLastUsed': (account, { input }) => {
    const id = String(input['AccessKeyId'])
    const user = account.ownerOf(id)
    if (!user) return refuse(403, 'AccessDenied')
    const LastUsedDate = user.keys.get(id)!.lastUsed
    const used = {
      ...(LastUsedDate && { LastUsedDate }),
      ServiceName: LastUsedDate ? 'sts' : 'N/A',
      Region: 'us-east-1',
    }
    return { output: { UserName: user.name, AccessKeyLastUsed: used } }
  },
  'iam.CreateAccessKey': withUser((user, _, account) => {
    if (user.keys.size >= MOST_KEYS) return refuse(409, 'LimitExceeded')
    const { id, secret, created } = account.addKey(user)
    const AccessKey = {
      UserName: user.name,
      AccessKeyId: id,
      SecretAccessKey: secret,
      Status: 'Active',
      CreateDate: created,
    }
    return { output: { AccessKey } }
  }),
  'iam.UpdateAccessKey': withUser((user, input) => {
    const key = user.keys.get(input['AccessKeyId']!)
    if (!key) return NO_SUCH_ENTITY
    key.active = input['Status'] === 'Active'
    return done
  }),
  'iam.DeleteAccessKey': withUser((user, input) =>
    user.keys.delete(input['AccessKeyId']!) ? done : NO_SUCH_ENTITY,
  ),
  'iam.TagUser': withUser((user, input) => {
    for (let n = 1; input[`Tags.member.${n}.Key`] !== undefined; n++)
      user.tags.set(input[`Tags.member.${n}.Key`]!, input[`Tags.member.${n}.Value`]!)
    return done
  }),
  'iam.UntagUser': withUser((user, input) => {
    for (let n = 1; input[`TagKeys.member.${n}`] !== undefined; n++)
      user.tags.delete(input[`TagKeys.member.${n}`]!)
    return done
  }),
  'iam.ListUserTags': withUser(user => ({
    output: { Tags: [...user.tags].map(([Key, Value]) => ({ Key, Value })), IsTruncated: false },
  })),
  'iam.PutUserPolicy': withUser(putPolicy),
  'iam.GetUserPolicy': withUser(getPolicy),
  'iam.DeleteUserPolicy': withUser(deletePolicy),
  'iam.ListRolePolicies': withRole((role, input) =>
    page([...role.policies.keys()], input, 'PolicyNames', name => name),
  ),
  'iam.PutRolePolicy': withRole(putRolePolicy),
  'iam.GetRolePolicy': withRole(getPolicy),
  'iam.DeleteRolePolicy': withRole(deletePolicy),
  'iam.ListOpenIDConnectProviders': ({ providers, number }) => ({
    output: {
      OpenIDConnectProviderList: providers.map(url => ({
        Arn: `arn:aws:iam::${number}:oidc-provider/${url}`,
      })),
    },
  }),
  'iam.GetOpenIDConnectProvider': ({ providers }, { input }) => {
    const Url = providers.find(url => String(input['OpenIDConnectProviderArn']).endsWith(`/${url}`))
    return Url === undefined ? NO_SUCH_ENTITY : { output: { Url, ClientIDList: ['sts.amazonaws.com'] } }
  },
  // It is asked for until it is ready.
  'iam.GenerateCredentialReport': account => {
    const report = account.credentialReport
    if (!report || Date.now() - report.madeAt.getTime() > REPORT_KEPT_MS) {
      account.credentialReport = { madeAt: new Date(), csv: reportOf(account), ready: false }
      return { output: { State: 'STARTED' } }
    }
    report.ready = true
    return { output: { State: 'COMPLETE' } }
  },
  'iam.GetCredentialReport': ({ credentialReport }) =>
    credentialReport?.ready
      ? {
          output: {
            Content: Buffer.from(credentialReport.csv).toString('base64'),
            ReportFormat: 'text/csv',
            GeneratedTime: credentialReport.madeAt,
          },
        }
      : refuse(410, 'ReportNotPresent'),
  'iam.ListSAMLProviders': () => ({ output: { SAMLProviderList: [] } }),
  'iam.GetAccountAuthorizationDetails': (account, { input }) => {
    const all = [
      ...[...account.users.values()].map(user => ({ user })),
      ...[...account.roles.values()].map(role => ({ role })),
    ]
    const from = Number(input['Marker'] ?? 0)
    const to = from + Number(input['MaxItems'] ?? 100)
    const here = all.slice(from, to)
    return {
      output: {
        UserDetailList: here.flatMap(one =>
          'user' in one
            ? [
                {
                  ...userShape(one.user),
                  GroupList: [],
                  AttachedManagedPolicies: [],
                  UserPolicyList: inline(one.user.policies),
                },
              ]
            : [],
        ),
        RoleDetailList: here.flatMap(one =>
          'role' in one
            ? [
                {
                  ...roleShape(one.role),
                  InstanceProfileList: [],
                  AttachedManagedPolicies: [],
                  RolePolicyList: inline(one.role.policies),
                },
              ]
            : [],
        ),
        GroupDetailList: [],
        Policies: [],
        IsTruncated: to < all.length,
        ...(to < all.length && { Marker: String(to) }),
      },
    }
  },
}
