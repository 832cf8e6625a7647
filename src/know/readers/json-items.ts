/** One thing that an answer tells of. */
export type Item = Readonly<Record<string, unknown>>

/**
 * The things in a text: one JSON, a list, an answer that wraps a list, or one on each line. `broken` are the places that are no
 * JSON, as `:12`.
 */
export function itemsIn(text: string): { items: Item[]; broken: string[] } {
  const whole = parsed(text)
  if (whole !== undefined) return { items: unwrapped(whole), broken: [] }
  const lines = text.split('\n')
  const items: Item[] = []
  const broken: string[] = []
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue
    const item = parsed(line)
    if (item === undefined) broken.push(`:${index + 1}`)
    else items.push(...unwrapped(item))
  }
  // Text that is one thing over many lines is broken once, wherever that is.
  return items.length === 0 ? { items, broken: [''] } : { items, broken }
}

/** The lists of REST's answers, by their names. */
const LISTS = [
  'accounts',
  'keys',
  'roles',
  'assets',
  'results',
  'projects',
  'secrets',
  'workloadIdentityPoolProviders',
  'items',
  'value',
]

function unwrapped(value: unknown): Item[] {
  if (Array.isArray(value)) return value.filter(isItem)
  if (!isItem(value)) return []
  const list = LISTS.find(name => Array.isArray(value[name]))
  return list === undefined || 'name' in value ? [value] : (value[list] as unknown[]).filter(isItem)
}

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
