import { expect, test } from 'vitest'
import type { Observation } from '../../../../src/core/contract/observation.ts'
import { allReaders } from '../../../../src/know/readers/all.ts'
import { engine } from './rules/rule-directory.ts'

test('a document becomes copies that hold their secret in nothing that prints', async () => {
  const [reader] = allReaders(engine)
  const root = { system: 'directory', instance: 'd1', kind: 'tree', id: '/srv' }
  const document = { id: 'sha256:00', in: root, path: '.env' }
  const bytes = Buffer.from('PGHOST=db\nPGUSER=app\nPGPASSWORD=x9-Kq2mZ\n')
  expect(reader!.reads(document, bytes)).toBe(true)
  const seen: Observation[] = []
  const source = async function* () {
    yield bytes.subarray(0, 20)
    yield bytes.subarray(20)
  }
  for await (const observation of reader!.read(document, source())) seen.push(observation)
  expect(seen).toEqual([
    {
      see: 'copy',
      place: {
        in: root,
        path: '.env',
        version: 'sha256:00',
        slots: [
          { part: 'value', at: '32-40', encodings: [], line: 3 },
          { part: 'id', at: '17-20', encodings: [], line: 2 },
        ],
      },
      kind: 'generic-password',
      secret: expect.anything(),
      claims: { system: 'postgres', instance: '?db:5432', kind: 'role', id: '?app' },
      confidence: expect.any(Number),
      reasons: ['named password', expect.stringMatching(/^looks generated/), 'beside a user and host'],
    },
  ])
  expect(JSON.stringify(seen)).not.toContain('x9-Kq2mZ')
})
