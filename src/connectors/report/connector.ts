import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { z } from 'zod'
import type { Connection, Connector } from '../../core/contract/connector.ts'
import type { Document } from '../../core/contract/document.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { systemReason } from '../../core/contract/system-reason.ts'
import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Cursor, Ref } from '../../core/contract/ref.ts'
import { namedRepository, repositoryKey } from '../../core/contract/repository-key.ts'

const config = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe(
      'path of a report of gitleaks, Betterleaks, TruffleHog, Kingfisher, detect-secrets, or in SARIF',
    ),
  repository: z
    .string()
    .min(1)
    .optional()
    .describe('path or URL of the repository that it tells of, where the report itself does not say'),
})

export type ReportConfig = z.infer<typeof config>

/** No report of findings is larger; one that is was meant to be something else. */
const MOST_BYTES = 512 * 1024 * 1024

/** What another scanner wrote. It is read once for each content; a report that is gone still stands as it was read. */
export const report: Connector<ReportConfig> = {
  system: 'report',
  summary:
    "Another scanner's report: gitleaks, Betterleaks, TruffleHog, Kingfisher, detect-secrets, or SARIF",
  config,
  async open({ path, repository }: ReportConfig, io: Io): Promise<Connection> {
    const file = resolve(path)
    const instance = createHash('sha256').update(`report ${file}`).digest('hex').slice(0, 32)
    const key = repository === undefined ? undefined : repositoryKey(repository)
    const container: Ref = { system: 'report', instance, kind: 'report', id: instance }
    return {
      instance,
      settleSeconds: 0,
      isDocument: true,
      close: async () => {},
      documents: since => documents(file, since, container, key, io),
    }
  },
}

async function* documents(
  file: string,
  since: Cursor | undefined,
  container: Ref,
  key: string | undefined,
  io: Io,
): AsyncGenerator<Document, void> {
  const content = await contentOf(file, io)
  if (content === undefined) {
    // It holds plaintext, and whoever has imported it does well to delete it.
    if (since !== undefined) return
    throw new FirebreakError('NOT_FOUND', `there is no report at ${file}`, 'Check the path.')
  }
  const cursor = createHash('sha256')
    .update(`${content.digest} ${key ?? ''}`)
    .digest('hex')
  if (cursor === since) return
  yield {
    // Never the content's: what an earlier report said and this one does not is gone, also when it comes back.
    id: `report:${newId(io)}`,
    in: container,
    path: basename(file),
    format: 'report',
    ...(key !== undefined && { about: namedRepository(key) }),
    size: content.size,
    cursor,
    bytes: () => checked(file, content.digest, io),
  }
}

async function contentOf(
  file: string,
  io: Pick<Io, 'signal'>,
): Promise<{ digest: string; size: number } | undefined> {
  try {
    const found = await stat(file)
    if (!found.isFile()) throw unreadable(file, 'is no file')
    if (found.size > MOST_BYTES) throw unreadable(file, 'is larger than 512 MiB')
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(file, { signal: io.signal })) hash.update(chunk as Buffer)
    return { digest: hash.digest('hex'), size: found.size }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw failureOf(file, error)
  }
}

/** The same bytes again; what was changed meanwhile is not taken for the report that it was. */
async function* checked(
  file: string,
  digest: string,
  io: Pick<Io, 'signal'>,
): AsyncGenerator<Uint8Array, void> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(file, { signal: io.signal, highWaterMark: 256 * 1024 })) {
      hash.update(chunk as Buffer)
      yield chunk as Buffer
    }
  } catch (error) {
    throw failureOf(file, error)
  }
  if (hash.digest('hex') !== digest)
    throw new FirebreakError(
      'CONFLICT',
      `${file} changed while it was read`,
      'Import it again when the scanner has finished.',
    )
}

function failureOf(file: string, error: unknown): unknown {
  const code = codeOf(error)
  if (error instanceof FirebreakError || code === undefined || code === 'ABORT_ERR') return error
  return unreadable(file, `cannot be read: ${systemReason(error)}`)
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function unreadable(file: string, why: string): FirebreakError {
  return new FirebreakError('UNREACHABLE', `${file} ${why}`, 'Give the file that the scanner wrote.')
}
