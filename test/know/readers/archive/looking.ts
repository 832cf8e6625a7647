import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { TestRunner } from 'vitest'
import { pathOf } from '../../../../src/core/contract/ref.ts'
import type { Secret } from '../../../../src/core/contract/secret.ts'
import { Budget, LIMITS, type Limits } from '../../../../src/know/readers/archive/budget.ts'
import { type Unpacked, unpack } from '../../../../src/know/readers/archive/unpack.ts'
import { secretsReader } from '../../../../src/know/readers/secrets/secrets-reader.ts'
import { requireServer } from '../../../servers.ts'
import { engine } from '../secrets/rules/rule-directory.ts'

const reader = secretsReader(engine)

async function* inChunks(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** What all readers of secrets find in a document and in what it holds; `msBefore` is how long each chunk is waited for. */
export async function look(
  bytes: Uint8Array,
  path: string,
  options: {
    readonly limits?: Partial<Limits>
    readonly chunkBytes?: number
    readonly msBefore?: number
  } = {},
): Promise<Unpacked<Secret>> {
  const document = { id: 'sha256:0', in: { system: 'directory', instance: 'd', kind: 'tree', id: 'd' } }
  const { msBefore } = options
  let now = 0
  async function* coming() {
    for await (const chunk of inChunks(bytes, options.chunkBytes)) {
      now += msBefore ?? 0
      yield chunk
    }
  }
  return await unpack<Secret>(coming(), {
    path,
    budget: new Budget({ ...LIMITS, ...options.limits }, msBefore === undefined ? undefined : () => now),
    valueOf: secret => Buffer.from(secret.reveal()).toString('latin1'),
    read: (path, content) => reader.read({ ...document, path }, content.bytes()),
  })
}

/** `path!/member:line value`, and `path!/member: why` of what could not be looked into. */
export async function told(...args: Parameters<typeof look>): Promise<{ found: string[]; gaps: string[] }> {
  const { findings, gaps } = await look(...args)
  return {
    found: findings.flatMap(finding =>
      finding.see === 'copy'
        ? [`${pathOf(finding.place)}:${finding.place.slots[0]!.line} ${finding.secret.revealText()}`]
        : [],
    ),
    gaps: gaps.map(
      ({ member, why }) => `${pathOf({ path: args[1], ...(member !== '' && { member }) })}: ${why}`,
    ),
  }
}

const absent = ['zip', 'xz', 'bzip2', 'zstd', 'ar', 'cpio', 'rpmbuild'].filter(
  name => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0,
)
/** What packs archives as they are met outside: no packing of our own would show that those are read. */
export const packers = requireServer(
  absent.join(', '),
  absent.length === 0,
  'apt-get install zip xz-utils bzip2 zstd binutils cpio rpm',
)

/** A directory of these files, in which a command makes one more, whose bytes are given. A test that needs a program that is absent ends, skipped. */
export async function made(
  files: Record<string, string | Uint8Array>,
  result: string,
  command: string,
): Promise<Buffer> {
  const skip = () => TestRunner.getCurrentTest()?.context.skip(packers.reason)
  if (absent.some(name => new RegExp(`\\b${name}\\b`).test(command))) skip()
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-archive-'))
  try {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await writeFile(join(directory, path), content)
    }
    try {
      execFileSync('bash', ['-euc', command], { cwd: directory, stdio: 'pipe' })
    } catch (error) {
      // What tar starts for `tar cjf` is not named.
      if (absent.length > 0 && /not found|Cannot exec/.test(String(error))) skip()
      throw error
    }
    return readFileSync(join(directory, result))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
