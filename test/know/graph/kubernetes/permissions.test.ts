import { describe, expect, test } from 'vitest'
import { loadCrossingRules } from '../../../../src/know/graph/crossing-rules.ts'
import { joinedHops } from '../../../../src/know/graph/joined/joined-hops.ts'
import { kubernetesPermissions } from '../../../../src/know/graph/kubernetes/permissions.ts'
import { questionOf } from '../../../../src/know/graph/kubernetes/question.ts'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { loadRoots } from '../../../../src/know/inventory/roots.ts'
import { kubernetesReader } from '../../../../src/know/readers/kubernetes/kubernetes.ts'
import { openEstate, tree } from '../../estate.ts'

const root = new URL('../../../../', import.meta.url).pathname
const { joined } = await loadCrossingRules(`${root}rules`)

/** An estate that knows what the manifests say; entities by what they are called. */
async function estateOf(manifests: string) {
  const estate = await openEstate()
  const found: Finding[] = []
  const bytes = (async function* () {
    yield Buffer.from(manifests)
  })()
  for await (const one of kubernetesReader.read({ id: 'd', in: tree, path: 'a.yaml' }, bytes)) {
    expect(one.see, JSON.stringify(one)).not.toBe('covered')
    found.push(one as Finding)
  }
  await estate.fold(await estate.source(), found)
  const rows = await estate.db.selectFrom('entity').select(['id', 'native']).execute()
  const called = new Map(rows.map(({ id, native }) => [id, native.replace(/^\?/, '')]))
  return { ...estate, roots: await loadRoots(estate.db), called: (id: string) => called.get(id) ?? id }
}

/** Who may do it to what, as `who → what`. */
async function allowed(manifests: string, action: string): Promise<string[]> {
  const { db, roots, called } = await estateOf(manifests)
  const permitted = await kubernetesPermissions.allowed(db, roots, new Set([action]))
  return permitted
    .map(
      ({ from, to, certainty }) =>
        `${called(from)} → ${called(to)}${certainty === 'proven' ? '' : ` (${certainty})`}`,
    )
    .sort()
}

/** What the rules give, as `who → what: rule`. */
async function crossings(manifests: string): Promise<string[]> {
  const { db, roots, called } = await estateOf(manifests)
  const hops = await joinedHops(db, roots, joined, [])
  return hops
    .map(({ from, to, crossing, certainty }) => `${called(from)} → ${called(to)}: ${crossing}, ${certainty}`)
    .sort()
}

const account = (name: string, namespace = 'shop') =>
  `apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: ${name}, namespace: ${namespace} }\n---\n`
