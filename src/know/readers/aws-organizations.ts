import { z } from 'zod'
import { canonicalJson } from '../../core/contract/canonical-json.ts'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import type { Json, Ref } from '../../core/contract/ref.ts'
import { MOST_BYTES } from './aws-iam.ts'
import { wholeText } from './whole-text.ts'
import { headText } from './head-text.ts'
import type { Reader } from './reader.ts'

/**
 * What `aws organizations` prints, each answer in a file of its own or many in one, and what the connector asks the same
 * API for: `describe-organization`, `list-roots`, `list-organizational-units-for-parent`, `list-accounts`,
 * `list-accounts-for-parent`, `list-parents`, `list-children`, `list-policies-for-target`, `list-targets-for-policy`,
 * `list-policies`, `describe-policy`. https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
 *
 * Some answers do not say what was asked about: that is the nearest thing around it whose id is told, by the object that
 * it stands in, by the key that it stands under, or by the file's name.
 *
 * That a policy is attached is an observation in the language `aws-iam` on the root, unit or account, of kind
 * `service-control` or `resource-control`; what it says is one on the policy, of kind `control-document`.
 */
export const awsOrganizationsReader: Reader = {
  format: 'aws-organizations',
  reads({ format }, head) {
    if (format !== undefined) return format === 'aws-organizations'
    const text = headText(head)
    return (
      /^(?:\xef\xbb\xbf)?\s*\{/.test(text) &&
      /"(?:Organization|Roots|OrganizationalUnits|Accounts|Parents|Children|Policies|Policy|PolicySummary|Targets)"\s*:/.test(
        text,
      ) &&
      /"arn:[^":]*:organizations:|"(?:Id|TargetId)"\s*:\s*"(?:r-|ou-|p-)/.test(text)
    )
  },
  async *read(document, bytes) {
    const text = await wholeText(bytes, MOST_BYTES)
    let parsed: unknown
    try {
      parsed = JSON.parse(text ?? '')
    } catch {
      yield gap(document.path, 'it looks like an answer of AWS Organizations, and is no whole JSON')
      return
    }
    yield* readAnswer(parsed, subjectIn(document.path), document.path)
  },
}

const ID =
  /(?<![0-9A-Za-z])(?:r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|p-[0-9A-Za-z_]{8,128}|\d{12})(?![0-9A-Za-z])/g

/** The last id that a name bears. */
function subjectIn(name: string): string | undefined {
  return name.match(ID)?.at(-1)
}

const KINDS: Readonly<Record<string, string>> = {
  SERVICE_CONTROL_POLICY: 'service-control',
  RESOURCE_CONTROL_POLICY: 'resource-control',
}
const text = z.string().optional().catch(undefined)
const item = z.looseObject({
  Id: text,
  Arn: text,
  Name: text,
  Type: text,
  TargetId: text,
  ParentId: text,
  Status: text,
})
type Item = z.infer<typeof item>
const described = z.looseObject({ PolicySummary: item, Content: z.unknown() })
const paths = z.array(z.string()).catch([])

/** `subject` is what it is an answer about, as far as what is around it tells. */
function* readAnswer(value: unknown, subject: string | undefined, path: string): Generator<Observation> {
  if (Array.isArray(value)) {
    for (const one of value) yield* readAnswer(one, subject, path)
    return
  }
  if (value === null || typeof value !== 'object') return
  const object = value as Record<string, unknown>
  const policy = described.safeParse(object)
  if (policy.success) {
    yield* policySaid(policy.data.PolicySummary, path)
    const on = policyRef(policy.data.PolicySummary)
    const said = {
      kind: 'control-document',
      name: policy.data.PolicySummary.Name ?? on?.id ?? '',
      document: policy.data.Content as Json,
    }
    if (on && policy.data.Content !== undefined)
      yield { see: 'policy', on, language: 'aws-iam', text: canonicalJson(said) }
    return
  }
  for (const [key, inside] of Object.entries(object)) {
    const about = subjectIn(key) ?? subject
    const one = key === 'Organization' ? item.safeParse(inside) : undefined
    if (one?.success) yield* organizationSaid(one.data, inside)
    if (!Array.isArray(inside)) {
      yield* readAnswer(inside, about, path)
      continue
    }
    if (key === 'Policies' && about === undefined && !/list-policies(?!-for)/.test(path) && inside.length > 0)
      yield gap(
        path,
        'it does not say of what these are the policies: give the file a name with that id in it',
      )
    for (const [index, raw] of inside.entries()) {
      const read = item.safeParse(raw)
      if (!read.success) yield gap(`${path}#${key}[${index}]`, 'it is no object')
      else {
        yield* itemSaid(key, read.data, raw, about, path)
        yield* readAnswer(raw, read.data.Id ?? about, path)
      }
    }
  }
}

