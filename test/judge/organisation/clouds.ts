import { factsOf, type Observation } from '../../../src/core/contract/observation.ts'
import type { Ref } from '../../../src/core/contract/ref.ts'
import { Draws } from './draws.ts'
import { ACCOUNTS, daysAgo, type Identity } from './identities.ts'
import type { Staff } from './people.ts'
import { ENVIRONMENTS, type Environment, ownerWritten, type Service } from './services.ts'
import type { OrganisationSource, Written } from './source.ts'

const OWNER_KEYS =
  'owner owner Owner Owner team Team OWNER squad service-owner contact Contact owned-by maintainer onwer owenr tema'
const TAGGED_PERCENT = 64

/** Tags, labels or annotations, as people put them there: not on everything, under many names, and not always true. */
export function tagsWritten(
  random: Draws,
  staff: Staff,
  identity: Identity,
  services: readonly Service[],
): Record<string, string> {
  const { service, environment, class: made, person, vendor } = identity
  const tags: Record<string, string> = {}
  if (random.chance(TAGGED_PERCENT)) {
    const key = random.pick(OWNER_KEYS.split(' '))
    tags[key] = person
      ? random.pick([person.mails[0]!, person.login])
      : made === 'break-glass'
        ? random.pick(['security', 'secops@acme.example', 'security@acme.example'])
        : ownerWritten(random, staff, service, services)
  }
  if (!person && made !== 'break-glass' && random.chance(48))
    tags[random.pick(['service', 'Service', 'app', 'application', 'component'])] = service.name
  if (random.chance(55)) tags[random.pick(['env', 'environment', 'Environment'])] = environment
  if (random.chance(30)) tags[random.pick(['cost-center', 'CostCenter'])] = `CC${1000 + random.below(40)}`
  if (random.chance(35)) tags['managed-by'] = random.pick(['terraform', 'pulumi', 'manual', 'crossplane'])
  if (vendor !== undefined && random.chance(60)) tags[random.pick(['vendor', 'third-party'])] = vendor
  if (made === 'agentic' && random.chance(50)) tags[random.pick(['workload-type', 'kind'])] = 'ai-agent'
  if (made === 'break-glass' && random.chance(60)) tags['break-glass'] = 'true'
  if (made === 'shared' && random.chance(40)) tags['shared'] = 'true'
  return tags
}

/** Three accounts of AWS, each with its authorization details and what the connector asks besides. */
export function awsSources(
  staff: Staff,
  services: readonly Service[],
  identities: readonly Identity[],
  seed: string,
): OrganisationSource[] {
  const random = new Draws(`${seed}/aws`)
  return ENVIRONMENTS.map(environment => {
    const account = ACCOUNTS[environment]
    const own = identities.filter(({ system, environment: of }) => system === 'aws' && of === environment)
    const container: Ref = { system: 'aws', instance: account, kind: 'account', id: account }
    const observations: Observation[] = []
    const users: object[] = []
    const roles: object[] = []
    for (const identity of own) {
      const tags = Object.entries(tagsWritten(random, staff, identity, services))
      const Tags = tags.map(([Key, Value]) => ({ Key, Value }))
      const days = 450 + random.below(900)
      const allow = identity.wrong.has('administrator')
        ? { Effect: 'Allow', Action: '*', Resource: '*' }
        : {
            Effect: 'Allow',
            Action: ['s3:GetObject', 's3:PutObject'],
            Resource: `arn:aws:s3:::${identity.service.name}/*`,
          }
      const policy = [{ PolicyName: 'own', PolicyDocument: { Version: '2012-10-17', Statement: [allow] } }]
      const common = { Path: '/', CreateDate: daysAgo(days), AttachedManagedPolicies: [], Tags }
      if (identity.ref.kind === 'user') {
        users.push({
          ...common,
          UserName: identity.name,
          UserId: identity.ref.id,
          Arn: `arn:aws:iam::${account}:user/${identity.name}`,
          GroupList: [],
          UserPolicyList: policy,
        })
        observations.push(...keysOf(random, identity, account, days))
      } else
        roles.push({
          ...common,
          RoleName: identity.name,
          RoleId: identity.ref.id,
          Arn: `arn:aws:iam::${account}:role/${identity.name}`,
          AssumeRolePolicyDocument: {
            Version: '2012-10-17',
            Statement: [trustOf(random, identity, account)],
          },
          RolePolicyList: policy,
          InstanceProfileList: [],
          RoleLastUsed: { LastUsedDate: daysAgo(lastUsedDays(random, identity)), Region: 'eu-west-1' },
        })
    }
    const details = { UserDetailList: users, GroupDetailList: [], RoleDetailList: roles, Policies: [] }
    const document: Written = {
      in: container,
      path: 'authorization-details.json',
      text: JSON.stringify(details),
      format: 'aws-iam',
    }
    return {
      system: 'aws',
      instance: account,
      label: `acme-${environment}`,
      documents: [document],
      observations,
    }
  })
}

