import type { Observation } from '../../../core/contract/observation.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { awsRole, serviceAccount } from '../cloud-role.ts'
import { items, type Located, member, scalar } from '../located.ts'
import { EVERYWHERE } from '../gcp/names.ts'
import { hclOf } from './hcl.ts'
import { type TerraformFile, type TerraformResource, textOf } from './module.ts'
import { statementsOf } from './policy.ts'
import { seenAs } from './resource-kinds.ts'
import { addressRef, folderOf, localModulesOf, referenceRef, referencesIn } from './reference.ts'

type Certainty = 'proven' | 'conditional'

/** One that has a right, what on, and which. */
interface Grant {
  readonly to: Located | Ref | undefined
  readonly on: Located | Ref | undefined
  readonly crossing: string
  readonly what: string
  readonly line?: number
  readonly when?: string
}

/**
 * Who may do what by what a file declares: bindings of Google Cloud, role assignments and access policies of Azure, role bindings of
 * Kubernetes, policies of Vault and of AWS. It holds once it was applied. A role that gives all is told so; of others, that it is given.
 */
export function* readGrants(
  repository: Ref,
  file: TerraformFile,
  resource: TerraformResource,
): Generator<Observation> {
  const folder = folderOf(file.path)
  const modules = localModulesOf(file)
  const refsOf = (end: Located | Ref | undefined): Ref[] => {
    if (!end) return []
    if ('system' in end) return [end]
    const literal = textOf(file, end)
    const named = literal === undefined ? undefined : literalRef(literal)
    if (named) return [named]
    return [...new Set(referencesIn(end))].map(one => referenceRef(repository, folder, modules, one))
  }
  for (const grant of grantsOf(repository, file, resource))
    for (const from of refsOf(grant.to))
      for (const to of refsOf(grant.on)) {
        if (from.id === to.id) continue
        yield* addressed(from)
        yield* addressed(to)
        yield {
          see: 'edge',
          from,
          to,
          crossing: grant.crossing,
          certainty: 'conditional' satisfies Certainty,
          when: ['it was applied', ...(grant.when === undefined ? [] : [grant.when])].join('; '),
          why: `${resource.address} gives it ${grant.what} (${file.path}:${grant.line ?? resource.line})`,
        }
      }
}

/** It may be declared in another file, or nowhere. */
function* addressed(ref: Ref): Generator<Observation> {
  if (ref.kind !== 'terraform-resource') return
  const address = ref.id.slice(ref.id.indexOf('#') + 1)
  yield { see: seenAs(address.replace(/\..*$/, '')) ?? 'resource', ref, names: [address], facts: {} }
}

function* grantsOf(repository: Ref, file: TerraformFile, resource: TerraformResource): Generator<Grant> {
  const { type, body } = resource
  const of = (...names: string[]) => names.map(name => member(body, name)).find(one => one !== undefined)
  if (/^google_.*_iam_(?:member|binding)$/.test(type)) yield* ofGoogle(file, resource, repository)
  else if (type === 'azurerm_role_assignment') {
    const role = textOf(file, of('role_definition_name')) ?? 'a role'
    yield { to: of('principal_id'), on: of('scope'), crossing: crossingOf(role), what: role }
  } else if (type === 'azurerm_key_vault_access_policy') {
    const rights = ['secret_permissions', 'key_permissions', 'certificate_permissions'].flatMap(name =>
      items(of(name)).map(one => (scalar(one) ?? '').toLowerCase()),
    )
    const crossing = rights.some(one => one === 'get' || one === 'all') ? 'may-read' : 'granted'
    yield { to: of('object_id'), on: of('key_vault_id'), crossing, what: rights.join(', ') }
  } else if (/^kubernetes_(?:cluster_)?role_binding(?:_v1)?$/.test(type))
    yield* ofKubernetes(file, resource, repository)
  else if (/^vault_.*_auth_backend_role$/.test(type) || type === 'vault_token') {
    const own = addressRef(repository, folderOf(file.path), resource.address)
    yield { to: own, on: of('token_policies', 'policies'), crossing: 'granted', what: 'its policies' }
  } else if (type === 'vault_policy') yield* ofVault(file, resource, repository)
  else if (type.startsWith('aws_iam_')) yield* ofAws(file, resource, repository)
}

/** Google Cloud’s and Azure’s roles that give everything, that read secrets, and that act as another. */
function crossingOf(role: string): string {
  if (/^roles\/(?:owner|editor)$|^(?:Owner|Contributor|User Access Administrator)$/.test(role))
    return 'administers'
  if (/serviceAccount(?:TokenCreator|User|KeyAdmin|Admin)$|workloadIdentityUser$/.test(role)) return 'acts-as'
  if (/secretAccessor$|Key Vault (?:Secrets (?:User|Officer)|Administrator)/.test(role)) return 'may-read'
  return 'granted'
}

function* ofGoogle(
  file: TerraformFile,
  { type, body }: TerraformResource,
  repository: Ref,
): Generator<Grant> {
  const role = textOf(file, member(body, 'role')) ?? 'a role'
  const on =
    ['service_account_id', 'secret_id', 'bucket', 'project', 'folder', 'org_id'].find(
      name => member(body, name) !== undefined,
    ) ?? ''
  const scope = member(body, on)
  const project = textOf(file, scope)
  const to: Located | Ref | undefined =
    on === 'project' && project !== undefined && type.startsWith('google_project_')
      ? { system: 'gcp', instance: project, kind: 'project', id: project }
      : on !== '' && project !== undefined && !scope?.tag
        ? addressRef(repository, folderOf(file.path), `${on} ${project}`)
        : scope
  const when = member(body, 'condition') === undefined ? {} : { when: 'its condition holds' }
  for (const who of [...items(member(body, 'member')), ...items(member(body, 'members'))])
    yield { to: who, on: to, crossing: crossingOf(role), what: role, line: who.line, ...when }
}

