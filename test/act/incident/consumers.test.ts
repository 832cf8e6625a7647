import { expect, test } from 'vitest'
import { watchConsumers } from '../../../src/act/incident/consumers.ts'
import type { Connection } from '../../../src/core/contract/connector.ts'
import { realIo } from '../../../src/core/contract/io.ts'
import type { Use } from '../../../src/core/contract/use.ts'

const role = { system: 'redis', instance: '1', kind: 'user', id: 'cart' }

function session(id: string, agent: string): Use {
  return {
    id,
    at: 0,
    cursor: '',
    identity: role,
    workload: { ...role, kind: 'client', id: `${agent}@10.0.0.1` },
    session: { id, issuedAt: 0 },
    source: { ip: '10.0.0.1', ...(agent && { agent }) },
    action: 'session',
    outcome: 'success',
  }
}

/** Gives one list after the other, the last one again and again. */
function listing(...lists: Use[][]): Connection {
  return {
    instance: '1',
    settleSeconds: 0,
    close: async () => {},
    async *sessions() {
      yield* lists.length > 1 ? lists.shift()! : lists[0]!
    },
  }
}

const seenBy = async (connection: Connection) =>
  [...(await watchConsumers(connection, role, 0, realIo())).keys()].sort()

test('a session that says its name after its login is a consumer by that name only', async () => {
  const late = listing([session('1', ''), session('2', 'api')], [session('1', 'cart'), session('2', 'api')])
  expect(await seenBy(late)).toEqual(['api@10.0.0.1', 'cart@10.0.0.1'])
})

test('one that never says a name, or is gone before it does, is a consumer all the same', async () => {
  expect(await seenBy(listing([session('1', '')]))).toEqual(['@10.0.0.1'])
  expect(await seenBy(listing([session('1', '')], []))).toEqual(['@10.0.0.1'])
})
