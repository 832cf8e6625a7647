import { plain, type Post, type PostsAt } from './post.ts'

/** Objects around a place that are looked into, innermost first, and how large one may be. */
const MOST_AROUND = 8
const MOST_BYTES = 2 * 2 ** 20
const MOST_DEPTH = 500

const [QUOTE, BACKSLASH, OPEN, CLOSE] = [0x22, 0x5c, 0x7b, 0x7d]

/**
 * Posts of Slack's exports and of answers and exports in JSON of Jira and Confluence: of the objects around a place, the
 * innermost that names an author.
 */
export function jsonPosts(bytes: Buffer, path: string): PostsAt {
  const channel = /(?:^|\/)([^/]+)\/\d{4}-\d\d-\d\d\.json$/.exec(path)?.[1]
  return offsets => {
    const found = new Map<number, Post>()
    const parsed = new Map<number, Record<string, unknown> | undefined>()
    for (const [offset, around] of aroundEach(bytes, offsets)) {
      const objects: Record<string, unknown>[] = []
      for (const start of around) {
        if (!parsed.has(start)) parsed.set(start, objectAt(bytes, start))
        const object = parsed.get(start)
        if (object) objects.push(object)
      }
      const post = postOf(objects, channel)
      if (post) found.set(offset, post)
    }
    return found
  }
}

/** For each place the beginnings of the objects around it, innermost first. */
function aroundEach(bytes: Buffer, offsets: readonly number[]): Map<number, number[]> {
  const found = new Map<number, number[]>()
  const sorted = offsets.toSorted((a, b) => a - b)
  const open: number[] = []
  let next = 0
  let quoted = false
  for (let at = 0; at < bytes.length && next < sorted.length; at++) {
    while (next < sorted.length && sorted[next]! <= at)
      found.set(sorted[next++]!, open.slice(-MOST_AROUND).reverse())
    const sign = bytes[at]!
    if (quoted) {
      if (sign === BACKSLASH) at++
      else if (sign === QUOTE) quoted = false
    } else if (sign === QUOTE) quoted = true
    else if (sign === OPEN && open.length < MOST_DEPTH) open.push(at)
    else if (sign === CLOSE) open.pop()
  }
  while (next < sorted.length) found.set(sorted[next++]!, open.slice(-MOST_AROUND).reverse())
  return found
}

/** The object that begins there; undefined where it does not end within what is looked at. */
function objectAt(bytes: Buffer, start: number): Record<string, unknown> | undefined {
  let [depth, quoted] = [0, false]
  for (let at = start; at < Math.min(bytes.length, start + MOST_BYTES); at++) {
    const sign = bytes[at]!
    if (quoted) {
      if (sign === BACKSLASH) at++
      else if (sign === QUOTE) quoted = false
    } else if (sign === QUOTE) quoted = true
    else if (sign === OPEN) depth++
    else if (sign === CLOSE && --depth === 0)
      try {
        const value: unknown = JSON.parse(bytes.toString('utf8', start, at + 1))
        return isRecord(value) ? value : undefined
      } catch {
        return undefined
      }
  }
  return undefined
}

function postOf(objects: readonly Record<string, unknown>[], channel: string | undefined): Post | undefined {
  const at = objects.findIndex(object => authorOf(object) !== undefined)
  if (at < 0) return undefined
  const post = objects[at]!
  const author = authorOf(post)
  const postedAt = timeOf(post)
  // Fields of an issue lie within it, and its key beside them.
  const place =
    channel ??
    objects
      .slice(at)
      .map(placeOf)
      .find(one => one !== undefined)
  return {
    ...(author !== undefined && { author }),
    ...(postedAt !== undefined && { postedAt }),
    ...(place !== undefined && { postedIn: place }),
  }
}

function authorOf(object: Record<string, unknown>): string | undefined {
  for (const key of ['author', 'creator', 'reporter', 'by', 'user_profile', 'createdBy']) {
    const value = object[key]
    const named = isRecord(value)
      ? (plain(value['displayName']) ??
        plain(value['real_name']) ??
        plain(value['display_name']) ??
        plain(value['name']) ??
        plain(value['username']))
      : plain(value)
    if (named !== undefined) return named
  }
  // Of Slack: who wrote, as the workspace knows them, or the name that a bot gave itself.
  return 'ts' in object
    ? (plain(object['user']) ?? plain(object['username']) ?? plain(object['bot_id']))
    : undefined
}

function timeOf(object: Record<string, unknown>): string | undefined {
  const seconds = Number(object['ts'])
  if (typeof object['ts'] === 'string' && Number.isFinite(seconds) && Math.abs(seconds) < 8e12)
    return new Date(seconds * 1000).toISOString()
  const version = object['version']
  return (
    plain(object['created']) ??
    plain(object['createdAt']) ??
    plain(object['when']) ??
    (isRecord(version) ? plain(version['when'] ?? version['createdAt']) : undefined)
  )
}

function placeOf(object: Record<string, unknown>): string | undefined {
  const key = plain(object['key'])
  return key !== undefined && /^[A-Z][A-Z0-9_]+-\d+$/.test(key) ? key : plain(object['title'])
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