function lastUsedDays(random: Draws, { wrong }: Identity): number {
  return wrong.has('unused') ? 210 + random.below(500) : random.below(45)
}

function* keysOf(random: Draws, identity: Identity, account: string, days: number): Generator<Observation> {
  const { ref, name, wrong } = identity
  const age = wrong.has('old key')
    ? 400 + random.below(days - 420)
    : wrong.has('unused')
      ? 240 + random.below(100)
      : 5 + random.below(80)
  const hasPassword = wrong.has('console password in use')
  yield {
    see: 'identity',
    ref,
    names: [`arn:aws:iam::${account}:user/${name}`, name],
    facts: factsOf({
      accessKeys: 1,
      hasConsolePassword: hasPassword,
      ...(hasPassword && { passwordLastUsed: daysAgo(1 + random.below(60)) }),
    }),
  }
  yield {
    see: 'credential',
    ref: { system: 'aws', instance: account, kind: 'access-key', id: `AKIA${ref.id}`, identity: ref },
    facts: factsOf({
      active: true,
      created: daysAgo(age),
      lastUsed: daysAgo(Math.min(age - 1, lastUsedDays(random, identity))),
      lastUsedService: 's3',
      lastUsedRegion: 'eu-west-1',
    }),
  }
}

function trustOf(random: Draws, identity: Identity, account: string): object {
  const { class: made, wrong, service } = identity
  if (wrong.has('federates with everyone') || identity.name.startsWith('deploy-'))
    return {
      Effect: 'Allow',
      Action: 'sts:AssumeRoleWithWebIdentity',
      Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/token.actions.githubusercontent.com` },
      Condition: {
        StringEquals: { 'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com' },
        ...(!wrong.has('federates with everyone') && {
          StringLike: { 'token.actions.githubusercontent.com:sub': `repo:acme/${service.repository}:*` },
        }),
      },
    }
  if (made === 'third-party')
    return {
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Principal: { AWS: `arn:aws:iam::9${String(random.below(100_000)).padStart(11, '0')}:root` },
      ...(!wrong.has('third party with everything') && {
        Condition: { StringEquals: { 'sts:ExternalId': `acme-${random.below(1_000_000)}` } },
      }),
    }
  return {
    Effect: 'Allow',
    Action: 'sts:AssumeRole',
    Principal: {
      Service: random.pick(['ecs-tasks.amazonaws.com', 'lambda.amazonaws.com', 'ec2.amazonaws.com']),
    },
  }
}

/** Three projects of Google Cloud. A service account has no labels: what there is to say stands in its description. */
export function gcpSources(
  staff: Staff,
  services: readonly Service[],
  identities: readonly Identity[],
  seed: string,
): OrganisationSource[] {
  const random = new Draws(`${seed}/gcp`)
  return ENVIRONMENTS.map(environment => {
    const project = `acme-${environment}`
    const own = identities.filter(({ system, environment: of }) => system === 'gcp' && of === environment)
    const items: object[] = [{ projectId: project, projectNumber: `50${ACCOUNTS[environment].slice(0, 8)}` }]
    const bindings: object[] = []
    for (const identity of own) {
      const email = `${identity.name}@${project}.iam.gserviceaccount.com`
      items.push({
        name: `projects/${project}/serviceAccounts/${email}`,
        email,
        uniqueId: identity.ref.id,
        displayName: identity.name,
        description: describedAs(random, staff, identity, services),
      })
      const isOld = identity.wrong.has('old key')
      const age = isOld ? 400 + random.below(300) : 5 + random.below(80)
      if (identity.wrong.has('old key') || random.chance(40))
        items.push({
          name: `projects/${project}/serviceAccounts/${email}/keys/${identity.ref.id}`,
          keyType: 'USER_MANAGED',
          validAfterTime: daysAgo(age),
          validBeforeTime: daysAgo(isOld ? -20 : age - 180),
        })
      const role = identity.wrong.has('administrator') ? 'roles/owner' : 'roles/storage.objectViewer'
      bindings.push({ role, members: [`serviceAccount:${email}`] })
    }
    items.push({
      resource: `//cloudresourcemanager.googleapis.com/projects/${project}`,
      policy: { bindings },
    })
    const document: Written = {
      in: { system: 'gcp', instance: project, kind: 'project', id: project },
      path: 'project.json',
      text: items.map(item => JSON.stringify(item)).join('\n'),
      format: 'gcp',
    }
    return { system: 'gcp', instance: project, label: project, documents: [document], observations: [] }
  })
}

