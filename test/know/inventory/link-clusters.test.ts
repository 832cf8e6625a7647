import { describe, expect, test } from 'vitest'
import type { Ref } from '../../../src/core/contract/ref.ts'
import { rootOf } from '../../../src/know/inventory/merge.ts'
import { kubernetesReader } from '../../../src/know/readers/kubernetes/kubernetes.ts'
import type { Finding } from '../../../src/know/inventory/fold.ts'
import { openEstate, tree } from '../estate.ts'

const MANIFEST = `apiVersion: v1
kind: ServiceAccount
metadata: { name: api, namespace: shop }
---
apiVersion: v1
kind: Secret
metadata: { name: api, namespace: shop }
`

async function told(container: Ref): Promise<Finding[]> {
  const found: Finding[] = []
  const text = container === tree ? MANIFEST : MANIFEST.replaceAll('name: api', 'uid: u-$&, name: api')
  const bytes = (async function* () {
    yield Buffer.from(text.replace('u-name: api', 'u-1').replace('u-name: api', 'u-2'))
  })()
  for await (const one of kubernetesReader.read({ id: 'd', in: container, path: 'a.yaml' }, bytes))
    found.push(one as Finding)
  return found
}

const cluster = { system: 'kubernetes', instance: 'c', kind: 'instance', id: 'c' }
const itself = (names: string[]): Finding => ({ see: 'resource', ref: cluster, names, facts: {} })

describe('the cluster that manifests are for', () => {
  test.each([
    ['a person said so', `${tree.system}:${tree.instance}`, true],
    ['nobody said so', 'directory:other', false],
  ])('%s', async (_, source, linked) => {
    const { db, fold, source: add } = await openEstate()
    await fold(await add('manifests'), await told(tree))
    await fold(await add('cluster'), [...(await told(cluster)), itself(['127.0.0.1:6443', source])])
    const entities = await db.selectFrom('entity').selectAll().where('system', '=', 'kubernetes').execute()
    const roots = new Map<string, string[]>()
    for (const { id, kind, native } of entities) {
      const root = await rootOf(db, id)
      roots.set(root, [...(roots.get(root) ?? []), `${kind} ${native}`])
    }
    const together = [...roots.values()].filter(all => all.length > 1).map(all => all.sort())
    expect(together.sort()).toEqual(
      linked
        ? [
            ['cluster ?cluster', 'cluster c'],
            ['namespace ?namespace/shop', 'namespace ?namespace/shop'],
            ['nodes ?nodes', 'nodes nodes'],
            ['secret ?shop/secret/api', 'secret u-2'],
            ['service-account ?shop/serviceaccount/api', 'service-account u-1'],
          ]
        : [],
    )
  })
})
