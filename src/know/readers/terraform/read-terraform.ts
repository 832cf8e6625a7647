import { readText, unread } from '../read-text.ts'
import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import { ownersInTags } from '../../../core/contract/owner-text.ts'
import type { Ref } from '../../../core/contract/ref.ts'
import { awsRole, serviceAccount } from '../cloud-role.ts'
import { type Located, member, members } from '../located.ts'
import { weaknessesOf, weaknessFact } from '../weakness.ts'
import { hclOf } from './hcl.ts'
import { addressesIn, terraformFileOf, type TerraformFile, type TerraformResource, textOf } from './module.ts'
import { readGrants } from './grants.ts'
import { readModules } from './read-modules.ts'
import { addressRef, folderOf, localModulesOf, referenceRef, referencesIn } from './reference.ts'
import { statementsOf } from './policy.ts'
import { holdsOf, seenAs } from './resource-kinds.ts'
import { terraformWeaknesses } from './weaknesses/all.ts'
import { withinRepository } from '../within-repository.ts'

/** All that a file of Terraform tells of what it makes. */
export async function* readTerraform(
  document: { readonly in: Ref; readonly path: string },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const { path, in: repository } = document
  const text = yield* readText('terraform', path, bytes)
  if (text === undefined) return
  const { blocks, problems } = hclOf(text)
  for (const { line, why } of problems) yield unread('terraform', path, line, why)
  const file = terraformFileOf(path, blocks)
  const found = weaknessesOf(file, terraformWeaknesses, text)
  const byResource = Map.groupBy(found, ({ weak }) => weak.job)
  const ofFile = byResource.get(undefined) ?? []
  // What could not be read to its end may have more that is weak: of that it is not said that it is well.
  if (ofFile.length > 0 || (blocks.length > 0 && problems.length === 0))
    yield {
      see: 'resource',
      ref: withinRepository(repository, 'file', path),
      names: [],
      facts: factsOf({
        runtime: 'Terraform',
        ...(ofFile.length > 0 && { weaknesses: ofFile.map(weaknessFact) }),
      }),
    }
  for (const resource of file.resources) {
    const see = seenAs(resource.type)
    const weak = (byResource.get(resource) ?? []).map(weaknessFact)
    if (!see && weak.length === 0) continue
    const ref = addressRef(repository, folderOf(path), resource.address)
    yield {
      see: see ?? 'resource',
      ref,
      names: [resource.address, ...namesOf(file, resource)],
      facts: factsOf({
        type: resource.type,
        line: resource.line,
        ...(weak.length > 0 && { weaknesses: weak }),
      }),
    }
    yield {
      see: 'edge',
      from: ref,
      to: repository,
      crossing: 'defined-in',
      certainty: 'proven',
      why: `${path} declares ${resource.address}`,
    }
    for (const key of ['tags', 'labels'])
      yield* ownersInTags(ref, textsIn(file, member(resource.body, key)), `Terraform ${key.slice(0, -1)}`)
    yield* trusts(file, resource, ref, repository)
    yield* becomes(file, resource, ref, repository)
    yield* holds(resource, ref, repository, path)
  }
  for (const resource of file.resources) yield* readGrants(repository, file, resource)
  yield* readModules(repository, file)
}

/** Those that the file itself gives. */
function textsIn(file: TerraformFile, located: Located | undefined): [string, string][] {
  return [...members(located)].flatMap(([name, value]): [string, string][] => {
    const text = textOf(file, value)
    return text === undefined ? [] : [[name, text]]
  })
}

function namesOf(file: TerraformFile, { body }: TerraformResource): string[] {
  return ['name', 'account_id', 'display_name', 'username'].flatMap(
    key => textOf(file, member(body, key)) ?? [],
  )
}

/** Who may take on a role: a principal that is named, or one that the file makes. */
function* trusts(
  file: TerraformFile,
  resource: TerraformResource,
  ref: Ref,
  repository: Ref,
): Generator<Observation> {
  const modules = localModulesOf(file)
  for (const { allows, principals, line, conditions } of statementsOf(
    file,
    member(resource.body, 'assume_role_policy'),
  ))
    for (const { type, id, addresses } of allows ? principals : []) {
      const from = type === 'AWS' ? awsRole(id) : undefined
      const made = addresses.map(one => referenceRef(repository, folderOf(file.path), modules, one))
      for (const one of from ? [from] : made)
        yield {
          see: 'edge',
          from: one,
          to: ref,
          crossing: 'may-assume',
          certainty: conditions.size > 0 ? 'conditional' : 'proven',
          ...(conditions.size > 0 && { when: 'the conditions of its trust hold' }),
          why: `${resource.address} trusts it (line ${line})`,
        }
    }
}

/** What it is by the name that the cloud has for it, and whom it runs or authenticates as. */
function* becomes(
  file: TerraformFile,
  resource: TerraformResource,
  ref: Ref,
  repository: Ref,
): Generator<Observation> {
  const [account, project] = ['account_id', 'project'].map(key => textOf(file, member(resource.body, key)))
  if (resource.type === 'google_service_account' && account !== undefined && project !== undefined) {
    const to = serviceAccount(`${account}@${project}.iam.gserviceaccount.com`)
    if (to)
      yield {
        see: 'edge',
        from: ref,
        to,
        crossing: 'declares',
        certainty: 'conditional',
        when: 'it was applied',
        why: `${resource.address} makes it (line ${resource.line})`,
      }
  }
  const modules = localModulesOf(file)
  const acts = [
    'role',
    'user',
    'service_account_id',
    'application_id',
    'application_object_id',
    'service_principal_id',
    'iam_instance_profile',
    'execution_role_arn',
    'task_role_arn',
    'role_arn',
    'service_account_email',
    'service_account',
  ]
  for (const key of acts)
    for (const address of referencesIn(member(resource.body, key))) {
      const to = referenceRef(repository, folderOf(file.path), modules, address)
      const isKey = /_(?:key|password|secret|access_key|token)$/.test(resource.type)
      const grant =
        /_(?:policy_attachment|role_policy|user_policy|iam_member|iam_binding|role_assignment)$/.test(
          resource.type,
        )
      if (grant) continue
      yield {
        see: 'edge',
        from: ref,
        to,
        crossing: isKey ? 'authenticates-as' : 'runs-as',
        certainty: 'proven',
        why: `${resource.address} names ${address} as its ${key} (line ${member(resource.body, key)?.line ?? resource.line})`,
      }
    }
}

/** What puts a key that the file makes where others read it: a secret of a forge, of a vault or of a cluster. */
function* holds(
  resource: TerraformResource,
  ref: Ref,
  repository: Ref,
  path: string,
): Generator<Observation> {
  for (const key of holdsOf(resource.type)) {
    const value = member(resource.body, key)
    for (const address of new Set(addressesIn(value)))
      if (
        /_(?:key|password|secret|access_key|token|certificate|keypair)\./.test(address) ||
        address.startsWith('random_password.')
      )
        yield {
          see: 'edge',
          from: ref,
          to: addressRef(repository, folderOf(path), address),
          crossing: 'holds-copy',
          certainty: 'proven',
          why: `${resource.address} is given ${address} (line ${value?.line ?? resource.line})`,
        }
  }
}
