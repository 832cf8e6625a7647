import { describe, expect, test } from 'vitest'
import type { Observation } from '../../../../src/core/contract/observation.ts'
import { formatRef, type Ref } from '../../../../src/core/contract/ref.ts'
import { kubernetesReader } from '../../../../src/know/readers/kubernetes/kubernetes.ts'
import { tree } from '../../estate.ts'

async function* chunks(text: string, size = 16_384): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(text: string, container: Ref = tree, size?: number): Promise<Observation[]> {
  const found: Observation[] = []
  const document = { id: 'd', in: container, path: 'k8s.yaml' }
  for await (const one of kubernetesReader.read(document, chunks(text, size))) found.push(one)
  return found
}

const reads = (path: string, text: string) => kubernetesReader.reads({ path }, Buffer.from(text))
const INSTANCE = `?${tree.system}:${tree.instance}`
const shop = (kind: string, called: string) => ({
  system: 'kubernetes',
  instance: INSTANCE,
  kind,
  id: `?${called}`,
})
const edges = (found: readonly Observation[]) =>
  found.flatMap(one =>
    one.see === 'edge' ? [`${one.from.id} ${one.crossing} ${one.to.id}, ${one.certainty}`] : [],
  )
const gaps = (found: readonly Observation[]) =>
  found.flatMap(one =>
    one.see === 'covered' ? [{ scope: one.scope, why: one.why, failed: one.failed === true }] : [],
  )
const facts = (found: readonly Observation[], id: string) =>
  Object.fromEntries(
    found.flatMap(one =>
      'facts' in one && 'ref' in one && one.ref.id === id
        ? Object.entries(one.facts ?? {}).map(([name, { value }]) => [name, value])
        : [],
    ),
  )
const policies = (found: readonly Observation[]) =>
  found.flatMap(one => (one.see === 'policy' ? [JSON.parse(one.text) as Record<string, unknown>] : []))

const ACCOUNT = `apiVersion: v1
kind: ServiceAccount
metadata:
  name: api
  namespace: shop
  annotations:
    eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/shop-api
    iam.gke.io/gcp-service-account: api@shop-prod.iam.gserviceaccount.com
    azure.workload.identity/client-id: 11111111-2222-3333-4444-555555555555
    azure.workload.identity/tenant-id: 99999999-2222-3333-4444-555555555555
`

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: { name: api, namespace: shop }
spec:
  template:
    spec:
      serviceAccountName: api
      imagePullSecrets: [{ name: registry }]
      hostNetwork: true
      containers:
        - name: api
          image: shop/api:1
          securityContext: { privileged: true, capabilities: { add: [SYS_ADMIN] } }
          env:
            - name: DB
              valueFrom: { secretKeyRef: { name: db, key: password } }
          envFrom:
            - secretRef: { name: settings }
      volumes:
        - name: a
          secret: { secretName: tls }
        - name: b
          projected:
            sources:
              - secret: { name: more }
              - serviceAccountToken: { path: t, audience: vault }
        - name: c
          hostPath: { path: /var/run/docker.sock }