function* itemSaid(
  key: string,
  one: Item,
  raw: unknown,
  about: string | undefined,
  path: string,
): Generator<Observation> {
  switch (key) {
    case 'Roots':
    case 'OrganizationalUnits':
    case 'Accounts': {
      const above = one.ParentId ?? (about?.startsWith('r-') || about?.startsWith('ou-') ? about : undefined)
      const told = paths.parse((raw as { Paths?: unknown }).Paths)[0]
      return yield* nodeSaid(one, above ?? aboveIn(told))
    }
    case 'Children':
      return yield* nodeSaid(one, about)
    case 'Parents':
      if (about !== undefined) yield* nodeSaid({ Id: about }, one.Id)
      else yield gap(path, 'it does not say whose parents these are: give the file a name with that id in it')
      return
    case 'Policies':
      yield* policySaid(one, path)
      if (about !== undefined) yield* attached(about, one)
      return
    case 'Targets':
      if (about?.startsWith('p-')) yield* targetsSaid(about, one)
      else
        yield gap(
          path,
          'it does not say of which policy these are the targets: give the file a name with its id in it',
        )
      return
  }
}

/** `o-…/r-…/ou-…/111122223333/`: the last but one. */
function aboveIn(path: string | undefined): string | undefined {
  return path?.split('/').filter(Boolean).at(-2)
}

function* nodeSaid(
  { Id, Arn, Name, Status }: Partial<Item>,
  above: string | undefined,
): Generator<Observation> {
  const ref = Id === undefined ? undefined : nodeRef(Id)
  if (!ref) return
  const [, management, organization] =
    /^arn:[^:]*:organizations::(\d{12}):[a-z]+\/(o-[0-9a-z]+)/.exec(Arn ?? '') ?? []
  const values: Record<string, string | undefined> = {
    parent: above,
    organization,
    managementAccount: management,
    ...(ref.kind === 'account' && { accountName: Name, status: Status }),
  }
  const names = ref.kind === 'account' ? [`AWS account ${ref.id}`] : [Name ?? ref.id, ref.id]
  yield { see: 'resource', ref, names: [...new Set(names)], facts: factsOf(values) }
}

function* organizationSaid({ Id }: Item, raw: unknown): Generator<Observation> {
  const management = z.looseObject({ MasterAccountId: z.string() }).safeParse(raw)
  if (!management.success) return
  const { MasterAccountId } = management.data
  yield* nodeSaid(
    { Id: MasterAccountId, Arn: `arn:aws:organizations::${MasterAccountId}:account/${Id}/` },
    undefined,
  )
}

function* policySaid(one: Item, path: string): Generator<Observation> {
  const ref = policyRef(one)
  if (ref)
    yield {
      see: 'resource',
      ref,
      names: [...new Set([one.Name ?? ref.id, ref.id])],
      facts: factsOf({ type: KINDS[one.Type ?? ''] }),
    }
  else yield gap(path, 'a policy has no id')
}

function* attached(target: string, { Id, Name, Type }: Item): Generator<Observation> {
  const on = nodeRef(target)
  const kind = KINDS[Type ?? '']
  if (!on || kind === undefined || Id === undefined) return
  const said = { kind, name: Name ?? Id, id: Id, document: null }
  yield { see: 'policy', on, language: 'aws-iam', text: canonicalJson(said) }
}

/** The other way round: the policy says where it is attached. */
function* targetsSaid(policy: string, { TargetId }: Item): Generator<Observation> {
  if (TargetId === undefined) return
  const ref = { system: 'aws', instance: 'organizations', kind: 'organization-policy', id: policy }
  yield { see: 'resource', ref, names: [policy], facts: { [`target:${TargetId}`]: { value: true } } }
}

/** A root's id begins the ids of its units. Policies of AWS's own have no organization. */
function nodeRef(id: string): Ref | undefined {
  if (/^\d{12}$/.test(id)) return { system: 'aws', instance: id, kind: 'account', id }
  if (id.startsWith('r-')) return { system: 'aws', instance: id, kind: 'organization-root', id }
  const root = /^ou-([0-9a-z]+)-/.exec(id)?.[1]
  return root === undefined
    ? undefined
    : { system: 'aws', instance: `r-${root}`, kind: 'organizational-unit', id }
}

/** Answers name policies by their ids alone, so that these are what they are known by. */
function policyRef({ Id }: Item): Ref | undefined {
  return Id?.startsWith('p-')
    ? { system: 'aws', instance: 'organizations', kind: 'organization-policy', id: Id }
    : undefined
}

function gap(scope: string, why: string): Observation {
  return { see: 'covered', scope: `aws-organizations:${scope}`, complete: false, why, failed: true }
}
