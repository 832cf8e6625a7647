import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { kubernetesConfig } from '../../../src/connectors/kubernetes/config.ts'
import { kubernetes } from '../../../src/connectors/kubernetes/connector.ts'
import { type MemoryKubernetes, memoryKubernetes } from '../../../src/connectors/kubernetes/memory.ts'
import type { Members } from '../../../src/connectors/kubernetes/memory-objects.ts'
import type { Document } from '../../../src/core/contract/document.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'
import type { PlaceRef } from '../../../src/core/contract/ref.ts'
import { Secret } from '../../../src/core/contract/secret.ts'

const sleeps: number[] = []
const clock = { ms: Date.now() }
const io = {
  ...realIo(),
  now: () => new Date(clock.ms),
  sleep: async (ms: number) => {
    sleeps.push(ms)
    clock.ms += ms
  },
}
const open = (twin: MemoryKubernetes, config: object = {}) => twin.connector.open(config as never, io)
const base64 = (text: string) => Buffer.from(text).toString('base64')

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
async function textOf(document: Document): Promise<string> {
  return Buffer.concat(await collect(document.bytes())).toString()
}
const gaps = (found: readonly Observation[]) =>
  found.flatMap(one => (one.see === 'covered' && !one.complete ? [one] : []))

function addSecret(twin: MemoryKubernetes, name: string, said: Members) {
  return twin.objects.add('secrets', 'Secret', 'shop', { metadata: { name }, ...said })!
}

/** A place for a value in the documents that the connection gives. */
async function placeOf(documents: readonly Document[], path: string, value: string): Promise<PlaceRef> {
  const document = documents.find(each => each.path === path)!
  const text = await textOf(document)
  const at = text.indexOf(value)
  return {
    in: document.in,
    path,
    version: document.id,
    slots: [{ part: 'value', at: `${at}-${at + value.length}`, encodings: [] }],
  }
}