`

describe('the reader of Kubernetes manifests', () => {
  test('takes what is one', () => {
    expect(reads('a.yaml', ACCOUNT)).toBe(true)
    expect(reads('a.json', '{"apiVersion":"v1","items":[{"kind":"Pod"}],"kind":"List"}')).toBe(true)
    expect(reads('chart/templates/a.yaml.tpl', '# x\n---\napiVersion: v1\nkind: Pod\n')).toBe(true)
    expect(reads('ci.yml', 'on: push\njobs:\n')).toBe(false)
    expect(reads('docs/a.md', ACCOUNT)).toBe(false)
  })

  test('tells of an account what it is called, and the cloud identities that it becomes', async () => {
    const found = await read(ACCOUNT)
    expect(found).toContainEqual({
      see: 'identity',
      ref: shop('service-account', 'shop/serviceaccount/api'),
      names: ['shop/serviceaccount/api', 'system:serviceaccount:shop:api'],
      facts: { namespace: { value: 'shop' }, line: { value: 2 } },
    })
    const to = found.flatMap(one => (one.see === 'edge' ? [formatRef(one.to)] : []))
    expect(to).toEqual([
      'aws:111122223333/role/?arn:aws:iam::111122223333:role/shop-api',
      'gcp:?shop-prod/service-account/?api@shop-prod.iam.gserviceaccount.com',
      'azure:?99999999-2222-3333-4444-555555555555/service-principal/?11111111-2222-3333-4444-555555555555',
    ])
    expect(
      edges(found).every(edge => edge.endsWith('federates-into ' + edge.split(' ')[2]! + ' conditional')),
    ).toBe(true)
  })

  test('tells of a workload whom it runs as, which Secrets it reads, and what it may do to its node', async () => {
    const found = await read(DEPLOYMENT)
    const id = '?shop/deployment/api'
    expect(edges(found)).toEqual([
      `${id} defined-in ${tree.id}, proven`,
      `${id} runs-as ?shop/serviceaccount/api, conditional`,
      `${id} reads-secret ?shop/secret/db, proven`,
      `${id} reads-secret ?shop/secret/settings, proven`,
      `${id} reads-secret ?shop/secret/tls, proven`,
      `${id} reads-secret ?shop/secret/more, proven`,
      `${id} pulls-images-with ?shop/secret/registry, potential`,
    ])
    expect(facts(found, id)).toMatchObject({
      privileged: true,
      hostNetwork: true,
      hostPid: false,
      hostPaths: ['/var/run/docker.sock'],
      mountsHost: true,
      addedCapabilities: ['SYS_ADMIN'],
      images: ['shop/api:1'],
      pullSecrets: ['registry'],
      tokenAudiences: ['vault'],
    })
    const why = found.find(one => one.see === 'edge' && one.to.id.endsWith('/db'))
    expect(why).toMatchObject({ why: 'password of db is in its environment (line 16)' })
  })

  test.each([
    ['the pod says so', 'automountServiceAccountToken: true', '', 'proven'],
    ['the account is silent', '', 'metadata: { name: api, namespace: shop }', 'proven'],
    ['the pod refuses', 'automountServiceAccountToken: false', '', undefined],
    [
      'the account refuses',
      '',
      'metadata: { name: api, namespace: shop }\nautomountServiceAccountToken: false',
      undefined,
    ],
    [
      'the pod outranks the account',
      'automountServiceAccountToken: true',
      'metadata: { name: api, namespace: shop }\nautomountServiceAccountToken: false',
      'proven',
    ],
  ])('whether the account’s token is mounted: %s', async (_, ofPod, ofAccount, certainty) => {
    const account = ofAccount && `---\napiVersion: v1\nkind: ServiceAccount\n${ofAccount}\n`
    const pod = `apiVersion: v1
kind: Pod
metadata: { name: p, namespace: shop }
spec: { serviceAccountName: api${ofPod && `, ${ofPod}`}, containers: [] }
`
    const found = edges(await read(pod + account)).filter(edge => edge.includes(' runs-as '))
    expect(found.map(edge => edge.split(', ')[1])).toEqual(certainty ? [certainty] : [])
  })

  test.each([
    ['containers: [{ securityContext: { privileged: true } }]', true],
    ['containers: [], initContainers: [{ securityContext: { privileged: "true" } }]', true],
    ['containers: [], ephemeralContainers: [{ securityContext: { privileged: true } }]', true],
    ['containers: [{ securityContext: { windowsOptions: { hostProcess: true } } }]', true],
    ['containers: [], securityContext: { windowsOptions: { hostProcess: true } }', true],
    ['containers: [{ securityContext: { privileged: false } }]', false],
  ])('whether it has its node: %s', async (spec, privileged) => {
    const found = await read(`apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec: { ${spec} }\n`)
    const pod = found.find(one => one.see === 'workload')
    expect(pod).toMatchObject({ facts: { privileged: { value: privileged } } })
  })

  test('whoever has no token of the account still becomes its cloud role', async () => {
    const found = await read(
      `${ACCOUNT}---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c, namespace: shop}
spec: {jobTemplate: {spec: {template: {spec: {serviceAccountName: api, automountServiceAccountToken: false}}}}}\n`,
    )
    expect(edges(found)).toContain(
      '?shop/cronjob/c federates-into ?arn:aws:iam::111122223333:role/shop-api, conditional',
    )
  })

  test('tells of roles and bindings as policies, whatever lists they stand in', async () => {
    const found = await read(`apiVersion: v1