const secret = (name: string, namespace = 'shop') =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name}, namespace: ${namespace} }\n---\n`
const role = (name: string, rules: string, more = '', kind = 'Role') =>
  `apiVersion: rbac.authorization.k8s.io/v1\nkind: ${kind}\nmetadata: { name: ${name}${kind === 'Role' ? ', namespace: shop' : ''}${more} }\nrules: [${rules}]\n---\n`
const clusterRole = (name: string, rules: string, more = '') => role(name, rules, more, 'ClusterRole')
const bind = (name: string, subject: string, namespace?: string, kind = 'ClusterRole') =>
  `apiVersion: rbac.authorization.k8s.io/v1\nkind: ${namespace ? 'RoleBinding' : 'ClusterRoleBinding'}\nmetadata: { name: b-${name}${namespace ? `, namespace: ${namespace}` : ''} }\nroleRef: { kind: ${kind}, name: ${name} }\nsubjects: [${subject}]\n---\n`
const CI = '{ kind: ServiceAccount, name: ci, namespace: tools }'
const may = (verbs: string, resources: string, more = '') =>
  `{ apiGroups: [""], resources: [${resources}], verbs: [${verbs}]${more} }`
const READ = may('get, list', 'secrets')

const THINGS =
  account('ci', 'tools') + account('api') + secret('db') + secret('tls') + secret('other', 'tools')

describe('who may do what', () => {
  test('a role holds in its namespace, a cluster role bound there too, one that is bound everywhere everywhere', async () => {
    const here = ['tools/serviceaccount/ci → shop/secret/db', 'tools/serviceaccount/ci → shop/secret/tls']
    expect(await allowed(THINGS + role('r', READ) + bind('r', CI, 'shop', 'Role'), 'get secrets')).toEqual(
      here,
    )
    expect(await allowed(THINGS + clusterRole('r', READ) + bind('r', CI, 'shop'), 'get secrets')).toEqual(
      here,
    )
    expect(await allowed(THINGS + clusterRole('r', READ) + bind('r', CI), 'get secrets')).toEqual([
      ...here,
      'tools/serviceaccount/ci → tools/secret/other',
    ])
    // A role of another namespace is none, and so is one of a name that only a cluster role has.
    expect(await allowed(THINGS + role('r', READ) + bind('r', CI, 'tools', 'Role'), 'get secrets')).toEqual(
      [],
    )
    expect(
      await allowed(THINGS + clusterRole('r', READ) + bind('r', CI, 'shop', 'Role'), 'get secrets'),
    ).toEqual([])
    expect(await allowed(THINGS + clusterRole('r', READ), 'get secrets')).toEqual([])
  })

  test.each([
    ['the verb', may('watch', 'secrets'), false],
    ['the resource', may('get', 'configmaps'), false],
    ['the group', '{ apiGroups: [apps], resources: [secrets], verbs: [get] }', false],
    ['paths of the server are no resources', '{ nonResourceURLs: ["*"], verbs: ["*"] }', false],
    ['any verb', may('"*"', 'secrets'), true],
    ['any resource', may('get', '"*"'), true],
    ['any group', '{ apiGroups: ["*"], resources: [secrets], verbs: [get] }', true],
    ['of several rules any', `${may('get', 'pods')}, ${READ}`, true],
  ])('rules: %s', async (_, rules, expected) => {
    const found = await allowed(THINGS + role('r', rules) + bind('r', CI, 'shop', 'Role'), 'get secrets')
    expect(found.length > 0).toBe(expected)
  })

  test('names limit what is there, and let nothing be made', async () => {
    const named = may('get, create', 'secrets', ', resourceNames: [db]')
    const manifests = THINGS + role('r', named) + bind('r', CI, 'shop', 'Role')
    expect(await allowed(manifests, 'get secrets')).toEqual(['tools/serviceaccount/ci → shop/secret/db'])
    expect(await allowed(manifests, 'create secrets beside service-account')).toEqual([])
    const patch = may('patch', 'secrets', ', resourceNames: [db]')
    const patching = THINGS + role('r', patch) + bind('r', CI, 'shop', 'Role')
    expect(await allowed(patching, 'patch secrets beside service-account')).toHaveLength(1)
  })

  test.each([
    ['pods/exec', true],
    ['"*/exec"', true],
    ['"*"', true],
    ['pods', false],
    ['"pods/*"', false],
  ])('what belongs to a resource is asked for by itself: %s', async (resources, expected) => {
    const pod =
      'apiVersion: v1\nkind: Pod\nmetadata: { name: p, namespace: shop }\nspec: { containers: [] }\n---\n'
    const manifests = pod + THINGS + role('r', may('create', resources)) + bind('r', CI, 'shop', 'Role')
    const found = await allowed(manifests, 'create pods/exec beside workload')
    expect(found).toEqual(expected ? ['tools/serviceaccount/ci → shop/pod/p'] : [])
  })

  test.each([
    [
      'system:serviceaccounts',
      ['shop/serviceaccount/api', 'system:serviceaccounts', 'tools/serviceaccount/ci'],
    ],
    ['system:serviceaccounts:tools', ['system:serviceaccounts:tools', 'tools/serviceaccount/ci']],
    ['system:authenticated', ['shop/serviceaccount/api', 'system:authenticated', 'tools/serviceaccount/ci']],
    ['devs', ['devs']],
  ])('a group is whoever is in it: %s', async (group, holders) => {
    const manifests =
      THINGS + role('r', READ) + bind('r', `{ kind: Group, name: "${group}" }`, 'shop', 'Role')
    const found = await allowed(manifests, 'get secrets')
    expect([...new Set(found.map(line => line.split(' → ')[0]))]).toEqual(holders)
  })

  test('a cluster role collects the rules of those that its labels select', async () => {
    const collecting = (selector: string) =>
      clusterRole('all', '').replace('rules: []', `aggregationRule: { clusterRoleSelectors: [${selector}] }`)
    const parts = clusterRole('part', READ, ', labels: { to: all }')
    for (const [selector, count] of [
      ['{ matchLabels: { to: all } }', 2],
      ['{ matchLabels: { to: none } }', 0],
      ['{ matchExpressions: [{ key: to, operator: In, values: [all] }] }', 2],
      ['{ matchExpressions: [{ key: to, operator: NotIn, values: [all] }] }', 0],
      ['{ matchExpressions: [{ key: to, operator: Exists }] }', 2],
      ['{ matchExpressions: [{ key: to, operator: DoesNotExist }] }', 0],
    ] as const) {
      const manifests = THINGS + parts + collecting(selector) + bind('all', CI, 'shop')
      expect(await allowed(manifests, 'get secrets'), selector).toHaveLength(count)
    }
  })

  test('the roles of every cluster need no manifest, and whether they were changed is not known', async () => {
    expect(await allowed(THINGS + bind('edit', CI, 'shop'), 'get secrets')).toEqual([
      'tools/serviceaccount/ci → shop/secret/db (conditional)',
      'tools/serviceaccount/ci → shop/secret/tls (conditional)',
    ])
    expect(await allowed(THINGS + bind('view', CI), 'get secrets')).toEqual([])
    expect(await allowed(THINGS + bind('cluster-admin', CI), '* *.* in cluster')).toEqual([
      'tools/serviceaccount/ci → cluster',
    ])
  })

  test('what is no question is a mistake in a rule', () => {
    expect(() => questionOf('create pods')).toThrow('no question')
    expect(() => questionOf('anything')).toThrow('no question')
  })
})

describe('what follows, each with all that it takes and without each part', () => {
  const pod = (spec: string, kind = 'Pod') =>
    kind === 'Pod'
      ? `apiVersion: v1\nkind: Pod\nmetadata: { name: p, namespace: shop }\nspec: { serviceAccountName: api, ${spec} }\n---\n`
      : `apiVersion: apps/v1\nkind: ${kind}\nmetadata: { name: p, namespace: shop }\nspec: { template: { spec: { serviceAccountName: api, ${spec} } } }\n---\n`
  const rbac = (verbs: string, resources: string, more = '') =>
    `{ apiGroups: [rbac.authorization.k8s.io], resources: [${resources}], verbs: [${verbs}]${more} }`
  const inShop = (rules: string) => THINGS + role('r', rules) + bind('r', CI, 'shop', 'Role')
  const everywhere = (rules: string) => THINGS + clusterRole('r', rules) + bind('r', CI)
  const ci = (crossing: string, to: string, certainty = 'proven') =>
    `tools/serviceaccount/ci → ${to}: kubernetes-${crossing}, ${certainty}`

  test.each([
    [
      'create-pods-account',
      'shop/serviceaccount/api',
      inShop(may('create', 'pods')),
      inShop(may('get', 'pods')),
    ],
    ['create-pods-secret', 'shop/secret/db', inShop(may('create', 'pods')), inShop(may('delete', 'pods'))],
    [
      'create-controllers-account',
      'shop/serviceaccount/api',
      inShop('{ apiGroups: [apps], resources: [deployments], resourceNames: [x], verbs: [patch] }'),
      inShop('{ apiGroups: [apps], resources: [deployments/scale], verbs: [patch] }'),
    ],
    [
      'exec',
      'shop/pod/p',
      pod('') + inShop(may('get', 'pods/exec')),
      pod('') + inShop(may('create', 'pods/portforward')),
    ],
    [
      'ephemeral-containers',
      'shop/pod/p',
      pod('') + inShop(may('patch', 'pods/ephemeralcontainers')),
      pod('') + inShop(may('patch', 'pods')),
    ],
    ['read-secrets', 'shop/secret/db', inShop(may('watch', 'secrets')), inShop(may('create', 'secrets'))],
    [
      'make-token-secret',
      'shop/serviceaccount/api',
      inShop(may('create, get', 'secrets')),
      inShop(may('create', 'secrets')),
    ],
    [
      'token-request',
      'shop/serviceaccount/api',
      inShop(may('create', 'serviceaccounts/token')),
      inShop(may('create', 'serviceaccounts')),
    ],
    [
      'bind-everywhere',
      'cluster',
      everywhere(`${rbac('bind', 'clusterroles')}, ${rbac('create', 'clusterrolebindings')}`),
      everywhere(rbac('create', 'clusterrolebindings')),
    ],
    [
      'bind-everywhere',
      'cluster',
      everywhere(
        `${rbac('bind', 'clusterroles', ', resourceNames: [cluster-admin]')}, ${rbac('patch', 'clusterrolebindings')}`,
      ),
      everywhere(
        `${rbac('bind', 'clusterroles', ', resourceNames: [view]')}, ${rbac('patch', 'clusterrolebindings')}`,
      ),
    ],
    [
      'bind-in-namespace',
      'namespace/shop',
      inShop(`${rbac('bind', 'roles')}, ${rbac('create', 'rolebindings')}`),
      inShop(rbac('bind', 'roles')),
    ],
    [
      'escalate-cluster-role',
      'cluster',
      everywhere(rbac('escalate, update', 'clusterroles')),
      everywhere(rbac('update', 'clusterroles')),
    ],
    [
      'escalate-role',
      'namespace/shop',
      inShop(rbac('escalate, patch', 'roles', ', resourceNames: [r]')),
      inShop(rbac('escalate, patch', 'roles', ', resourceNames: [another]')),
    ],
    [
      'impersonate-account',
      'shop/serviceaccount/api',
      inShop(may('impersonate', 'serviceaccounts')),
      inShop(may('impersonate', 'users')),
    ],
    [
      'impersonate-user',
      'eve',
      bind('x', '{ kind: User, name: eve }') +
        everywhere(may('impersonate', 'users', ', resourceNames: [eve]')),
      bind('x', '{ kind: User, name: eve }') +
        everywhere(may('impersonate', 'users', ', resourceNames: [bob]')),
    ],
    [
      'impersonate-group',
      'devs',
      bind('x', '{ kind: Group, name: devs }') + everywhere(may('impersonate', 'users, groups')),
      bind('x', '{ kind: Group, name: devs }') + everywhere(may('impersonate', 'groups')),
    ],
    [
      'impersonate-masters',
      'cluster',
      everywhere(
        `${may('impersonate', 'users')}, ${may('impersonate', 'groups', ', resourceNames: ["system:masters"]')}`,
      ),
      everywhere(
        `${may('impersonate', 'users')}, ${may('impersonate', 'groups', ', resourceNames: [devs]')}`,
      ),
    ],
    [
      'node-proxy',
      'shop/pod/p',
      pod('') + everywhere(may('get', 'nodes/proxy')),
      pod('') + inShop(may('get', 'nodes/proxy')),
    ],
    [
      'mutating-webhook',
      'cluster',
      everywhere('{ apiGroups: [admissionregistration.k8s.io], resources: ["*"], verbs: [create] }'),
      inShop('{ apiGroups: [admissionregistration.k8s.io], resources: ["*"], verbs: [create] }'),
      'conditional',
    ],
    [
      'approve-csr',
      'cluster',
      everywhere('{ apiGroups: [certificates.k8s.io], resources: ["*"], verbs: [create, update, approve] }'),
      everywhere('{ apiGroups: [certificates.k8s.io], resources: ["*"], verbs: [create, update] }'),
      'conditional',
    ],
    [
      'persistent-volume',
      'nodes',
      everywhere(may('create', 'persistentvolumes, persistentvolumeclaims, pods')),
      everywhere(may('create', 'persistentvolumes, persistentvolumeclaims')),
    ],
    [
      'create-pods-node',
      'nodes',
      inShop(may('create', 'pods')),
      `apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { pod-security.kubernetes.io/enforce: baseline } }\n---\n${inShop(may('create', 'pods'))}`,
      'conditional',
    ],
    [
      'create-controllers-account',
      'shop/serviceaccount/api',
      inShop('{ apiGroups: [batch], resources: [cronjobs], verbs: [update] }'),
      inShop('{ apiGroups: [batch], resources: [cronjobs/status], verbs: [update] }'),
    ],
    [
      'create-controllers-secret',
      'shop/secret/db',
      inShop('{ apiGroups: [apps], resources: [statefulsets], verbs: [create] }'),
      inShop('{ apiGroups: [batch], resources: [statefulsets], verbs: [create] }'),
    ],
    [
      'create-controllers-account',
      'shop/serviceaccount/api',
      inShop(may('create', 'replicationcontrollers')),
      inShop(may('create', 'podtemplates')),
    ],
    [
      'exec',
      'shop/pod/p',
      pod('') + inShop(may('create', 'pods/attach')),
      pod('') + inShop(may('create', 'pods/log')),
    ],
    [
      'token-request',
      'shop/serviceaccount/api',
      inShop(may('create', 'serviceaccounts/token', ', resourceNames: [api]')),
      inShop(may('create', 'serviceaccounts/token', ', resourceNames: [other]')),
    ],
    [
      'read-secrets',
      'shop/secret/db',
      inShop(may('list', 'secrets')),
      THINGS + clusterRole('r', may('list', 'secrets')) + bind('r', CI, 'tools'),
    ],
    [
      'bind-in-namespace',
      'namespace/shop',
      inShop(`${rbac('bind', 'clusterroles')}, ${rbac('patch', 'rolebindings')}`),
      inShop(`${rbac('bind', 'clusterroles', ', resourceNames: [view]')}, ${rbac('patch', 'rolebindings')}`),
    ],
    [
      'impersonate-account',
      'shop/serviceaccount/api',
      everywhere(may('impersonate', 'serviceaccounts', ', resourceNames: [api]')),
      everywhere(may('impersonate', 'serviceaccounts', ', resourceNames: [ci]')),
    ],
    [
      'escalate-cluster-role',
      'cluster',
      everywhere('{ apiGroups: ["*"], resources: ["*"], verbs: [escalate, patch] }'),
      everywhere('{ apiGroups: [""], resources: ["*"], verbs: [escalate, patch] }'),
    ],
    ['cluster-admin', 'cluster', THINGS + bind('cluster-admin', CI), THINGS + bind('admin', CI)],
    [
      'namespace-admin',
      'namespace/shop',
      THINGS + bind('cluster-admin', CI, 'shop'),
      THINGS + bind('admin', CI, 'shop'),
    ],
  ])('%s of %s', async (crossing, to, holds, lacks, certainty = 'proven') => {
    const expected = ci(crossing, to, certainty)
    expect(await crossings(holds)).toContain(expected)
    expect((await crossings(lacks)).filter(line => line.startsWith(ci(crossing, to).split(',')[0]!))).toEqual(
      [],
    )
  })

  test('who has the cluster has all that is in it; who has a namespace, what is in that', async () => {
    const all = await crossings(pod('') + THINGS + bind('cluster-admin', CI, 'shop'))
    expect(all.filter(line => line.startsWith('cluster →')).map(line => line.split(': ')[0])).toEqual([
      'cluster → nodes',
      'cluster → shop/pod/p',
      'cluster → shop/secret/db',
      'cluster → shop/secret/tls',
      'cluster → shop/serviceaccount/api',
      'cluster → tools/secret/other',
      'cluster → tools/serviceaccount/ci',
    ])
    expect(all.filter(line => line.startsWith('namespace/shop →')).map(line => line.split(': ')[0])).toEqual([
      'namespace/shop → shop/pod/p',
      'namespace/shop → shop/secret/db',
      'namespace/shop → shop/secret/tls',
      'namespace/shop → shop/serviceaccount/api',
    ])
  })

  test.each([
    ['escape-privileged', 'containers: [{ securityContext: { privileged: true } }]', 'proven'],
    ['escape-host-path', 'volumes: [{ hostPath: { path: / } }]', 'proven'],
    ['escape-host-processes', 'hostPID: true', 'conditional'],
    [
      'escape-capability',
      'containers: [{ securityContext: { capabilities: { add: [SYS_ADMIN] } } }]',
      'conditional',
    ],
  ])('out of a pod: %s', async (crossing, spec, certainty) => {
    const expected = `shop/pod/p → nodes: kubernetes-${crossing}, ${certainty}`
    expect(await crossings(pod(spec))).toContain(expected)
    expect(await crossings(pod('hostNetwork: true'))).not.toContain(expected)
  })

  test('root of a node is in what runs there, surely in what runs on every node', async () => {
    const ofNode = async (kind: string) =>
      (await crossings(pod('', kind))).filter(line => line.startsWith('nodes →'))
    expect(await ofNode('DaemonSet')).toEqual(['nodes → shop/daemonset/p: kubernetes-node-every, proven'])
    expect(await ofNode('Deployment')).toEqual([
      'nodes → shop/deployment/p: kubernetes-node-some, conditional',
    ])
  })

  test('aws-auth: who may change it, and whom the metadata service gives the nodes’ role', async () => {
    const map = `apiVersion: v1
kind: ConfigMap
metadata: { name: aws-auth, namespace: kube-system }
data: { mapRoles: "- { rolearn: arn:aws:iam::111122223333:role/n, username: x, groups: [system:nodes] }" }
---
`
    const change = (names: string) =>
      map + everywhere(may('patch', 'configmaps', `, resourceNames: [${names}]`))
    expect(await crossings(change('aws-auth'))).toContain(ci('aws-auth', 'cluster'))
    expect(await crossings(change('other'))).not.toContain(ci('aws-auth', 'cluster'))
    const role = 'arn:aws:iam::111122223333:role/n'
    expect(await crossings(map + pod('hostNetwork: true'))).toContain(
      `shop/pod/p → ${role}: kubernetes-metadata-host-network, proven`,
    )
    expect(await crossings(map + pod(''))).toContain(
      `shop/pod/p → ${role}: kubernetes-metadata-pod, potential`,
    )
    expect((await crossings(pod(''))).filter(line => line.includes('metadata'))).toEqual([])
  })
})
