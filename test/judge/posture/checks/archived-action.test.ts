import { expect, test } from 'vitest'
import type { Finding } from '../../../../src/know/inventory/fold.ts'
import { archivedAction } from '../../../../src/judge/posture/checks/archived-action.ts'
import { tree } from '../../../know/estate.ts'
import { judged, toldBy } from './judged.ts'

const job = (id: string, ...uses: string[]): Finding => ({
  see: 'workload',
  ref: { ...tree, kind: 'job', id },
  names: [id],
  facts: { uses: { value: uses } },
})
const action = (name: string, archived: boolean): Finding => ({
  see: 'resource',
  ref: { system: 'github', instance: 'github.com:9', kind: 'action', id: name.toLowerCase() },
  names: [name],
  facts: { archived: { value: archived } },
})

test('a job with an archived action fails; one that nobody asked about is unknown; without others’ actions it is no matter', async () => {
  const estate = await toldBy('github', [
    action('Acme/Old', true),
    action('acme/new', false),
    job('old', 'acme/new@v1', 'acme/old/setup@v1'),
    job('new', 'acme/new@v1'),
    job('unasked', 'acme/new@v1', 'other/thing@v2'),
    job('own', './local', 'docker://alpine:3'),
  ])
  const { fails, counts } = await judged(estate, archivedAction)
  expect(fails).toEqual({ old: 'archived: acme/old' })
  expect(counts).toEqual({ fails: 1, unknown: 1, passes: 1 })
})