kind: List
items:
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: { name: all, labels: { to: all } }
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: me } }] }
    rules:
      - { apiGroups: ["", apps], resources: [secrets], resourceNames: [db], verbs: [get] }
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata: { name: b, namespace: shop }
    roleRef: { kind: ClusterRole, name: all }
    subjects:
      - { kind: ServiceAccount, name: api }
      - { kind: User, name: "system:serviceaccount:other:ci" }
      - { kind: User, name: eve }
      - { kind: Group, name: devs }
`)
    expect(policies(found)).toEqual([
      {
        kind: 'clusterrole',
        name: 'all',
        namespace: null,
        labels: { to: 'all' },
        aggregates: [{ labels: { to: 'me' }, expressions: [] }],
        rules: [{ apiGroups: ['', 'apps'], resources: ['secrets'], resourceNames: ['db'], verbs: ['get'] }],
      },
      {
        kind: 'rolebinding',
        name: 'b',
        namespace: 'shop',
        role: { kind: 'clusterrole', name: 'all' },
        subjects: [
          { kind: 'serviceaccount', namespace: 'shop', name: 'api' },
          { kind: 'serviceaccount', namespace: 'other', name: 'ci' },
          { kind: 'user', namespace: null, name: 'eve' },
          { kind: 'group', namespace: null, name: 'devs' },
        ],
      },
    ])
    const identities = found.flatMap(one => (one.see === 'identity' ? [one.ref.id] : []))
    expect(identities).toEqual(['?shop/serviceaccount/api', '?other/serviceaccount/ci', '?eve', '?devs'])
  })

  test('whom aws-auth lets in, and which role the nodes have', async () => {
    const found = await read(`apiVersion: v1
kind: ConfigMap
metadata: { name: aws-auth, namespace: kube-system }
data:
  mapRoles: |
    - rolearn: arn:aws:iam::111122223333:role/nodes
      username: system:node:{{EC2PrivateDNSName}}
      groups: [system:bootstrappers, system:nodes]
  mapUsers: |
    - userarn: arn:aws:iam::111122223333:user/ops
      username: ops
      groups:
        - system:masters
`)
    const role = '?arn:aws:iam::111122223333:role/nodes'
    expect(edges(found)).toEqual([
      '?kube-system/configmap/aws-auth admits-to ?cluster, proven',
      `${role} mapped-by-aws-auth ?system:bootstrappers, proven`,
      `${role} mapped-by-aws-auth ?system:nodes, proven`,
      `?nodes has-instance-role ${role}, proven`,
      '?arn:aws:iam::111122223333:user/ops mapped-by-aws-auth ?ops, proven',
      '?arn:aws:iam::111122223333:user/ops mapped-by-aws-auth ?system:masters, proven',
    ])
    expect(gaps(found)).toEqual([])
  })

  test('what the API gives is known by its uid', async () => {
    const container = { system: 'kubernetes', instance: 'u-1', kind: 'instance', id: 'u-1' }
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [
        {
          apiVersion: 'v1',
          kind: 'ServiceAccount',
          metadata: { name: 'api', namespace: 'shop', uid: 'u-2' },
        },
        {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'p', namespace: 'shop', uid: 'u-3' },
          spec: { serviceAccountName: 'api', containers: [] },
        },
      ],
    }
    const found = await read(JSON.stringify(list), container)
    expect(edges(found)).toEqual(['u-3 runs-as u-2, proven'])
    expect(found).toContainEqual(
      expect.objectContaining({
        ref: { ...container, kind: 'cluster' },
        names: ['cluster', 'cluster of u-1'],
      }),
    )
  })
})

describe('manifests that are none, or too much', () => {
  test('anchors and aliases are followed; a bomb of them is told, and what stands beside it is read', async () => {
    const good = await read(`apiVersion: v1
