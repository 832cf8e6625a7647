import { expect, test } from 'vitest'
import type { Document } from '../../../src/core/contract/document.ts'
import { Batch, begin, Reading } from '../../../src/know/observe/reading.ts'
import { testKeys } from '../estate.ts'
import { rules } from '../readers/secrets/rules/rule-directory.ts'

const CONTAINER = { system: 'test', instance: 'i', kind: 'tree', id: 'i' }

test('a batch keeps what it holds, whatever its source does with the memory that it read into', async () => {
  const memory = Buffer.alloc(300)
  const batch = new Batch(new Uint8Array(new SharedArrayBuffer(2000)))
  const texts = Array.from({ length: 12 }, (_, i) => `document ${i} `.padEnd(20 * (i + 1), String(i)))
  for (const text of texts) {
    const document: Document = {
      id: text,
      in: CONTAINER,
      path: 'p',
      cursor: '',
      async *bytes() {
        const half = memory.write(text.slice(0, 7))
        yield memory.subarray(0, half)
        yield memory.subarray(half, half + memory.write(text.slice(7), half))
      },
    }
    batch.add(await begin(document))
  }
  memory.fill(0)
  expect(batch.documents.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(texts)
  expect(batch.bytes).toBe(texts.join('').length)
})

test('a reading that is told what comes has a worker by then, and one that is told nothing starts none', async () => {
  const few = rules.filter(({ id }) => ['generic-password', 'github-token'].includes(id))
  const options = { rules: few, problems: [], version: '1', key: testKeys.fingerprint, workers: 1 }
  const started = () => process.getActiveResourcesInfo().filter(name => name === 'MessagePort').length
  const before = started()
  await new Reading(options).close()
  expect(started()).toBe(before)

  const reading = new Reading(options)
  reading.expect()
  await expect.poll(started).toBeGreaterThan(before)
  const batch = reading.batch()
  const text = 'db_password = "q8w3e7r1t5y9u2i6"\n'
  async function* bytes() {
    yield Buffer.from(text)
  }
  batch.add(await begin({ id: 'd', in: CONTAINER, path: 'app.ini', cursor: '', bytes }))
  const [answer] = await reading.read(batch)
  expect(answer?.findings).toMatchObject([{ see: 'copy', kind: 'generic-password' }])
  await reading.close()
})

test('what fills no batch is read by one worker, and behind the first full batch a second one starts', async () => {
  const few = rules.filter(({ id }) => id === 'github-token')
  const options = { rules: few, problems: [], version: '1', key: testKeys.fingerprint, workers: 3 }
  let started = 0
  const count = () => started++
  process.on('worker', count)
  const reading = new Reading(options)
  const readOf = async (documents: number) => {
    const batch = reading.batch()
    for (let i = 0; i < documents; i++)
      batch.add(await begin({ id: `${i}`, in: CONTAINER, path: 'p', cursor: '', async *bytes() {} }))
    return await reading.read(batch)
  }
  try {
    reading.expect()
    for (let i = 0; i < 3; i++) expect(await readOf(255)).toHaveLength(255)
    expect(started).toBe(1)
    expect(await readOf(256)).toHaveLength(256)
    await expect.poll(() => started).toBe(2)
  } finally {
    process.off('worker', count)
    await reading.close()
  }
})

test('workers that die before they are given anything end nothing: what they are given then is told as unread', async () => {
  const unusable = { ...rules[0]!, paths: '(' }
  const options = { rules: [unusable], problems: [], version: '1', key: testKeys.fingerprint, workers: 2 }
  const reading = new Reading(options)
  const started = () => process.getActiveResourcesInfo().filter(name => name === 'MessagePort').length
  const before = started()
  reading.expect()
  await expect.poll(started).toBeGreaterThan(before)
  await expect.poll(started).toBe(before)
  const batch = reading.batch()
  async function* bytes() {
    yield Buffer.from('x = 1\n')
  }
  for (const id of ['d', 'e']) batch.add(await begin({ id, in: CONTAINER, path: 'a', cursor: '', bytes }))
  const unread = { findings: [], failure: 'the worker that read it broke down' }
  expect(await reading.read(batch)).toEqual([unread, unread])
  await reading.close()
})
