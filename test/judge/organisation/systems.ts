import { ROLE_COMMENT } from '../../../src/connectors/postgres/discover-roles.ts'
import { discoverUsers } from '../../../src/connectors/redis/discover.ts'
import { factsOf, type Observation } from '../../../src/core/contract/observation.ts'
import { ownersInText } from '../../../src/core/contract/owner-text.ts'
import type { Ref } from '../../../src/core/contract/ref.ts'
import { Draws } from './draws.ts'
import { tagsWritten } from './clouds.ts'
import { daysAgo, type Identity, repositoryId } from './identities.ts'
import type { Staff } from './people.ts'
import { ENVIRONMENTS, type Environment, ownerWritten, type Service } from './services.ts'
import type { OrganisationSource } from './source.ts'

/** Three clusters, as their API shows them: service accounts, what runs as them, and who administers the cluster. */
export function clusterSources(
  staff: Staff,
  services: readonly Service[],
  identities: readonly Identity[],
  seed: string,
): OrganisationSource[] {
  const random = new Draws(`${seed}/clusters`)
  return ENVIRONMENTS.map(environment => {
    const instance = `cluster-${environment}`
    const own = identities.filter(one => one.system === 'kubernetes' && one.environment === environment)
    const byNamespace = Map.groupBy(own, ({ service }) => service.namespace)
    const bindings: object[] = []
    const documents = [...byNamespace].map(([namespace, accounts]) => {
      const items: object[] = [
        {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: {
            name: namespace,
            uid: `ns-${environment}-${namespace}`,
            ...(random.chance(30) && {
              labels: { team: ownerWritten(random, staff, accounts[0]!.service, services) },
            }),
          },
        },
      ]
      for (const identity of accounts) {
        const tags = tagsWritten(random, staff, identity, services)
        const labelled = random.chance(50)
        items.push({
          apiVersion: 'v1',
          kind: 'ServiceAccount',
          metadata: {
            name: identity.name,
            namespace,
            uid: identity.ref.id,
            [labelled ? 'labels' : 'annotations']: Object.fromEntries(
              Object.entries(tags).map(([key, value]) => [
                key === 'service' || key === 'app' ? 'app.kubernetes.io/name' : key,
                labelled ? value.replace(/[^\w.-]/g, '_') : value,
              ]),
            ),
          },
        })
        const runs = identity.wrong.has('used by several workloads')
          ? [identity.service, ...[1, 2].map(() => random.pick(services))]
          : [identity.service]
        for (const [index, service] of runs.entries())
          items.push(deployment(identity, service.name, `${identity.name}-${index}`, namespace))
        if (identity.wrong.has('administrator'))
          bindings.push({
            apiVersion: 'rbac.authorization.k8s.io/v1',
            kind: 'ClusterRoleBinding',
            metadata: { name: `admin-${identity.name}`, uid: `crb-${identity.ref.id}` },
            roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
            subjects: [{ kind: 'ServiceAccount', name: identity.name, namespace }],
          })
      }
      return { path: `namespaces/${namespace}.json`, items }
    })
    documents.push({ path: 'cluster.json', items: bindings })
    const container: Ref = { system: 'kubernetes', instance, kind: 'instance', id: instance }
    return {
      system: 'kubernetes',
      instance,
      label: instance,
      documents: documents.map(({ path, items }) => ({
        in: container,
        path,
        text: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
        format: 'kubernetes',
      })),
      observations: [],
    }
  })
}

function deployment(identity: Identity, service: string, name: string, namespace: string): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace,
      uid: `deploy-${identity.ref.id}-${name}`,
      labels: { 'app.kubernetes.io/name': service },
    },
    spec: {
      template: {
        spec: {
          serviceAccountName: identity.name,
          containers: [{ name: 'main', image: `registry.acme.example/${service}@sha256:${'a'.repeat(64)}` }],
        },
      },
    },
  }
}

export function endpointOf(environment: Environment): string {
  return `db.${environment}.acme.internal:5432`
}

