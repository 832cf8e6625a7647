import type { OrganizationLevel } from '../aws-policy/evaluate.ts'
import { type Policy, readPolicy } from '../aws-policy/policy.ts'
import type { AwsOrganization } from './account.ts'

/** A root, a unit or an account, as exports and the API say it. */
export interface OrganizationNode {
  readonly id: string
  readonly parent: string | undefined
  readonly organization: string | undefined
  readonly managementAccount: string | undefined
}

export type ControlKind = 'service-control' | 'resource-control'

/** That a policy is attached somewhere; what it says may stand elsewhere. */
export interface Attachment {
  readonly target: string
  readonly kind: ControlKind
  readonly policyId: string
  readonly name: string
}

/** All that is known of organizations, from however many documents. */
export interface Organizations {
  readonly nodes: ReadonlyMap<string, OrganizationNode>
  /** The organization that each management account manages: whatever is in it tells. */
  readonly managed: ReadonlyMap<string, string>
  readonly attachments: readonly Attachment[]
  /** By the policy's id. */
  readonly documents: ReadonlyMap<string, unknown>
}

/** AWS's own, which are attached everywhere from the beginning. */
const FULL_ACCESS: ReadonlySet<string> = new Set(['p-FullAWSAccess', 'p-RCPFullAWSAccess'])
const EVERYTHING = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } }

/** What binds one account. A level of which no policies are known binds as far as is known: not. */
export function organizationOf(account: string, known: Organizations): AwsOrganization {
  const managed = known.managed.get(account)
  const id = known.nodes.get(account)?.organization ?? managed
  // Neither kind bears on the management account: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
  if (managed !== undefined)
    return { id, serviceControlPolicies: undefined, resourceControlPolicies: undefined }
  const chain = chainAbove(account, known)
  return {
    id,
    serviceControlPolicies: levelsOf(chain, 'service-control', known),
    resourceControlPolicies: levelsOf(chain, 'resource-control', known),
  }
}

/** The account, the units that it is in, and the root. */
function chainAbove(account: string, { nodes }: Organizations): string[] {
  const chain = [account]
  const organization = nodes.get(account)?.organization
  for (let at = account; !at.startsWith('r-'); ) {
    const [, root] = /^ou-([0-9a-z]+)-/.exec(at) ?? []
    const above = nodes.get(at)?.parent ?? (root === undefined ? rootOf(organization, nodes) : `r-${root}`)
    // A file may say that two are above each other.
    if (above === undefined || chain.includes(above)) break
    chain.push(above)
    at = above
  }
  return chain
}

/** Each account is under its organization's one root. */
function rootOf(organization: string | undefined, nodes: Organizations['nodes']): string | undefined {
  if (organization === undefined) return undefined
  return [...nodes.values()].find(node => node.id.startsWith('r-') && node.organization === organization)?.id
}

function levelsOf(
  chain: readonly string[],
  kind: ControlKind,
  known: Organizations,
): OrganizationLevel[] | undefined {
  const levels = chain.flatMap(target => {
    const attached = known.attachments.filter(it => it.target === target && it.kind === kind)
    if (attached.length === 0) return []
    const policies = new Map(attached.map(it => [it.policyId, policyOf(it, known.documents)]))
    return [{ orgIdentifier: target, policies: [...policies.values()] }]
  })
  return levels.length === 0 ? undefined : levels
}

function policyOf({ policyId, name }: Attachment, documents: ReadonlyMap<string, unknown>): Policy {
  const document = documents.get(policyId) ?? (FULL_ACCESS.has(policyId) ? EVERYTHING : null)
  return readPolicy(document, name)
}
