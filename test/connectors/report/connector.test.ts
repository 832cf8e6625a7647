import { appendFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { report } from '../../../src/connectors/report/connector.ts'
import type { Document } from '../../../src/core/contract/document.ts'
import { realIo } from '../../../src/core/contract/io.ts'

let root: string
let path: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'firebreak-report-'))
  path = join(root, 'found.json')
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function listed(since?: string, repository?: string): Promise<Document[]> {
  const connection = await report.open({ path, ...(repository !== undefined && { repository }) }, realIo())
  const found: Document[] = []
  for await (const document of connection.documents!(since)) found.push(document)
  await connection.close()
  return found
}

async function textOf(document: Document): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of document.bytes()) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe('a report', () => {
  test('is one document, with its whole content, of the format of reports', async () => {
    await writeFile(path, '[1]')
    const [document, ...others] = await listed()
    expect(others).toEqual([])
    expect(document).toMatchObject({ path: 'found.json', format: 'report', size: 3 })
    expect(await textOf(document!)).toBe('[1]')
  })

  test('is read again only when its content, or what it is about, is another, and then as one never read', async () => {
    await writeFile(path, '[1]')
    const [first] = await listed()
    expect(await listed(first!.cursor)).toEqual([])
    await writeFile(path, '[2]')
    const [second] = await listed(first!.cursor)
    await writeFile(path, '[1]')
    const [third] = await listed(second!.cursor)
    expect(third!.cursor).toBe(first!.cursor)
    expect(new Set([first, second, third].map(document => document!.id)).size).toBe(3)
    const [about] = await listed(first!.cursor, 'git@GitHub.com:acme/app.git')
    expect(about!.about).toEqual({
      system: 'git',
      instance: '?github.com/acme/app',
      kind: 'repository',
      id: '?github.com/acme/app',
    })
  })

  test('that is not there is an error until it was read once, and then nothing new', async () => {
    await expect(listed()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await listed('a digest')).toEqual([])
    await mkdir(path)
    await expect(listed('a digest')).rejects.toMatchObject({ code: 'UNREACHABLE' })
  })

  test('that changes while it is read is a conflict, and no report', async () => {
    await writeFile(path, '[1]')
    const [document] = await listed()
    await appendFile(path, ' ')
    await expect(textOf(document!)).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  test('that is larger than 512 MiB was meant to be something else', async () => {
    await writeFile(path, '')
    await truncate(path, 512 * 2 ** 20 + 1)
    await expect(listed()).rejects.toMatchObject({ message: expect.stringContaining('larger than 512 MiB') })
  })

  test('is told by its path', async () => {
    const instanceAt = async (path: string) => (await report.open({ path }, realIo())).instance
    expect(await instanceAt(path)).toBe(await instanceAt(join(root, 'x', '..', 'found.json')))
    expect(await instanceAt(path)).not.toBe(await instanceAt(join(root, 'other.json')))
  })
})
