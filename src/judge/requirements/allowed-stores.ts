/** Where a copy stands, as a rule names it. */
export interface StorePlace {
  readonly system: string
  /** The source's, which may be a whole path: its last part means it, too. */
  readonly label: string
  readonly path: string
}

/** Whether it stands where each of the rules allows: in one of the stores that the rule lists, globs of `system:label/path`. */
export function isAllowedStore(
  { system, label, path }: StorePlace,
  stores: readonly (readonly string[])[],
): boolean {
  const last = label.replace(/\/+$/, '').split('/').at(-1)
  const names = [`${system}:${label}/${path}`, `${system}:${last}/${path}`]
  return stores.every(globs => globs.some(glob => names.some(name => patternFor(glob).test(name))))
}

const MOST_KEPT = 256
const kept = new Map<string, RegExp>()

/** There are few globs, each asked of every copy. */
function patternFor(glob: string): RegExp {
  const before = kept.get(glob)
  if (before) return before
  const made = patternOf(glob)
  if (kept.size >= MOST_KEPT) kept.clear()
  kept.set(glob, made)
  return made
}

/** `**` is anything, `*` and `?` anything but a slash: also what begins with a dot, which files of secrets do. */
function patternOf(glob: string): RegExp {
  const pattern = glob.replace(/\*\*\/?|[*?]|[^*?]+/g, part => {
    if (part === '**/') return '(?:.*/)?'
    if (part === '**') return '.*'
    if (part === '*') return '[^/]*'
    return part === '?' ? '[^/]' : part.replace(/[\\^$.|()[\]{}+]/g, '\\$&')
  })
  return new RegExp(`^${pattern}$`, 's')
}
