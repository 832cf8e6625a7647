import { z } from 'zod'
import { canonicalJson } from '../../core/contract/canonical-json.ts'
import type { Facts, Observation } from '../../core/contract/observation.ts'
import type { Json, Ref } from '../../core/contract/ref.ts'
import { ownersInTags } from '../../core/contract/owner-text.ts'
import { githubFederation, tellFederation } from './aws-federation.ts'
import { headText } from './head-text.ts'
import type { Reader } from './reader.ts'
import { wholeText } from './whole-text.ts'

/**
 * What `aws iam get-account-authorization-details` prints, whole or one page of it, and what the connector asks the same
 * API for: users, groups, roles and managed policies of one account.
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
 *
 * Each policy becomes an observation in the language `aws-iam` whose text is JSON:
 * `{ kind: 'identity' | 'boundary' | 'trust', name, arn?, document }`, where `document` is null if the text attaches a
 * policy that it does not hold; of kind `none` for what has no policy at all, so that what it had is known to be gone. A
 * managed policy's version in force is of kind `default`, its others of kind `version`, on the policy itself.
 *
 * Whom a trust policy names outside the account is there, too, as far as that tells: an account, an identity provider.
 */
export const awsIamReader: Reader = {
  format: 'aws-iam',
  reads({ format }, head) {
    if (format !== undefined) return format === 'aws-iam'
    const text = headText(head)
    return /^(?:\xef\xbb\xbf)?\s*\{/.test(text) && /"(?:User|Group|Role)DetailList"\s*:/.test(text)
  },
  async *read(document, bytes) {
    const text = await wholeText(bytes, MOST_BYTES)
    if (text === undefined) {
      yield gap(document.path, `it has more than ${MOST_BYTES / 2 ** 20} MiB`)
      return
    }
    let parsed: unknown
    try {
      parsed = JSON.parse(text)
    } catch {
      yield gap(document.path, 'it looks like authorization details of AWS IAM, and is no whole JSON')
      return
    }
    yield* readDetails(parsed, document.path)
  },
}

/** More of JSON is no answer of one account. */
export const MOST_BYTES = 256 * 2 ** 20

const named = z.looseObject({ PolicyName: z.string(), PolicyArn: z.string() })
const inline = z.looseObject({ PolicyName: z.string(), PolicyDocument: z.unknown().optional() })
const list = <T extends z.ZodType>(item: T) => z.array(item).default([])
const tags = list(z.looseObject({ Key: z.string(), Value: z.string() }))
const boundary = z.looseObject({ PermissionsBoundaryArn: z.string() }).nullish()
const common = { Path: z.string().default('/'), Arn: z.string(), CreateDate: z.string().optional() }
const attached = { AttachedManagedPolicies: list(named) }

const schemas = {
  UserDetailList: z.looseObject({
    ...common,
    ...attached,
    UserName: z.string(),
    UserId: z.string(),
    GroupList: list(z.string()),
    UserPolicyList: list(inline),
    PermissionsBoundary: boundary,
    Tags: tags,
  }),
  GroupDetailList: z.looseObject({
    ...common,
    ...attached,
    GroupName: z.string(),
    GroupId: z.string(),
    GroupPolicyList: list(inline),
  }),
  RoleDetailList: z.looseObject({
    ...common,
    ...attached,
    RoleName: z.string(),
    RoleId: z.string(),
    AssumeRolePolicyDocument: z.unknown().optional(),
    RolePolicyList: list(inline),
    InstanceProfileList: list(z.looseObject({ Arn: z.string() })),
    PermissionsBoundary: boundary,
    RoleLastUsed: z
      .looseObject({ LastUsedDate: z.string().optional(), Region: z.string().optional() })
      .nullish(),
    Tags: tags,
  }),
  Policies: z.looseObject({
    ...common,
    PolicyName: z.string(),
    PolicyId: z.string(),
    DefaultVersionId: z.string().optional(),
    AttachmentCount: z.number().optional(),
    UpdateDate: z.string().optional(),
    PolicyVersionList: list(
      z.looseObject({
        VersionId: z.string(),
        IsDefaultVersion: z.boolean(),
        Document: z.unknown().optional(),
      }),
    ),
  }),
}
type User = z.infer<typeof schemas.UserDetailList>
type Group = z.infer<typeof schemas.GroupDetailList>
type Role = z.infer<typeof schemas.RoleDetailList>
type Managed = z.infer<typeof schemas.Policies>

/** Everything that parsed details say. What cannot be read is a gap; the rest is read. */
export function* readDetails(details: unknown, scope: string): Generator<Observation> {
  const problems: Observation[] = []
  const read = <T>(key: keyof typeof schemas, schema: z.ZodType<T>): T[] => {
    const all = (details as Record<string, unknown> | null)?.[key] ?? []
    if (!Array.isArray(all)) {
      problems.push(gap(`${scope}#${key}`, 'it is no list'))
      return []
    }
    return all.flatMap((one: unknown, index) => {
      const parsed = schema.safeParse(one)
      if (parsed.success) return [parsed.data]
      const issue = parsed.error.issues[0]!
      problems.push(gap(`${scope}#${key}[${index}]`, `${issue.path.join('.')}: ${issue.message}`))
      return []
    })
  }
  const managed = new Map(read<Managed>('Policies', schemas.Policies).map(policy => [policy.Arn, policy]))
  const groups = read<Group>('GroupDetailList', schemas.GroupDetailList)
  const groupRefs = new Map(groups.map(group => [group.GroupName, refOf(group.Arn, 'group', group.GroupId)]))
  const accounts = new Set<string>()
  const outside = new Map<string, string>()
  for (const group of groups) {
    const ref = groupRefs.get(group.GroupName)!
    accounts.add(ref.instance)
    yield { see: 'identity', ref, names: [group.Arn, group.GroupName], facts: datedFacts(group) }
    yield* policiesOn(ref, group, group.GroupPolicyList, managed)
  }
  for (const user of read<User>('UserDetailList', schemas.UserDetailList)) {
    const ref = refOf(user.Arn, 'user', user.UserId)
    accounts.add(ref.instance)
    const facts = { ...datedFacts(user), tags: tagsFact(user.Tags) }
    yield { see: 'identity', ref, names: [user.Arn, user.UserName], facts }
    yield* ownersInTags(ref, pairsOf(user.Tags), 'AWS tag')
    yield* policiesOn(ref, user, user.UserPolicyList, managed)
    yield* boundaryOn(ref, user, managed)
    for (const name of user.GroupList) {
      const to = groupRefs.get(name)
      if (to)
        yield {
          see: 'edge',
          from: ref,
          to,
          crossing: 'member-of',
          certainty: 'proven',
          why: `user/${user.UserName} is in the group ${name}`,
        }
      else problems.push(gap(`${scope}#${user.Arn}`, `it is in the group ${name}, which is not there`))
    }
  }
  for (const role of read<Role>('RoleDetailList', schemas.RoleDetailList)) {
    const ref = refOf(role.Arn, 'role', role.RoleId)
    accounts.add(ref.instance)
    const trust = statementsIn(role.AssumeRolePolicyDocument)
    const federation = githubFederation(trust)
    const loose = federation.flatMap(one => one.loose ?? [])
    yield {
      see: 'identity',
      ref,
      names: [role.Arn, role.RoleName],
      facts: {
        ...datedFacts(role),
        tags: tagsFact(role.Tags),
        instanceProfiles: { value: role.InstanceProfileList.map(({ Arn }) => Arn) },
        serviceLinked: { value: role.Path.startsWith('/aws-service-role/') },
        ...isoFact('lastUsed', role.RoleLastUsed?.LastUsedDate),
        ...(loose.length > 0 && { loose: { value: loose.join('; ') } }),
      },
    }
    yield* ownersInTags(ref, pairsOf(role.Tags), 'AWS tag')
    yield* tellFederation(ref, federation)
    yield policyOn(ref, { kind: 'trust', name: 'trust policy', document: role.AssumeRolePolicyDocument })
    for (const named of principalsIn(trust)) outside.set(named, ref.instance)
    yield* policiesOn(ref, role, role.RolePolicyList, managed)
    yield* boundaryOn(ref, role, managed)
  }
  for (const policy of managed.values()) {
    const ref = refOf(policy.Arn, 'policy', policy.PolicyId)
    yield { see: 'resource', ref, names: [policy.Arn, policy.PolicyName], facts: datedFacts(policy) }
    // AWS's own cannot be changed; those that are attached stand where they are.
    if (ref.instance === 'aws') continue
    for (const { VersionId, IsDefaultVersion, Document } of policy.PolicyVersionList)
      yield policyOn(ref, {
        kind: IsDefaultVersion ? 'default' : 'version',
        name: VersionId,
        document: Document,
      })
  }
  for (const [named, account] of outside) {
    const ref = outsiderRef(named, account)
    if (ref?.kind === 'account') accounts.add(ref.id)
    else if (ref) yield { see: 'resource', ref, names: [named], facts: {} }
  }
  for (const account of accounts) {
    const ref = { system: 'aws', instance: account, kind: 'account', id: account }
    yield { see: 'resource', ref, names: [`AWS account ${account}`], facts: {} }
  }
  yield* problems
}

interface Said {
  readonly kind: 'identity' | 'boundary' | 'trust' | 'default' | 'version' | 'none'
  readonly name: string
  readonly arn?: string
  readonly document: unknown
}

function* policiesOn(
  on: Ref,
  { AttachedManagedPolicies }: Pick<User, 'AttachedManagedPolicies'>,
  inlines: readonly z.infer<typeof inline>[],
  managed: ReadonlyMap<string, Managed>,
): Generator<Observation> {
  if (inlines.length + AttachedManagedPolicies.length === 0)
    yield policyOn(on, { kind: 'none', name: '', document: null })
  for (const { PolicyName, PolicyDocument } of inlines)
    yield policyOn(on, { kind: 'identity', name: PolicyName, document: PolicyDocument })
  for (const { PolicyName, PolicyArn } of AttachedManagedPolicies) {
    const document = documentOf(managed.get(PolicyArn))
    yield policyOn(on, { kind: 'identity', name: PolicyName, arn: PolicyArn, document })
  }
}

function* boundaryOn(
  on: Ref,
  { PermissionsBoundary }: Pick<User, 'PermissionsBoundary'>,
  managed: ReadonlyMap<string, Managed>,
): Generator<Observation> {
  if (!PermissionsBoundary) return
  const arn = PermissionsBoundary.PermissionsBoundaryArn
  const document = documentOf(managed.get(arn))
  yield policyOn(on, { kind: 'boundary', name: arn.slice(arn.lastIndexOf('/') + 1), arn, document })
}

function documentOf(policy: Managed | undefined): unknown {
  return policy?.PolicyVersionList.find(({ IsDefaultVersion }) => IsDefaultVersion)?.Document ?? null
}

function policyOn(on: Ref, said: Said): Observation {
  const document = typeof said.document === 'string' ? said.document : (said.document ?? null)
  return { see: 'policy', on, language: 'aws-iam', text: canonicalJson({ ...said, document } as Json) }
}

const trustSchema = z.looseObject({
  Statement: z.union([z.array(z.unknown()), z.unknown().transform(one => [one])]),
})
const principalSchema = z.looseObject({ Principal: z.record(z.string(), z.unknown()).default({}) })

/** Of a policy as the API or an export has it; none where it cannot be read. */
function statementsIn(document: unknown): unknown[] {
  let parsed = document
  if (typeof document === 'string')
    try {
      parsed = JSON.parse(document.startsWith('%7B') ? decodeURIComponent(document) : document)
    } catch {
      return []
    }
  return trustSchema.safeParse(parsed).data?.Statement ?? []
}

/** ARNs, account numbers and identity providers that a trust policy names. */
function principalsIn(statements: readonly unknown[]): string[] {
  return statements.flatMap(statement => {
    const { Principal = {} } = principalSchema.safeParse(statement).data ?? {}
    return [Principal['AWS'], Principal['Federated']].flat().filter(named => typeof named === 'string')
  })
}

/** Another account, or who vouches for identities. */
function outsiderRef(named: string, account: string): Ref | undefined {
  const number = /^\d{12}$/.test(named) ? named : (/^arn:[^:]*:(?:iam|sts)::(\d{12}):/.exec(named)?.[1] ?? '')
  const provider = /:(oidc|saml)-provider\//.exec(named)?.[1]
  if (provider) return { system: 'aws', instance: number || account, kind: `${provider}-provider`, id: named }
  if (number !== '')
    return number === account ? undefined : { system: 'aws', instance: number, kind: 'account', id: number }
  // Cognito, Google and others are not set up in an account.
  return named.includes('*') || !named.includes('.') || named.startsWith('arn:')
    ? undefined
    : { system: 'aws', instance: account, kind: 'oidc-provider', id: named }
}

/** IAM's unique ids are never given twice, names are: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html */
function refOf(arn: string, kind: string, id: string): Ref {
  return { system: 'aws', instance: arn.split(':')[4] || 'aws', kind, id }
}

function datedFacts({ Path, CreateDate }: { Path: string; CreateDate?: string | undefined }): Facts {
  return { path: { value: Path }, ...isoFact('created', CreateDate) }
}

/** Dates come as `2023-03-09 10:41:38+00:00` from some tools. */
function isoFact(name: string, date: string | undefined): Facts {
  const at = date === undefined ? Number.NaN : Date.parse(date.replace(' ', 'T'))
  return Number.isNaN(at) ? {} : { [name]: { value: new Date(at).toISOString() } }
}

function pairsOf(all: z.infer<typeof tags>): [string, string][] {
  return all.map(({ Key, Value }) => [Key, Value])
}

function tagsFact(all: z.infer<typeof tags>): Facts[string] {
  return { value: Object.fromEntries(pairsOf(all)) }
}

function gap(scope: string, why: string): Observation {
  return { see: 'covered', scope: `aws-iam:${scope}`, complete: false, why, failed: true }
}
