import { open } from 'node:fs/promises'
import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Json } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import type { Keys } from '../../core/keys/keys.ts'
import { seal, unseal } from '../../core/keys/seal.ts'

/** A secret by reference: the environment's variable, or the file's content without one trailing newline. */
const referenceSchema = z.strictObject({ $secret: z.string().regex(/^(env|file):.+$/s) })
const sealedSchema = z.strictObject({ $sealed: z.string(), as: z.literal('text').optional() })

const MAX_SECRET_BYTES = 64 * 1024

/**
 * The configuration as it is stored. A `Secret` is sealed for this source alone; a text with a password in it (a URL's
 * user-info) is sealed whole, so that no connector can put plaintext into the database by taking URLs.
 */
export function storedConfig(
  value: unknown,
  keys: Pick<Keys, 'seal'>,
  sourceId: string,
  io: Pick<Io, 'random'>,
): Json {
  if (value instanceof Secret) return { $sealed: seal(keys.seal, value, sourceId, io) }
  if (typeof value === 'string')
    return holdsPassword(value)
      ? { $sealed: seal(keys.seal, new Secret(value), sourceId, io), as: 'text' }
      : value
  if (Array.isArray(value)) return value.map(item => storedConfig(item, keys, sourceId, io))
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    return Object.fromEntries(
      members.map(([name, member]) => [name, storedConfig(member, keys, sourceId, io)]),
    )
  }
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value
  throw new FirebreakError('INVALID_CONFIG', `a ${typeof value} cannot be kept`)
}

/** What `storedConfig` made without what it sealed: enough to tell what was connected, and nothing to log in with. */
export function withoutSealed(config: string): string {
  return JSON.stringify(JSON.parse(config), (_, value: unknown) =>
    sealedSchema.safeParse(value).success ? null : value,
  )
}

/** What `storedConfig` made, with secrets in their places again: what a connector's schema takes. */
export async function openedConfig(
  value: unknown,
  keys: Pick<Keys, 'seal'>,
  sourceId: string,
): Promise<unknown> {
  if (value instanceof Secret || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return await Promise.all(value.map(item => openedConfig(item, keys, sourceId)))
  if ('$sealed' in value) {
    const { $sealed, as } = sealedSchema.parse(value)
    const secret = unseal(keys.seal, $sealed, sourceId)
    return as === 'text' ? secret.revealText() : secret
  }
  if ('$secret' in value) return await referencedSecret(value)
  const members = Object.entries(value).map(
    async ([name, member]) => [name, await openedConfig(member, keys, sourceId)] as const,
  )
  return Object.fromEntries(await Promise.all(members))
}

async function referencedSecret(value: object): Promise<Secret> {
  const parsed = referenceSchema.safeParse(value)
  if (!parsed.success)
    throw new FirebreakError(
      'INVALID_CONFIG',
      'a reference to a secret is not usable',
      'give env:NAME or file:PATH',
    )
  return await secretAt(parsed.data.$secret)
}

/** What stands at `env:NAME` or `file:PATH`, a line's end after it left out, and is not empty. Raises INVALID_CONFIG. */
export async function secretAt(reference: string): Promise<Secret> {
  const name = reference.slice(reference.indexOf(':') + 1)
  if (reference.startsWith('env:')) {
    const text = process.env[name]
    if (text === undefined || text === '')
      throw new FirebreakError(
        'INVALID_CONFIG',
        `the environment has no ${name}`,
        `set ${name} for this command`,
      )
    return new Secret(text)
  }
  try {
    const file = await open(name, 'r')
    try {
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(MAX_SECRET_BYTES + 1),
        0,
        MAX_SECRET_BYTES + 1,
        0,
      )
      if (bytesRead > MAX_SECRET_BYTES)
        throw new FirebreakError('INVALID_CONFIG', `${name} is larger than ${MAX_SECRET_BYTES} bytes`)
      const end =
        buffer[bytesRead - 1] === 10 ? bytesRead - (buffer[bytesRead - 2] === 13 ? 2 : 1) : bytesRead
      // Whoever knew that it is empty would have it.
      if (end === 0)
        throw new FirebreakError(
          'INVALID_CONFIG',
          `the secret's file ${name} is empty`,
          'write the secret into it; an empty one protects nothing',
        )
      return new Secret(buffer.subarray(0, end))
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof FirebreakError) throw error
    throw new FirebreakError(
      'INVALID_CONFIG',
      `the secret's file ${name} cannot be read`,
      'check the path and its rights',
    )
  }
}

function holdsPassword(text: string): boolean {
  if (!text.includes('@') || !URL.canParse(text)) return /^[\w+.-]+:\/\/[^/@]*:[^/@]+@/.test(text)
  return new URL(text).password !== ''
}

/** A name that people recognise, without secrets: `host:port/database`, a path, or the instance. */
export function labelOf(config: unknown, instance: string): string {
  if (typeof config !== 'object' || config === null) return instance
  const members = new Map<string, unknown>(Object.entries(config))
  const text = (name: string) => {
    const value = members.get(name)
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
  }
  const url = text('url')
  if (url !== undefined && URL.canParse(url)) {
    const { host, pathname } = new URL(url)
    return `${host}${pathname === '/' ? '' : pathname}` || instance
  }
  const host = text('host')
  if (host !== undefined) {
    const port = text('port')
    const database = text('database')
    return `${host}${port ? `:${port}` : ''}${database ? `/${database}` : ''}`
  }
  return text('path') ?? text('directory') ?? text('owner') ?? text('group') ?? instance
}