kind: Pod
metadata: { name: a, namespace: shop }
spec: { containers: [{ name: a, env: &e [{ name: X, valueFrom: { secretKeyRef: { name: s, key: k } } }] }, { name: b, env: *e }] }
`)
    expect(edges(good).filter(edge => edge.includes('reads-secret'))).toHaveLength(2)
    const levels = Array.from({ length: 12 }, (_, level) =>
      level === 0
        ? 'a0: &a0 [x]'
        : `a${level}: &a${level} [${Array(9)
            .fill(`*a${level - 1}`)
            .join(', ')}]`,
    )
    const bomb = `apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n${levels.join('\n')}\n---\n${ACCOUNT}`
    const found = await read(bomb)
    expect(gaps(found)).toEqual([
      expect.objectContaining({ scope: 'kubernetes:k8s.yaml#line 1', failed: false }),
    ])
    expect(found.some(one => one.see === 'identity')).toBe(true)
  })

  test('a template that is not rendered is told, once, and is no failure', async () => {
    const found = await read(`{{- if .Values.rbac }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "x.name" . }}
{{- end }}
---
apiVersion: v1
kind: Secret
metadata: { name: "{{ .Release.Name }}-db" }
---
${ACCOUNT}`)
    expect(gaps(found)).toEqual([
      {
        scope: 'kubernetes:k8s.yaml#line 1',
        why: expect.stringMatching(/^a template that is not rendered.*; so in 1 more place\./),
        failed: false,
      },
    ])
    const named = found.flatMap(one => (one.see === 'identity' || one.see === 'resource' ? [one.ref.id] : []))
    expect(named.filter(id => id.includes('{'))).toEqual([])
    expect(named).toContain('?shop/serviceaccount/api')
  })

  test('a text of another program’s templates is no template', async () => {
    const found = await read(`${ACCOUNT}    note: "{{ $labels.pod }} is down"\n`)
    expect(gaps(found)).toEqual([])
  })

  test('what is no YAML is told with its line, and the documents beside it are read', async () => {
    const found = await read(`kind: Pod\napiVersion: v1\nmetadata: [\n---\n${ACCOUNT}`)
    expect(gaps(found)[0]).toMatchObject({ failed: false })
    expect(found.some(one => one.see === 'identity')).toBe(true)
  })

  test('JSON that is cut off is told', async () => {
    const long = `{"kind":"List","apiVersion":"v1","items":[${'{"kind":"Pod"},'.repeat(200_000)}`
    expect(gaps(await read(long))).toEqual([
      {
        scope: 'kubernetes:k8s.yaml',
        why: 'it looks like JSON of Kubernetes, and is no whole JSON',
        failed: false,
      },
    ])
  })

  test('a document longer than any is told, and the next one is read', async () => {
    const found = await read(
      `apiVersion: v1\nkind: Secret\nmetadata: {name: big}\ndata:\n  a: ${'A'.repeat(3 * 2 ** 20)}\n---\n${ACCOUNT}`,
    )
    expect(gaps(found)).toEqual([
      expect.objectContaining({ why: expect.stringContaining('more than 2 MiB'), failed: false }),
    ])
    expect(found.some(one => one.see === 'identity')).toBe(true)
  })

  test('50 MB of which little matters are read in pieces, and lines stay right', async () => {
    const filler = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: |\n${`    ${'some text of a configuration '.repeat(8)}\n`.repeat(500)}---\n`
    const times = Math.ceil((50 * 2 ** 20) / filler.length)
    async function* stream() {
      for (let time = 0; time < times; time++) yield Buffer.from(filler)
      yield Buffer.from(ACCOUNT)
    }
    const found: Observation[] = []
    const document = { id: 'd', in: tree, path: 'k8s.yaml' }
    for await (const one of kubernetesReader.read(document, stream())) found.push(one)
    const line = times * (filler.split('\n').length - 1) + 2
    expect(facts(found, '?shop/serviceaccount/api')).toEqual({ namespace: 'shop', line })
  })

  test('a long list comes in pieces, and each of its items once', async () => {
    const item = (name: string) =>
      `- apiVersion: v1\n  kind: ServiceAccount\n  metadata:\n    name: ${name}\n    namespace: shop\n    annotations:\n      note: ${'x'.repeat(20_000)}\n`
    const names = Array.from({ length: 200 }, (_, index) => `a${index}`)
    const list = `apiVersion: v1\nitems:\n${names.map(item).join('')}kind: List\nmetadata: {}\n`
    const found = await read(list, tree, 1000)
    expect(gaps(found)).toEqual([])
    const told = found.flatMap(one => (one.see === 'identity' ? [one.ref.id.split('/').at(-1)] : []))
    expect(told).toEqual(names)
  })
})

