import type { Json } from './ref.ts'

/**
 * The one text of a value: RFC 8785 (JSON Canonicalization Scheme). Keys sort by UTF-16 code units, and numbers and
 * strings are written as ECMAScript writes them, which is what the RFC prescribes. Raises on what JSON cannot hold.
 */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const members = Object.keys(value)
      .sort()
      .map(key => `${quote(key)}:${canonicalJson(value[key]!)}`)
    return `{${members.join(',')}}`
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('not a JSON number')
  return typeof value === 'string' ? quote(value) : JSON.stringify(value)
}

function quote(text: string): string {
  // A lone surrogate has no UTF-8 form, so that two texts would hash alike (RFC 8785, section 3.2.2.2).
  if (!text.isWellFormed()) throw new TypeError('a string with a lone surrogate has no canonical form')
  return JSON.stringify(text)
}