function describedAs(random: Draws, staff: Staff, identity: Identity, services: readonly Service[]): string {
  const { person, class: made, service } = identity
  const owner = person
    ? person.mails[0]!
    : made === 'break-glass'
      ? 'security'
      : ownerWritten(random, staff, service, services)
  const drawn = random.below(100)
  if (drawn < 30) return `Owner: ${owner}`
  if (drawn < 42) return `Used by ${service.name}. Contact: ${owner}`
  if (drawn < 50) return `team=${owner} service=${service.name}`
  if (drawn < 65) return `Runs ${service.name} in ${identity.environment}`
  return drawn < 80 ? 'Managed by Terraform' : ''
}

/** What the Azure CLI prints, kept in a folder. */
export function azureSource(
  staff: Staff,
  services: readonly Service[],
  identities: readonly Identity[],
  seed: string,
): OrganisationSource {
  const random = new Draws(`${seed}/azure`)
  const tree: Ref = { system: 'directory', instance: 'azure-exports', kind: 'tree', id: 'azure-exports' }
  const own = identities.filter(({ system }) => system === 'azure')
  const principals = own.map(identity => {
    const old = identity.wrong.has('old key')
    const never = identity.wrong.has('never expires')
    const age = old ? 400 + random.below(300) : 5 + random.below(80)
    const life = never ? 36_500 : old ? age + 25 : 180
    const tags = tagsWritten(random, staff, identity, services)
    return {
      id: identity.ref.id.replace('-4000-', '-4001-'),
      appId: identity.ref.id,
      displayName: identity.name,
      servicePrincipalType: 'Application',
      accountEnabled: true,
      appOwnerOrganizationId: '99999999-0000-4000-8000-000000000000',
      notes: random.chance(20) ? describedAs(random, staff, identity, services) : null,
      tags: Object.entries(tags).map(([key, value]) => `${key}:${value}`),
      passwordCredentials: [
        {
          keyId: identity.ref.id.replace('-4000-', '-4002-'),
          displayName: random.pick(['ci', 'rbac', 'secret', 'terraform']),
          startDateTime: daysAgo(age),
          endDateTime: daysAgo(age - life),
        },
      ],
      keyCredentials: [],
    }
  })
  const assignments = own.map((identity, index) => ({
    id: `/subscriptions/0000/providers/Microsoft.Authorization/roleAssignments/${index}`,
    principalId: identity.ref.id.replace('-4000-', '-4001-'),
    principalType: 'ServicePrincipal',
    principalName: identity.ref.id,
    roleDefinitionName: identity.wrong.has('administrator') ? 'Owner' : 'Reader',
    scope: identity.wrong.has('administrator')
      ? `/subscriptions/${subscriptionOf(identity.environment)}`
      : `/subscriptions/${subscriptionOf(identity.environment)}/resourceGroups/${identity.service.name}`,
  }))
  return {
    system: 'directory',
    instance: 'azure-exports',
    label: 'azure-exports',
    documents: [
      { in: tree, path: 'sp-list.json', text: JSON.stringify(principals, null, 1) },
      { in: tree, path: 'role-assignment-list.json', text: JSON.stringify(assignments, null, 1) },
    ],
    observations: [],
  }
}

function subscriptionOf(environment: Environment): string {
  return `aaaaaaaa-0000-4000-8000-${ACCOUNTS[environment]}`
}