function* ofKubernetes(file: TerraformFile, { body }: TerraformResource, repository: Ref): Generator<Grant> {
  const [roleRef] = items(member(body, 'role_ref'))
  const name = member(roleRef, 'name')
  const role = textOf(file, name)
  const cluster = role === 'cluster-admin'
  const on: Located | Ref | undefined =
    role === undefined ? name : addressRef(repository, folderOf(file.path), cluster ? 'the cluster' : role)
  for (const subject of items(member(body, 'subject'))) {
    const named = textOf(file, member(subject, 'name'))
    const namespace = textOf(file, member(subject, 'namespace')) ?? 'default'
    const to: Located | Ref | undefined =
      named === undefined
        ? member(subject, 'name')
        : addressRef(
            repository,
            folderOf(file.path),
            `${scalar(member(subject, 'kind')) ?? ''} ${namespace}/${named}`,
          )
    yield {
      to,
      on,
      crossing: cluster ? 'administers' : 'granted',
      what: `the role ${role ?? scalar(name) ?? ''}`,
      line: subject.line,
    }
  }
}

/** https://developer.hashicorp.com/vault/docs/concepts/policies */
function* ofVault(file: TerraformFile, resource: TerraformResource, repository: Ref): Generator<Grant> {
  const policy = member(resource.body, 'policy')
  const own = addressRef(repository, folderOf(file.path), resource.address)
  for (const { type, labels, line, body } of hclOf(scalar(policy) ?? '').blocks) {
    const path = labels[0]
    if (type !== 'path' || path === undefined) continue
    const able = items(member(body, 'capabilities')).map(one => scalar(one) ?? '')
    if (able.includes('deny')) continue
    const crossing = able.includes('sudo')
      ? 'administers'
      : able.some(one => /^(?:create|update|patch)$/.test(one))
        ? 'may-write'
        : able.includes('read')
          ? 'may-read'
          : undefined
    if (crossing === undefined) continue
    const said = {
      to: own,
      line: (policy?.textLine ?? resource.line) + line - 1,
      what: `${able.join(', ')} on ${path}`,
    }
    const on: Ref = { system: 'vault', instance: '?', kind: 'secret', id: `?${path}` }
    yield { ...said, on, crossing }
    if (crossing === 'may-write' && able.includes('read')) yield { ...said, on, crossing: 'may-read' }
  }
}

/** As the reader of what Google says calls it. */
const ANYONE: Ref = { system: 'gcp', instance: EVERYWHERE, kind: 'anyone', id: 'anyone' }

/** Actions that read what is kept, and one that acts as another. */
const READS =
  /^(?:secretsmanager:(?:GetSecretValue|\*)|ssm:(?:GetParameters?|\*)|s3:(?:GetObject|\*)|kms:(?:Decrypt|\*))$/i

const GIVES_ALL = /\/(?:AdministratorAccess|IAMFullAccess)$/

function* ofAws(file: TerraformFile, resource: TerraformResource, repository: Ref): Generator<Grant> {
  const { type, body, address } = resource
  const own = addressRef(repository, folderOf(file.path), address)
  const who = ['role', 'user', 'group', 'roles', 'users', 'groups'].flatMap(name => items(member(body, name)))
  if (type.endsWith('_policy_attachment')) {
    const arn = member(body, 'policy_arn')
    const literal = textOf(file, arn)
    for (const to of who)
      yield literal === undefined
        ? { to, on: arn, crossing: 'granted', what: 'the policy', line: to.line }
        : {
            to,
            on: addressRef(
              repository,
              folderOf(file.path),
              GIVES_ALL.test(literal) ? 'the account' : literal.slice(literal.lastIndexOf('/') + 1),
            ),
            crossing: GIVES_ALL.test(literal) ? 'administers' : 'granted',
            what: literal,
            line: to.line,
          }
    return
  }
  if (!/^aws_iam_(?:policy|role_policy|user_policy|group_policy)$/.test(type)) return
  const holders: (Located | Ref)[] = type === 'aws_iam_policy' ? [own] : who
  for (const statement of statementsOf(file, member(body, 'policy')).filter(({ allows }) => allows))
    for (const action of statement.actions) {
      const crossing =
        action === '*'
          ? 'administers'
          : action === 'sts:AssumeRole'
            ? 'may-assume'
            : READS.test(action)
              ? 'may-read'
              : undefined
      if (crossing === undefined) continue
      const when = statement.conditions.size > 0 ? { when: 'the conditions of the statement hold' } : {}
      const said = { crossing, what: action, line: statement.line, ...when }
      const named = [...statement.targets, ...statement.resources.flatMap(one => literalRef(one) ?? [])]
      const everything = statement.resources.includes('*')
        ? [
            addressRef(
              repository,
              folderOf(file.path),
              action === '*' ? 'the account' : `all of ${action.split(':')[0]}`,
            ),
          ]
        : []
      for (const to of holders)
        for (const on of [...named, ...everything])
          yield { to, on: typeof on === 'string' ? referenceOf(repository, file, on) : on, ...said }
    }
}

function referenceOf(repository: Ref, file: TerraformFile, reference: string): Ref {
  return referenceRef(repository, folderOf(file.path), localModulesOf(file), reference)
}

function literalRef(text: string): Ref | undefined {
  if (text === 'allUsers' || text === 'allAuthenticatedUsers') return ANYONE
  return awsRole(text) ?? serviceAccount(text.replace(/^serviceAccount:/, ''))
}