describe('reading a cluster', () => {
  test('short values are one manifest, files are files, and each thing else is told by its namespace', async () => {
    const twin = memoryKubernetes()
    addSecret(twin, 'db', { data: { password: base64('old-value\n'), 'app.env': base64('A=1\nB=2\n') } })
    twin.objects.add('configmaps', 'ConfigMap', 'shop', { metadata: { name: 'c' }, data: { k: 'v' } })
    twin.objects.add('pods', 'Pod', 'shop', { metadata: { name: 'bare' }, spec: {}, status: { phase: 'x' } })
    twin.objects.add('pods', 'Pod', 'shop', {
      metadata: { name: 'made', ownerReferences: [{ controller: true }] },
      spec: {},
    })
    twin.objects.add('clusterroles', 'ClusterRole', undefined, { metadata: { name: 'all' }, rules: [] })
    const connection = await open(twin)
    const documents = await collect(connection.documents!())
    expect(documents.map(({ path }) => path)).toEqual([
      'shop/db.json',
      'shop/db/app.env',
      'shop/configmap/c.json',
      'cluster.json',
      'namespaces/shop.json',
    ])
    const texts = await Promise.all(documents.map(textOf))
    expect(JSON.parse(texts[0]!)).toMatchObject({ kind: 'Secret', stringData: { password: 'old-value\n' } })
    expect(texts[1]).toBe('A=1\nB=2\n')
    const { items } = JSON.parse(texts[4]!) as { items: { kind: string; metadata: { name: string } }[] }
    expect(items.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(['Pod bare', 'Secret db'])
    expect(texts[4]).not.toContain(base64('old-value\n'))
    // What did not change is the same document.
    twin.objects.changed(twin.objects.get('pods', 'shop', 'bare')!)
    expect((await collect(connection.documents!())).map(({ id }) => id)).toEqual(
      documents.map(({ id }) => id),
    )
  })

  test('what an operator adds is told where it is installed, and no gap where it is not', async () => {
    const twin = memoryKubernetes()
    const connection = await open(twin)
    await collect(connection.documents!())
    expect(gaps(await collect(connection.discover!()))).toEqual([])
    twin.objects.add('externalsecrets', 'ExternalSecret', 'shop', { metadata: { name: 'db' }, spec: {} })
    twin.added.add('externalsecrets')
    const documents = await collect(connection.documents!())
    expect(await textOf(documents.find(({ path }) => path === 'namespaces/shop.json')!)).toContain(
      '"external-secrets.io/v1"',
    )
  })

  test('a list that expires under paging is read anew, and each thing is given once', async () => {
    const twin = memoryKubernetes({ pageSize: 2 })
    for (let index = 0; index < 5; index++) addSecret(twin, `s${index}`, { data: { k: base64('v') } })
    twin.refusals.set('secrets', { status: 410, afterPages: 1, times: 1 })
    const connection = await open(twin)
    const documents = await collect(connection.documents!())
    expect(documents.filter(({ path }) => path.startsWith('shop/'))).toHaveLength(5)
    expect(gaps(await collect(connection.discover!()))).toEqual([])
  })

  test.each([
    ['expires again and again', 410, true],
    ['is refused', 403, false],
    ['fails', 500, true],
  ])('a list that %s is a gap that hides its kinds, and the rest is read', async (_, status, failed) => {
    const twin = memoryKubernetes({ pageSize: 1 })
    addSecret(twin, 'a', { data: { k: base64('v') } })
    addSecret(twin, 'b', { data: { k: base64('v') } })
    twin.objects.add('pods', 'Pod', 'shop', { metadata: { name: 'p' }, spec: {} })
    twin.refusals.set('secrets', { status, afterPages: 1, times: 9 })
    const connection = await open(twin)
    const documents = await collect(connection.documents!())
    expect(documents.map(({ path }) => path)).toEqual(['shop/a.json', 'namespaces/shop.json'])
    const found = gaps(await collect(connection.discover!()))
    expect(found).toContainEqual(
      expect.objectContaining({
        scope: `kubernetes:${twin.instance}/listed/secrets`,
        hides: ['secret', 'token'],
      }),
    )
    expect(found.every(gap => (gap.failed === true) === failed)).toBe(true)
  })

  test('who is asked to slow down does, for as long as is asked', async () => {
    const twin = memoryKubernetes()
    addSecret(twin, 'a', { data: { k: base64('v') } })
    twin.refusals.set('secrets', { status: 429, afterPages: 0, times: 2, retryAfter: '3' })
    sleeps.length = 0
    const connection = await open(twin)
    expect(await collect(connection.documents!())).toHaveLength(2)
    expect(sleeps).toEqual([3000, 3000])
  })

  test('which names it goes by, which Secrets may be written, and whose each token is', async () => {
    const twin = memoryKubernetes()
    const account = twin.objects.add('serviceaccounts', 'ServiceAccount', 'shop', {
      metadata: { name: 'api' },
    })!
    const token = addSecret(twin, 't', {
      metadata: { name: 't', annotations: { 'kubernetes.io/service-account.name': 'api' } },
      type: 'kubernetes.io/service-account-token',
    })
    const db = addSecret(twin, 'db', {})
    const config = { approved: ['shop/*'], manifests: ['git:abc'], endpoints: ['kubernetes.default.svc:443'] }
    const found = await collect((await open(twin, config)).discover!())
    expect(found).toContainEqual(
      expect.objectContaining({ names: ['cluster.test:6443', 'kubernetes.default.svc:443', 'git:abc'] }),
    )
    const credentials = found.flatMap(one =>
      one.see === 'credential' ? [[one.ref.id, one.ref.identity!.id]] : [],
    )
    expect(credentials).toEqual([
      [account.metadata.uid, account.metadata.uid],
      [token.metadata.uid, account.metadata.uid],
    ])
    const approved = found.flatMap(one =>
      one.see === 'resource' && one.ref.kind === 'secret' ? [[one.ref.id, one.facts['approved']!.value]] : [],
    )
    expect(new Map(approved as [string, boolean][])).toEqual(
      new Map([
        [token.metadata.uid, false],
        [db.metadata.uid, true],
      ]),
    )
  })
})

describe('writing a Secret', () => {
  async function stage(said: Members = {}) {
    const twin = memoryKubernetes({ approved: ['shop/db'] })
    const secret = addSecret(twin, 'db', {
      data: {
        password: base64('old-value'),
        other: base64('stays'),
        'app.env': base64('P=old-value\nQ=1\n'),
      },
      ...said,
    })
    const connection = await open(twin)
    const documents = await collect(connection.documents!())
    const stored = () =>
      Object.fromEntries(
        Object.entries(secret.body['data'] as Record<string, string>).map(([key, value]) => [
          key,
          Buffer.from(value, 'base64').toString(),
        ]),
      )
    return { twin, secret, connection, documents, stored }
  }
  const fresh = () => new Secret(randomBytes(12).toString('hex'))

  test.each([
    ['a value', 'shop/db.json', 'password', (value: string) => value],
    ['a value within a file', 'shop/db/app.env', 'app.env', (value: string) => `P=${value}\nQ=1\n`],
  ])('%s is replaced, and nothing else', async (_, path, key, expected) => {
    const { connection, documents, stored } = await stage()
    const before = stored()
    const place = await placeOf(documents, path, 'old-value')
    const secret = fresh()
    const written = await connection.write!(place, secret)
    expect(stored()).toEqual({ ...before, [key]: expected(secret.revealText()) })
    expect((await connection.read!(written)).revealText()).toBe(secret.revealText())
    // Its answer may have been lost: written again, it stands as it is.
    expect(await connection.write!(place, secret)).toEqual(written)
    await expect(connection.write!(place, fresh())).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  test('removed it is gone, with its key where that holds nothing else', async () => {
    const { connection, documents, stored } = await stage()
    await connection.remove!(await placeOf(documents, 'shop/db.json', 'old-value'))
    const file = await placeOf(documents, 'shop/db/app.env', 'old-value')
    for (let times = 0; times < 2; times++) await connection.remove!(file)
    expect(stored()).toEqual({ other: 'stays', 'app.env': 'P=\nQ=1\n' })
  })

  test('whoever changes it at the same moment is not overwritten', async () => {
    const { twin, secret, connection, documents, stored } = await stage()
    const place = await placeOf(documents, 'shop/db.json', 'old-value')
    const { fetch } = twin
    Object.assign(twin, {
      fetch: ((input, init) => {
        if (init?.method === 'PATCH') {
          secret.body['data'] = { password: base64('theirs') }
          twin.objects.changed(secret)
        }
        return fetch(input, init)
      }) satisfies typeof fetch,
    })
    const again = await open(twin)
    await expect(again.write!(place, fresh())).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(stored()).toEqual({ password: 'theirs' })
    await connection.close()
  })

  test.each([
    ['not approved', {}, { approved: [] }, 'DENIED'],
    ['immutable', { immutable: true }, {}, 'UNSUPPORTED'],
    [
      'made by a controller, which would write the old value again',
      {
        metadata: { name: 'db', ownerReferences: [{ kind: 'ExternalSecret', name: 'db', controller: true }] },
      },
      {},
      'UNSUPPORTED',
    ],
  ])('what is %s is left alone', async (_, said, config, code) => {
    const { twin, documents, stored } = await stage(said)
    const before = stored()
    const place = await placeOf(documents, 'shop/db.json', 'old-value')
    const connection = await open(twin, config)
    await expect(connection.write!(place, fresh())).rejects.toMatchObject({ code })
    await expect(connection.remove!(place)).rejects.toMatchObject({ code })
    expect(stored()).toEqual(before)
  })

  test('another Secret of the same name is none', async () => {
    const { twin, secret, connection, documents } = await stage()
    const place = await placeOf(documents, 'shop/db.json', 'old-value')
    twin.objects.remove('secrets', secret)
    addSecret(twin, 'db', { data: { password: base64('old-value') } })
    await expect(connection.write!(place, fresh())).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('restarting a workload', () => {
  function stage(resource = 'deployments') {
    const twin = memoryKubernetes({ rolloutSeconds: 5 })
    const object = twin.objects.add(resource, 'Deployment', 'shop', {
      metadata: { name: 'api' },
      spec: { replicas: 2, template: { spec: {} } },
    })!
    const kind = resource === 'deployments' ? 'deployment' : resource.slice(0, -1)
    return {
      twin,
      object,
      ref: { system: 'kubernetes', instance: twin.instance, kind, id: object.metadata.uid },
    }
  }

  test('is over when none of the old ones is left', async () => {
    const { twin, object, ref } = stage()
    let ups = 0
    twin.onRolledOut = () => ups++
    twin.rolloutLooks = 3
    const connection = await open(twin)
    await connection.reload!(ref)
    expect(ups).toBe(1)
    expect(object.body['spec']).toMatchObject({
      replicas: 2,
      template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': expect.any(String) } } },
    })
    expect(await connection.inspect!(ref)).toMatchObject({ name: 'api', restartedAt: expect.any(String) })
  })

  test('that does not come up says so', async () => {
    const { twin, ref } = stage()
    twin.rolloutLooks = 1000
    await expect((await open(twin)).reload!(ref)).rejects.toMatchObject({ code: 'UNREACHABLE' })
  })

  test('what nothing restarts is not restarted', async () => {
    const { twin, ref } = stage('pods')
    await expect((await open(twin)).reload!(ref)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    await expect((await open(twin)).reload!({ ...ref, id: 'gone' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })
})

describe('a token that was given for a time', () => {
  function stage() {
    const twin = memoryKubernetes()
    const { objects } = twin
    const account = objects.add('serviceaccounts', 'ServiceAccount', 'shop', { metadata: { name: 'api' } })!
    const pod = objects.add('pods', 'Pod', 'shop', { metadata: { name: 'p' }, spec: {} })!
    const other = objects.add('pods', 'Pod', 'shop', { metadata: { name: 'q' }, spec: {} })!
    const identity = {
      system: 'kubernetes',
      instance: twin.instance,
      kind: 'service-account',
      id: account.metadata.uid,
    }
    const give = (object?: typeof pod) =>
      new Secret(objects.give(account, object && { resource: 'pod', object }, Date.now() + 3_600_000))
    return { twin, pod, other, give, ref: { ...identity, kind: 'token', identity } }
  }

  test('ends with the pod that it was mounted in, and with no other', async () => {
    const { twin, pod, other, give, ref } = stage()
    const [token, ofOther] = [give(pod), give(other)]
    const connection = await open(twin)
    expect(await connection.verify!(ref, token)).toMatchObject({ state: 'live' })
    await connection.revoke!(ref, token)
    expect(await connection.verify!(ref, token)).toMatchObject({ state: 'dead' })
    expect(await connection.verify!(ref, ofOther)).toMatchObject({ state: 'live' })
  })

  test('and that is bound to nothing cannot be ended, and it is said when it ends', async () => {
    const { twin, give, ref } = stage()
    const connection = await open(twin)
    await expect(connection.revoke!(ref, give())).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      advice: expect.stringContaining('It ends by itself at 2'),
    })
    await expect(connection.revoke!(ref)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  test('of another account is not live for this one', async () => {
    const { twin, give, ref } = stage()
    const connection = await open(twin)
    const wrong = { ...ref, id: 'another' }
    expect(await connection.verify!(wrong, give())).toMatchObject({ state: 'unknown' })
  })
})

describe('a hop', () => {
  test('is tried by what the API says is allowed to the tester, on the very thing', async () => {
    const twin = memoryKubernetes()
    const { objects } = twin
    const account = objects.add('serviceaccounts', 'ServiceAccount', 'tools', { metadata: { name: 'ci' } })!
    const token = new Secret(objects.give(account, undefined, Date.now() + 3_600_000))
    const identity = {
      system: 'kubernetes',
      instance: twin.instance,
      kind: 'service-account',
      id: account.metadata.uid,
    }
    const connection = await open(twin)
    const asked: unknown[] = []
    const { fetch } = twin
    Object.assign(twin, {
      fetch: ((input, init) => {
        if (String(input).endsWith('selfsubjectaccessreviews'))
          asked.push(
            (JSON.parse(String(init?.body)) as { spec: { resourceAttributes: unknown } }).spec
              .resourceAttributes,
          )
        return fetch(input, init)
      }) satisfies typeof fetch,
    })
    const tester = await open(twin)
    const probe = (actions: { action: string; or?: string[]; onTarget: boolean }[], toNames: string[]) =>
      tester.probe!(
        { from: identity, to: { ...identity, kind: 'x', id: 'x' }, toNames, crossing: 'c', actions },
        { by: identity, as: identity, secret: token },
      )
    twin.allowed.set(account.metadata.uid, new Set(['list secrets', 'create pods']))
    const read = [{ action: 'get secrets', or: ['list secrets'], onTarget: true }]
    expect(await probe(read, ['shop/secret/db'])).toMatchObject({ state: 'confirmed' })
    expect(asked.at(-1)).toEqual({ verb: 'list', resource: 'secrets', namespace: 'shop', name: 'db' })
    const pods = { action: 'create pods beside service-account', onTarget: false }
    expect(await probe([pods], ['shop/serviceaccount/api', 'system:serviceaccount:shop:api'])).toMatchObject({
      state: 'confirmed',
    })
    expect(asked.at(-1)).toEqual({ verb: 'create', resource: 'pods', namespace: 'shop' })
    const bind = {
      action: 'bind clusterroles.rbac.authorization.k8s.io in cluster with cluster-admin',
      onTarget: false,
    }
    expect(await probe([pods, bind], ['cluster'])).toMatchObject({ state: 'refused' })
    expect(asked.at(-1)).toEqual({
      verb: 'bind',
      resource: 'clusterroles',
      group: 'rbac.authorization.k8s.io',
      name: 'cluster-admin',
    })
    expect(await probe([{ action: 'be bound to role', onTarget: true }], ['a'])).toMatchObject({
      state: 'not-tried',
    })
    await connection.close()
  })
})

describe('a kubeconfig', () => {
  const text = (user: string, cluster = '') => `apiVersion: v1
kind: Config
current-context: a
contexts: [{ name: a, context: { cluster: c, user: u } }]
clusters: [{ name: c, cluster: { server: "https://cluster.test:6443"${cluster} } }]
users: [{ name: u, user: { ${user} } }]
`
  const openWith = (kubeconfig: string, twin = memoryKubernetes()) =>
    kubernetes.open(kubernetesConfig.parse({ kubeconfig: new Secret(kubeconfig) }), {
      ...io,
      fetch: twin.fetch,
    })

  test('says where and as whom', async () => {
    const twin = memoryKubernetes()
    await expect(openWith(text('token: x'), twin)).rejects.toMatchObject({ code: 'DENIED' })
    expect(twin.log).toEqual(['GET /api/v1/namespaces/kube-system'])
  })

  test.each([
    ['runs a program', text('exec: { command: aws }')],
    ['trusts anybody', text('token: x', ', insecure-skip-tls-verify: true')],
    ['is none', 'a: ['],
    ['is something else', '[]'],
  ])('that %s is refused', async (_, kubeconfig) => {
    const twin = memoryKubernetes()
    await expect(openWith(kubeconfig, twin)).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    expect(twin.calls).toBe(0)
  })
})
