import { readFile } from 'node:fs/promises'
import { onTestFinished, expect, test } from 'vitest'
import { memoryAws } from '../../../src/connectors/aws/memory.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import { Secret } from '../../../src/core/contract/secret.ts'

/** What AWS's own services ask of KMS in our name, the twin does not see. */
const IN_OUR_NAME = /^kms:/
/** It needs no right. */
const FREE = 'sts:GetCallerIdentity'

/** The actions of the policies in the README, each policy by itself. */
async function policies(): Promise<string[][]> {
  const readme = await readFile(new URL('../../../src/connectors/aws/README.md', import.meta.url), 'utf8')
  return [...readme.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) =>
    (JSON.parse(text!) as { Statement: { Action: string[] }[] }).Statement.flatMap(({ Action }) => Action)
      .filter(action => !IN_OUR_NAME.test(action))
      .sort(),
  )
}

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

test('the policies of the README allow the calls that are made, and no others', async () => {
  const twin = memoryAws({ approved: ['*'] })
  const { account } = twin
  const user = account.addUser('app')
  const key = account.addKey(user)
  const role = account.addRole('runner', { Statement: [] })
  account.providers.push('ci.example.com')
  for (const all of [account.buckets, account.queues, account.topics]) all.set('reports', undefined)
  account.functions.push({ name: 'mailer', role: role.arn, variables: { TOKEN: 'aaaa' } })
  account.organization.push(
    { id: 'r-ab12', policies: [{ id: 'p-FullAWSAccess', name: 'FullAWSAccess', content: '{}' }] },
    { id: 'account', policies: [] },
  )
  const connection = await twin.connector.open({} as never, realIo())
  onTestFinished(() => connection.close())
  const refIn = (kind: string, id: string) => ({ system: 'aws', instance: account.number, kind, id })
  const identity = refIn('user', user.id)
  const credential = { ...refIn('access-key', key.id), identity }
  const secret = new Secret(key.secret, key.id)
  const stored = [
    refIn('secret', account.addValue('secrets', 'apps/orders', 'aaaa').id),
    refIn('parameter', account.addValue('parameters', '/apps/orders', 'aaaa').id),
    refIn('function', `arn:aws:lambda:us-east-1:${account.number}:function:mailer`),
  ]
  const places = []
  for await (const document of connection.documents!())
    if (stored.some(({ id }) => id === document.in.id)) {
      const at = document.in.kind === 'function' ? '7-11' : '0-4'
      const slots = [{ part: 'value' as const, at, encodings: [] }]
      places.push({ in: document.in, path: document.path, version: document.id, slots })
    }
  expect(places).toHaveLength(3)
  await drain(connection.discover!())
  await connection.verify!(credential, secret)
  await connection.inspect!(refIn('access-key', key.id))
  await connection.inspect!(refIn('role', role.id))
  for (const place of places) expect((await connection.read!(place)).revealText()).toBe('aaaa')
  const held = { by: credential, as: identity, secret }
  await connection.probe!(
    { from: identity, to: refIn('group', 'AGPA'), toNames: ['ops'], crossing: 'member-of' },
    held,
  )
  const everything = { to: refIn('account', account.number), toNames: [], crossing: 'administrator' }
  await connection.probe!({ from: identity, ...everything }, held)
  const read = new Set(twin.asked)

  const before = await connection.inspect!(credential)
  const want = { name: 'attempt', like: credential, scopes: [], before }
  await connection.issue!(want)
  await connection.undo!(want)
  const ofRole = { ...want, like: refIn('role', role.id), labels: { lease: 'one' } }
  const session = await connection.issue!(ofRole)
  await connection.revoke!(session.ref)
  await connection.verify!(session.ref, session.secret)
  await connection.undo!(ofRole)
  await connection.freeze!(identity)
  await connection.endSessions!(identity, 0)
  await connection.thaw!(identity, before)
  await connection.suspend!(credential)
  await connection.freeze!(refIn('role', role.id))
  await connection.thaw!(refIn('role', role.id), null)
  await connection.revoke!(identity)
  const written = []
  for (const place of places) written.push(await connection.write!(place, new Secret('bbbb')))
  for (const place of written) await connection.remove!(place)

  const [reading, containing, sessions] = await policies()
  const free = (actions: Iterable<string>) => [...actions].filter(action => action !== FREE).sort()
  // What is only asked when something is changed is a look all the same.
  expect(free(read).filter(action => !reading!.includes(action))).toEqual([])
  expect(free(twin.asked)).toEqual([...new Set([...reading!, ...containing!, ...sessions!])].sort())
})
