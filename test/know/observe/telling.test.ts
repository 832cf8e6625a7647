import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Row } from '../../../src/core/store/schema.ts'
import type { Db } from '../../../src/core/store/store.ts'
import { coverageOf } from '../../../src/know/inventory/queries.ts'
import { observe } from '../../../src/know/observe/observe.ts'
import { openOwnStore } from '../../own-store.ts'
import { testKeys, tree } from '../estate.ts'
import { keptReading } from './kept-reading.ts'

/** Files by path; those of `past` are in the source's history only. */
class Files {
  files: Record<string, string> = {}
  past: Record<string, string> = {}
  statesPlaces = true
  unreadable: string[] = []

  connection(): Connection {
    const idOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`
    const files = this.files
    const all = () => [...Object.entries(this.files), ...Object.entries(this.past)]
    const { statesPlaces, unreadable } = this
    return {
      instance: 'tree-1',
      settleSeconds: 0,
      close: async () => {},
      async *documents() {
        for (const [path, text] of all())
          yield {
            id: idOf(text),
            in: tree,
            path,
            cursor: '',
            async *bytes() {
              yield Buffer.from(text)
            },
          }
      },
      async *discover() {
        if (statesPlaces)
          for (const [path, text] of all())
            yield { see: 'occurrence', document: idOf(text), path, atHead: files[path] === text }
        yield { see: 'covered', scope: 'tree', complete: true }
        for (const path of unreadable)
          yield { see: 'covered', scope: `tree/${path}`, complete: false, why: 'it cannot be read' }
      },
    }
  }
}

/** What the AWS CLI prints of an account with these users, of which the first is in the group. */
function account(users: readonly string[], more: object = {}): string {
  return JSON.stringify({
    UserDetailList: users.map(name => ({
      UserName: name,
      UserId: `AIDA${name.toUpperCase().padEnd(16, 'X')}`,
      Arn: `arn:aws:iam::111122223333:user/${name}`,
      GroupList: ['team'],
      UserPolicyList: [{ PolicyName: 'own', PolicyDocument: { Statement: [] } }],
      Tags: [{ Key: 'of', Value: name }],
    })),
    GroupDetailList: [
      { GroupName: 'team', GroupId: 'AGPATEAM', Arn: 'arn:aws:iam::111122223333:group/team' },
    ],
    RoleDetailList: [],
    Policies: [],
    ...more,
  })
}

let db: Db
const kept = keptReading()
let source: Row<'source'>
let files: Files
let clock = Date.UTC(2026, 0, 1)

beforeEach(async () => {
  db = (await openOwnStore()).db
  files = new Files()
  source = {
    id: 'source-1',
    system: 'directory',
    instance: 'tree-1',
    label: 'tree',
    config: '{}',
    cursor: null,
    created_at: clock,
    observed_at: null,
    disconnected_at: null,
    connected_at: null,
    epoch: 0,
  }
  await db.insertInto('source').values(source).execute()
})

async function run() {
  clock += 60_000
  const io = { ...realIo(), now: () => new Date(clock) }
  return await observe(db, source, files.connection(), { keys: testKeys, io, reading: await kept() })
}

/** What stands: users by name, and how many edges, facts and policies there are. */
async function standing() {
  const users = await db
    .selectFrom('entity')
    .innerJoin('name', 'name.entity_id', 'entity.id')
    .select('name.name')
    .where('kind', '=', 'user')
    .where('gone_at', 'is', null)
    .where('name.name', 'not like', 'arn:%')
    .orderBy('name.name')
    .execute()
  const count = async (table: 'edge' | 'fact' | 'policy') =>
    (await db.selectFrom(table).select('source_id').where('gone_at', 'is', null).execute()).length
  return {
    users: users.map(({ name }) => name),
    edges: await count('edge'),
    policies: await count('policy'),
    anyFacts: (await count('fact')) > 0,
  }
}

describe('what a document tells', () => {
  test('stands as long as the document does, without its being read again', async () => {
    files.files = { 'account.json': account(['ann', 'bob']) }
    await run()
    const first = await standing()
    expect(first).toEqual({ users: ['ann', 'bob'], edges: 2, policies: 3, anyFacts: true })
    files.files['other.txt'] = 'nothing'
    const second = await run()
    expect(second.skippedAsRead).toBe(1)
    expect(await standing()).toEqual(first)
  })

  test('is gone with it, and comes back with it', async () => {
    files.files = { 'account.json': account(['ann', 'bob']), 'other.txt': 'nothing' }
    await run()
    const first = await standing()
    const text = files.files['account.json']!
    delete files.files['account.json']
    await run()
    expect(await standing()).toEqual({ users: [], edges: 0, policies: 0, anyFacts: false })
    files.files['account.json'] = text
    expect((await run()).skippedAsRead).toBe(2)
    expect(await standing()).toEqual(first)
  })

  test('of a changed document only the new content holds', async () => {
    files.files = { 'account.json': account(['ann', 'bob']) }
    await run()
    files.files = { 'account.json': account(['ann', 'eve']) }
    await run()
    expect(await standing()).toEqual({ users: ['ann', 'eve'], edges: 2, policies: 3, anyFacts: true })
  })

  test('what only the history has told is of the past', async () => {
    files.files = { 'account.json': account(['ann']) }
    files.past = { 'account.json': account(['bob']) }
    await run()
    expect((await standing()).users).toEqual(['ann'])
    // Someone takes the change back: the old content is at the head again, and nothing is new.
    ;[files.files, files.past] = [files.past, files.files]
    expect((await run()).skippedAsRead).toBe(2)
    expect((await standing()).users).toEqual(['bob'])
  })

  test('what lies behind a folder that could not be read is not gone', async () => {
    files.files = { 'dark/account.json': account(['ann']), 'light/account.json': account(['bob']) }
    await run()
    files.files = {}
    files.unreadable = ['dark']
    await run()
    expect((await standing()).users).toEqual(['ann'])
  })

  test('of a source that states no places, what is listed stands', async () => {
    files.statesPlaces = false
    files.files = { 'account.json': account(['ann']), 'other.json': account(['bob']) }
    await run()
    delete files.files['other.json']
    await run()
    expect((await standing()).users).toEqual(['ann'])
  })

  test('what could not be made sense of is told as long as it stands', async () => {
    files.files = { 'account.json': account(['ann'], { RoleDetailList: [{ RoleName: 7 }] }) }
    await run()
    const skipped = (await coverageOf(db)).skipped
    expect(skipped).toEqual([
      { what: 'directory:tree/account.json', why: expect.stringContaining('RoleDetailList[0]') },
    ])
    files.files['other.txt'] = 'nothing'
    await run()
    expect((await coverageOf(db)).skipped).toEqual(skipped)
  })
})
