import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { can } from '../../../src/serve/operations/can.ts'

test('a broken line of a file is answered by where it stands, and the others are answered', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'can-'))
  const request = { principal: 'arn:aws:iam::111122223333:root', action: 's3:GetObject', resource: '*' }
  const whole = JSON.stringify({ id: 'whole', request })
  const batch = join(directory, 'questions.jsonl')
  await writeFile(batch, `\uFEFF${whole}\r\n{"id":"torn",\r\n\r\n{"id":"bare"}\r\n${whole}`)
  // Needs no store, and nothing else of a world.
  const output = await can.run(undefined as never, { batch, resource: '*', context: [] })
  await rm(directory, { recursive: true })
  expect(can.json!(output)).toEqual([
    { id: 'whole', verdict: 'Allowed', because: expect.any(String) },
    { id: null, error: expect.stringMatching(/^line 2: /) },
    { id: 'bare', error: expect.stringMatching(/^line 4: request/) },
    { id: 'whole', verdict: 'Allowed', because: expect.any(String) },
  ])
  expect(can.failures!(output).map(String)).toEqual([expect.stringContaining('2 of 4 lines')])
})