/** Three PostgreSQL servers. Whose a role is stands in its comment, where somebody wrote one. */
export function postgresSources(
  staff: Staff,
  services: readonly Service[],
  identities: readonly Identity[],
  seed: string,
): OrganisationSource[] {
  const random = new Draws(`${seed}/postgres`)
  return ENVIRONMENTS.map(environment => {
    const instance = `71000000${environment}`
    const own = identities.filter(one => one.system === 'postgres' && one.environment === environment)
    const itself: Ref = { system: 'postgres', instance, kind: 'instance', id: instance }
    const observations: Observation[] = [
      {
        see: 'resource',
        ref: itself,
        names: [endpointOf(environment)],
        facts: { version: { value: 170_002 } },
      },
    ]
    for (const { ref, name, wrong, service, person, class: made } of own) {
      const owner = person
        ? random.pick([person.login, person.mails[0]!])
        : made === 'break-glass'
          ? 'security'
          : ownerWritten(random, staff, service, services)
      const comment = random.chance(38)
        ? random.pick([`owner: ${owner}`, `${service.name}; owner: ${owner}`, `Owner: ${owner}, see runbook`])
        : random.chance(30)
          ? `for ${service.name}`
          : null
      const superuser = wrong.has('administrator')
      const passwordKind = wrong.has('weak password hash') ? 'md5' : 'scram-sha-256'
      observations.push({
        see: 'identity',
        ref,
        names: [name],
        facts: factsOf({
          superuser,
          inherit: true,
          createRole: false,
          createDb: false,
          canLogin: true,
          replication: false,
          bypassRls: false,
          connectionLimit: -1,
          validUntil: null,
          passwordKind,
          comment,
          builtIn: false,
          issuedByFirebreak: false,
        }),
      })
      observations.push(...ownersInText(ref, comment, ROLE_COMMENT))
      observations.push({
        see: 'credential',
        ref: { ...ref, kind: 'password', identity: ref },
        facts: factsOf({ kind: passwordKind, validUntil: null }),
      })
      if (superuser)
        observations.push({
          see: 'edge',
          from: ref,
          to: itself,
          crossing: 'superuser',
          certainty: 'proven',
          why: `${name} is a superuser: no right is checked for it.`,
        })
    }
    return { system: 'postgres', instance, label: endpointOf(environment), documents: [], observations }
  })
}

/** Three Redis servers, told by the connector's own code. Nothing in one says whose a user is. */
export function redisSources(identities: readonly Identity[]): OrganisationSource[] {
  return ENVIRONMENTS.map(environment => {
    const instance = `redis-${environment}`
    const users = identities
      .filter(one => one.system === 'redis' && one.environment === environment)
      .map(({ name, wrong, ref }) => ({
        name,
        on: true,
        nopass: wrong.has('no password needed'),
        digests: wrong.has('no password needed') ? [] : [ref.id.padEnd(64, 'd')],
        rules: wrong.has('administrator') ? ['~*', '&*', '+@all'] : [`~${name}:*`, '-@all', '+get', '+set'],
      }))
    const itself: Ref = { system: 'redis', instance, kind: 'instance', id: instance }
    const observations: Observation[] = [
      { see: 'resource', ref: itself, names: [`cache.${environment}.acme.example:6379`], facts: {} },
      ...discoverUsers(instance, users, [{ number: '0', keys: 10 }]),
    ]
    return { system: 'redis', instance, label: instance, documents: [], observations }
  })
}

const ORGANISATION: Ref = { system: 'github', instance: 'github.com', kind: 'owner', id: '77' }

