import { plain, type Post, type PostsAt } from './post.ts'

/** Marks of Jira's feeds and backups, and of Confluence's: what a post begins and ends with, and who and where it says. */
const MARKS =
  /<(?<open>item|comment|Action|Issue|object)\b(?<attributes>[^>]{0,100000})>|<\/(?<close>item|comment|Action|Issue|object)>|<key\b[^>]{0,200}>(?<key>[^<]{1,200})<|<reporter\b[^>]{0,200}username="(?<reporter>[^"]{1,200})"|<created>(?<created>[^<]{1,100})<|<property name="(?<property>title|creationDate|creatorName|lastModifierName)"[^>]{0,50}>(?:<!\[CDATA\[)?(?<value>[^<\]]{1,300})/g

interface Open {
  readonly name: string
  author?: string
  postedIn?: string
  postedAt?: string
  readonly places: number[]
}

/**
 * Posts of Jira's feed and backup (entities.xml), and of Confluence's backup, in which a page's title and author may stand after
 * its text.
 */
export function xmlPosts(bytes: Buffer): PostsAt {
  return offsets => {
    const text = bytes.toString('latin1')
    const found = new Map<number, Post>()
    const sorted = offsets.toSorted((a, b) => a - b)
    const stack: Open[] = []
    let next = 0
    const place = (until: number) => {
      for (; next < sorted.length && sorted[next]! < until; next++) stack.at(-1)?.places.push(sorted[next]!)
    }
    const close = () => {
      const top = stack.pop()
      if (!top || top.places.length === 0) return
      const around = [top, ...stack.toReversed()]
      const author = around.find(one => one.author !== undefined)?.author
      const postedIn = around.find(one => one.postedIn !== undefined)?.postedIn
      const post: Post = {
        ...(author !== undefined && { author }),
        ...(postedIn !== undefined && { postedIn }),
        ...(top.postedAt !== undefined && { postedAt: top.postedAt }),
      }
      if (Object.keys(post).length > 0) for (const offset of top.places) found.set(offset, post)
    }
    for (const match of text.matchAll(MARKS)) {
      place(match.index)
      const groups = match.groups!
      const top = stack.at(-1)
      if (groups['open'] !== undefined) {
        stack.push(begun(groups['open'], groups['attributes'] ?? ''))
        // What stands in its attributes is in it.
        place(match.index + match[0].length)
        if (groups['attributes']?.endsWith('/')) close()
      } else if (groups['close'] !== undefined) {
        if (top?.name === groups['close']) close()
      } else if (top) tell(top, groups)
    }
    place(Infinity)
    while (stack.length > 0) close()
    return found
  }
}

function begun(name: string, attributes: string): Open {
  const value = (key: string) =>
    plain(utf8(new RegExp(`(?:^|\\s)${key}="([^"]{1,300})"`).exec(attributes)?.[1]))
  const author = value('author') ?? value('reporter') ?? value('creator')
  const postedAt = value('created')
  const postedIn = value('key') ?? (name === 'Action' ? value('issue') : undefined)
  return {
    name,
    places: [],
    ...(author && { author }),
    ...(postedAt && { postedAt }),
    ...(postedIn && { postedIn }),
  }
}

function tell(top: Open, groups: { [key: string]: string | undefined }): void {
  const value = plain(utf8(groups['value']))
  const [key, reporter, created] = [groups['key'], groups['reporter'], groups['created']].map(one =>
    plain(utf8(one)),
  )
  if (key !== undefined) top.postedIn ??= key
  if (reporter !== undefined) top.author ??= reporter
  if (created !== undefined) top.postedAt ??= created
  if (value === undefined) return
  if (groups['property'] === 'title') top.postedIn ??= value
  else if (groups['property'] === 'creationDate') top.postedAt ??= value
  else top.author ??= value
}

function utf8(latin1: string | undefined): string | undefined {
  return latin1 === undefined ? undefined : Buffer.from(latin1, 'latin1').toString('utf8')
}