describe('what a Secret or a volume is made from', () => {
  const store = (provider: string, kind = 'SecretStore') => `apiVersion: external-secrets.io/v1
kind: ${kind}
metadata: { name: vault, namespace: shop }
spec: { provider: ${provider} }
---
`
  const external = (kind = 'SecretStore') => `apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: db, namespace: shop }
spec:
  secretStoreRef: { name: vault, kind: ${kind} }
  target: { name: database }
  data: [{ secretKey: url, remoteRef: { key: prod/db, property: url } }]
  dataFrom: [{ extract: { key: prod/all } }, { find: { name: { regexp: .* } } }]
`
  const hops = async (text: string) =>
    (await read(text)).flatMap(one =>
      one.see === 'edge' && one.crossing === 'synced-from'
        ? [`${one.from.id} ${formatRef(one.to)} ${one.certainty}`]
        : [],
    )

  test.each([
    ['{ aws: { service: SecretsManager } }', 'aws:?/secret/?'],
    ['{ aws: { service: ParameterStore } }', 'aws:?/parameter/?'],
    ['{ aws: { role: "arn:aws:iam::111122223333:role/reader" } }', 'aws:111122223333/secret/?'],
    ['{ gcpsm: { projectID: shop } }', 'gcp:?shop/secret/?'],
    ['{ azurekv: { vaultUrl: "https://shop.vault.azure.net" } }', 'azure:entra/key-vault-secret/?shop/'],
    ['{ vault: { server: "https://vault.example" } }', 'vault:?/secret/?'],
  ])('an ExternalSecret of a store %s', async (provider, where) => {
    for (const kind of ['SecretStore', 'ClusterSecretStore'])
      expect(await hops(store(provider, kind) + external(kind))).toEqual([
        `?shop/secret/database ${where}prod/db proven`,
        `?shop/secret/database ${where}prod/all proven`,
      ])
    // One of another name, or of another kind, is not meant.
    const other = await hops(store(provider).replace('name: vault', 'name: other') + external())
    expect(other).toHaveLength(10)
    expect(other.every(hop => hop.endsWith('conditional'))).toBe(true)
  })

  test('keys and certificates of a key vault are no secrets', async () => {
    const text = external().replace('prod/db', 'cert/tls').replace('prod/all', 'secret/all')
    expect(await hops(store('{ azurekv: { vaultUrl: "https://v" } }') + text)).toEqual([
      '?shop/secret/database azure:entra/key-vault-secret/?v/all proven',
    ])
  })

  test.each([
    ['aws', '- { objectName: prod/db, objectType: secretsmanager }', ['aws:?/secret/?prod/db']],
    [
      'aws',
      '- { objectName: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-a1", objectType: secretsmanager }',
      ['aws:111122223333/secret/?arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-a1'],
    ],
    ['aws', '- { objectName: /prod/db, objectType: ssmparameter }', ['aws:?/parameter/?/prod/db']],
    [
      'azure',
      'array: ["objectName: db\\nobjectType: secret", "objectName: k\\nobjectType: key"]',
      ['azure:?/key-vault-secret/?db'],
    ],
    ['gcp', '- { resourceName: projects/shop/secrets/db/versions/latest }', ['gcp:?shop/secret/?db']],
    ['vault', '- { objectName: url, secretPath: secret/data/db }', ['vault:?/secret/?secret/data/db']],
    ['other', '- { objectName: url }', []],
    ['aws', '[', []],
  ])('a SecretProviderClass of %s: %s', async (provider, objects, expected) => {
    const parameters = JSON.stringify(objects.replaceAll('\\\\n', '\\n'))
    const text = `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: { name: db, namespace: shop }
spec:
  provider: ${provider}
  parameters: { ${provider === 'gcp' ? 'secrets' : 'objects'}: ${parameters} }
  secretObjects: [{ secretName: mirror }]
---
apiVersion: v1
kind: Pod
metadata: { name: api, namespace: shop }
spec:
  containers: [{ name: api, image: api }]
  volumes: [{ name: s, csi: { driver: secrets-store.csi.k8s.io, volumeAttributes: { secretProviderClass: db } } }]
`
    const found = await read(text)
    expect(await hops(text)).toEqual(
      expected.flatMap(to => [
        `?shop/secretproviderclass/db ${to} proven`,
        `?shop/secret/mirror ${to} proven`,
      ]),
    )
    expect(edges(found)).toContain('?shop/pod/api reads-secret ?shop/secretproviderclass/db, proven')
  })
})
