import type { Ref } from '../../../core/contract/ref.ts'
import { awsRole, serviceAccount } from '../cloud-role.ts'
import { locateYaml } from '../locate-yaml.ts'
import { items, member, scalar } from '../located.ts'

export interface CloudIdentity {
  readonly to: Ref
  /** What the cloud must have said, too. */
  readonly when: string
  readonly line?: number
}

const ROLE_ARN = /^arn:aws[\w-]*:iam::(\d{12}):role\/.+$/
const USER_ARN = /^arn:aws[\w-]*:iam::(\d{12}):user\/.+$/
const GUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/**
 * Which cloud identities a service account becomes, by its annotations.
 * https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html,
 * https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity,
 * https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html
 */
export function cloudIdentities(annotations: ReadonlyMap<string, string>): CloudIdentity[] {
  const found: CloudIdentity[] = []
  const role = awsRole(annotations.get('eks.amazonaws.com/role-arn')?.trim() ?? '')
  if (role) found.push({ to: role, when: 'the role trusts this service account at the cluster’s issuer' })
  const account = serviceAccount(annotations.get('iam.gke.io/gcp-service-account')?.trim() ?? '')
  if (account)
    found.push({
      to: account,
      when: 'the service account of Google Cloud lets this one act as it (roles/iam.workloadIdentityUser)',
    })
  const client = annotations.get('azure.workload.identity/client-id')?.trim() ?? ''
  const tenant = annotations.get('azure.workload.identity/tenant-id')?.trim() ?? ''
  if (GUID.test(client))
    found.push({
      to: {
        system: 'azure',
        instance: GUID.test(tenant) ? `?${tenant}` : '?',
        kind: 'service-principal',
        id: `?${client}`,
      },
      when: 'the application has a federated credential for this service account',
    })
  return found
}

/** kube2iam and kiam hand a pod the role that it asks for: https://github.com/jtblin/kube2iam#iamroles */
export function podRole(annotations: ReadonlyMap<string, string>): CloudIdentity | undefined {
  const role = awsRole(annotations.get('iam.amazonaws.com/role')?.trim() ?? '')
  return role && { to: role, when: 'kube2iam or kiam runs on its node and may take the role on' }
}

/** An AWS principal that an EKS cluster takes for a user in groups. */
export interface AwsSubject {
  readonly from: Ref
  readonly user: string | undefined
  readonly groups: readonly string[]
  readonly line: number
}

/** The lists of the ConfigMap `aws-auth`: https://docs.aws.amazon.com/eks/latest/userguide/auth-configmap.html */
export function awsAuth(data: ReadonlyMap<string, string>): AwsSubject[] {
  return [
    ...subjectsIn(data.get('mapRoles'), 'rolearn', ROLE_ARN, 'role'),
    ...subjectsIn(data.get('mapUsers'), 'userarn', USER_ARN, 'user'),
  ]
}

function subjectsIn(text: string | undefined, by: string, form: RegExp, kind: string): AwsSubject[] {
  if (text === undefined) return []
  const [root] = locateYaml(text).documents
  return items(root).flatMap(entry => {
    const arn = scalar(member(entry, by))?.trim() ?? ''
    const account = form.exec(arn)?.[1]
    if (account === undefined) return []
    const user = scalar(member(entry, 'username'))
    return [
      {
        from: { system: 'aws', instance: account, kind, id: `?${arn}` },
        // A node's or a session's own name is put in for each.
        user: user?.includes('{{') ? undefined : user,
        groups: items(member(entry, 'groups')).flatMap(group => scalar(group) ?? []),
        line: entry.line,
      },
    ]
  })
}