/** An organisation at GitHub: people, teams, repositories, apps and deploy keys. */
export function githubSource(
  staff: Staff,
  services: readonly Service[],
  identities: readonly Identity[],
  seed: string,
): OrganisationSource {
  const random = new Draws(`${seed}/github`)
  const refIn = (kind: string, id: string): Ref => ({ ...ORGANISATION, kind, id })
  const observations: Observation[] = [
    { see: 'resource', ref: ORGANISATION, names: ['acme'], facts: factsOf({ organization: true }) },
  ]
  const users = new Map(staff.people.map((person, index) => [person.id, refIn('user', String(2000 + index))]))
  for (const person of staff.people) {
    // Who left is taken out of the organisation sooner or later.
    if (person.leftAt !== undefined && random.chance(70)) continue
    observations.push({
      see: 'identity',
      ref: users.get(person.id)!,
      names: [person.login],
      facts: factsOf({ login: person.login, type: 'User' }),
    })
  }
  for (const [index, team] of staff.teams.filter(({ dissolved }) => !dissolved).entries()) {
    const ref = refIn('team', String(300 + index))
    observations.push({
      see: 'identity',
      ref,
      names: [`acme/${team.slug}`],
      facts: factsOf({ privacy: 'closed' }),
    })
    for (const person of staff.members(team.slug))
      observations.push({
        see: 'edge',
        from: users.get(person.id)!,
        to: ref,
        crossing: 'member-of',
        certainty: 'proven',
        why: `${person.login} is in the team ${team.slug}`,
      })
  }
  for (const repository of new Set(services.map(one => one.repository))) {
    const ref = refIn('repository', repositoryId(repository))
    observations.push({
      see: 'resource',
      ref,
      names: [`acme/${repository}`, `https://github.com/acme/${repository}`],
      facts: factsOf({ visibility: 'private', defaultBranch: 'main', archived: false, fork: false }),
    })
  }
  for (const identity of identities.filter(({ system }) => system === 'github')) {
    const { ref, name, wrong, service } = identity
    if (ref.kind === 'app-installation') {
      const everything = wrong.has('third party with everything')
      observations.push({
        see: 'identity',
        ref,
        names: [name, `${name}[bot]`],
        facts: factsOf({
          appId: Number(ref.id) + 100_000,
          permissions: everything
            ? { contents: 'write', administration: 'write', secrets: 'write', workflows: 'write' }
            : { contents: 'read', metadata: 'read' },
          events: [],
          repositories: everything ? 'all' : 'selected',
          created: daysAgo(100 + random.below(900)),
          suspended: false,
        }),
      })
      continue
    }
    const adder = random.chance(85) ? service.lead : random.pick(staff.people)
    const age = wrong.has('old key') ? 400 + random.below(900) : 230 + random.below(100)
    const addedBy = random.chance(80) ? (identity.person ?? adder).login : undefined
    if (addedBy !== undefined)
      observations.push({
        see: 'owner',
        of: ref,
        owner: addedBy,
        source: 'who added the deploy key',
        weight: 0.35,
      })
    observations.push(
      {
        see: 'identity',
        ref,
        names: [`acme/${service.repository} ${name}`],
        facts: factsOf({ title: name, readOnly: true }),
      },
      {
        see: 'credential',
        ref: { ...ref, kind: 'ssh-key', identity: ref },
        facts: factsOf({
          sshFingerprint: ref.id.slice(ref.id.indexOf('SHA256:')),
          keyType: 'ssh-ed25519',
          created: daysAgo(age),
          lastUsed: daysAgo(wrong.has('unused') ? 210 : random.below(40)),
          ...(addedBy !== undefined && { addedBy }),
        }),
      },
      {
        see: 'edge',
        from: ref,
        to: refIn('repository', repositoryId(service.repository)),
        crossing: 'may-read',
        certainty: 'proven',
        why: `the deploy key “${name}” may read it`,
      },
    )
  }
  return { system: 'github', instance: 'github.com', label: 'acme', documents: [], observations }
}

/** A group at GitLab, where a part of the repositories is mirrored: access tokens with their bot users. */
export function gitlabSource(identities: readonly Identity[], seed: string): OrganisationSource {
  const random = new Draws(`${seed}/gitlab`)
  const refIn = (kind: string, id: string): Ref => ({
    system: 'gitlab',
    instance: 'gitlab.acme.example',
    kind,
    id,
  })
  const group = refIn('group', '7')
  const observations: Observation[] = [{ see: 'resource', ref: group, names: ['acme'], facts: {} }]
  for (const { ref, name, wrong, service } of identities.filter(({ system }) => system === 'gitlab')) {
    const project = refIn('project', repositoryId(service.repository))
    const url = `https://gitlab.acme.example/acme/${service.repository}`
    observations.push(
      {
        see: 'resource',
        ref: project,
        names: [`acme/${service.repository}`, url],
        facts: factsOf({ visibility: 'private' }),
      },
      {
        see: 'identity',
        ref,
        names: [`acme/${service.repository} ${name}`],
        facts: factsOf({ type: 'bot' }),
      },
      {
        see: 'credential',
        ref: { ...refIn('access-token', `${project.id}/tokens/${ref.id}`), identity: ref },
        facts: factsOf({
          name,
          scopes: ['read_repository', 'read_registry'],
          accessLevel: 20,
          created: daysAgo(30 + random.below(300)),
          expires: wrong.has('never expires') ? 'never' : daysAgo(-(5 + random.below(80))).slice(0, 10),
          lastUsed: daysAgo(wrong.has('unused') ? 220 : random.below(40)),
        }),
      },
      {
        see: 'edge',
        from: ref,
        to: project,
        crossing: 'may-read',
        certainty: 'proven',
        why: `the token ${name} may read it`,
      },
    )
  }
  return { system: 'gitlab', instance: 'gitlab.acme.example', label: 'acme', documents: [], observations }
}
