import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import type { ApiObject } from './cluster.ts'

/** A document that a Secret or ConfigMap is read as, and written through. */
export interface StoredText {
  readonly path: string
  readonly bytes: Uint8Array
  /** The key whose value it is; undefined for the one that has all the short ones. */
  readonly key: string | undefined
}

const values = z.record(z.string(), z.string()).nullish()
const storedSchema = z.looseObject({
  type: z.string().optional(),
  immutable: z.boolean().nullish(),
  data: values,
  binaryData: values,
})

export const TOKEN_TYPE = 'kubernetes.io/service-account-token'
export const ACCOUNT_NAME = 'kubernetes.io/service-account.name'
export const ACCOUNT_UID = 'kubernetes.io/service-account.uid'

const LONGEST_SHORT_BYTES = 8192

export function typeOf(object: ApiObject): string {
  return storedSchema.parse(object).type ?? 'Opaque'
}

export function isImmutable(object: ApiObject): boolean {
  return storedSchema.parse(object).immutable === true
}

/** The values by key, decoded. */
export function valuesOf(object: ApiObject, kind: 'secret' | 'config-map'): Map<string, Uint8Array> {
  const { data, binaryData } = storedSchema.parse(object)
  const all = new Map<string, Uint8Array>()
  for (const [key, value] of Object.entries(data ?? {}))
    all.set(key, kind === 'secret' ? Buffer.from(value, 'base64') : Buffer.from(value))
  for (const [key, value] of Object.entries(binaryData ?? {})) all.set(key, Buffer.from(value, 'base64'))
  return new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * What readers get: short values together as a manifest, so that their keys tell what they are, and each file by itself, under
 * its own name. The same values give the same texts, whatever else of the object changes.
 */
export function storedTexts(object: ApiObject, kind: 'secret' | 'config-map'): StoredText[] {
  const { namespace = '', name, uid, annotations } = object.metadata
  const stem = `${namespace}/${kind === 'secret' ? '' : 'configmap/'}${name}`
  const short: Record<string, string> = {}
  const found: StoredText[] = []
  for (const [key, bytes] of valuesOf(object, kind))
    if (isShort(bytes)) short[key] = Buffer.from(bytes).toString('utf8')
    else if (bytes.length > 0) found.push({ path: `${stem}/${key}`, bytes, key })
  if (Object.keys(short).length === 0) return found
  const owner = Object.fromEntries(
    [ACCOUNT_NAME, ACCOUNT_UID].flatMap(each => {
      const value = annotations?.[each]
      return value === undefined ? [] : [[each, value] as const]
    }),
  )
  const manifest = {
    apiVersion: 'v1',
    kind: kind === 'secret' ? 'Secret' : 'ConfigMap',
    metadata: { name, namespace, uid, ...(Object.keys(owner).length > 0 && { annotations: owner }) },
    ...(kind === 'secret' && { type: typeOf(object) }),
    [kind === 'secret' ? 'stringData' : 'data']: short,
  }
  return [
    { path: `${stem}.json`, bytes: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`), key: undefined },
    ...found,
  ]
}

/** One line of text, that is no file in itself. */
function isShort(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes.length > LONGEST_SHORT_BYTES || !isUtf8(bytes)) return false
  const text = Buffer.from(bytes).toString('utf8').trimEnd()
  return !/[\n\r\0]/.test(text) && !/^[{[]/.test(text)
}

/** The values that such a text holds, by key. */
export function valuesIn({ key }: Pick<StoredText, 'key'>, content: Uint8Array): Map<string, Uint8Array> {
  if (key !== undefined) return new Map([[key, content]])
  const { stringData } = z
    .looseObject({ stringData: z.record(z.string(), z.string()) })
    .parse(JSON.parse(Buffer.from(content).toString('utf8')))
  return new Map(Object.entries(stringData).map(([name, value]) => [name, Buffer.from(value)]))
}
