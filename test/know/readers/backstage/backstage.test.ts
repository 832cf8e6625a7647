import { expect, test } from 'vitest'
import { backstageReader } from '../../../../src/know/readers/backstage/backstage.ts'
import { edgesTold, observed } from '../both-ways.ts'

const COMPONENT = `apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: orders-api
  annotations: { github.com/project-slug: acme/orders }
spec:
  type: service
  owner: group:default/payments
  system: orders
  dependsOn: ['component:cart-api', resource:default/orders-db, nonsense]
`

test('a service has its owner, its system, what it depends on, and where its code lies', async () => {
  const found = await observed(backstageReader, 'apps/orders/catalog-info.yaml', COMPONENT)
  expect(found.filter(({ see }) => see === 'owner')).toMatchObject([
    {
      of: { system: 'backstage', kind: 'component', id: 'default/orders-api' },
      owner: 'group:default/payments',
    },
  ])
  expect(edgesTold(found).map(line => line.replace(/^.*?(part-of|depends-on|kept-in)/, '$1'))).toEqual([
    'part-of default/orders proven',
    'depends-on default/cart-api proven',
    'depends-on default/orders-db proven',
    expect.stringContaining('kept-in'),
    'kept-in ?github.com/acme/orders proven',
  ])
  expect(found.find(({ see }) => see === 'resource')).toMatchObject({
    facts: { folder: { value: 'apps/orders' } },
  })
})

test('services that need each other are told as they are, and nothing is followed for ever', async () => {
  const two = (name: string, other: string) =>
    COMPONENT.replace('orders-api', name).replace(
      "'component:cart-api', resource:default/orders-db, nonsense",
      `'component:${other}'`,
    )
  const found = await observed(backstageReader, 'catalog-info.yaml', `${two('a', 'b')}---\n${two('b', 'a')}`)
  expect(edgesTold(found).filter(line => line.includes('depends-on'))).toHaveLength(2)
})

test('teams and people are those that the catalog knows', async () => {
  const found = await observed(
    backstageReader,
    'org.yaml',
    `apiVersion: backstage.io/v1alpha1
kind: Group
metadata: { name: payments }
spec: { type: team, profile: { displayName: Payments, email: pay@acme.example }, children: [], members: [jdoe, user:default/bob] }
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: { name: jdoe }
spec: { profile: { displayName: Jane Doe, email: Jane@acme.example }, memberOf: [payments] }
`,
  )
  expect(found.flatMap(one => (one.see === 'resource' ? [one.names] : []))).toEqual([
    ['payments', 'Payments', 'pay@acme.example'],
    ['jane@acme.example', 'jdoe', 'Jane Doe'],
  ])
  expect(edgesTold(found).filter(line => line.includes('works-in'))).toHaveLength(2)
})

test('what is broken or nameless is told, and the rest is read', async () => {
  const found = await observed(
    backstageReader,
    'x.yaml',
    `${COMPONENT}---\napiVersion: backstage.io/v1\nkind: Component\nspec: {}\n`,
  )
  expect(found.filter(({ see }) => see === 'owner')).toHaveLength(1)
  expect(found.filter(({ see }) => see === 'covered')).toMatchObject([{ complete: false }])
})
