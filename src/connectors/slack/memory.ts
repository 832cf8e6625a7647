/**
 * A workspace of Slack in memory, at the wire: its answers are written from the pages of the methods at docs.slack.dev. Pages
 * are short, so that there is always a second one.
 */
export interface MemorySlack {
  readonly fetch: typeof fetch
  team: string
  /** The token that is taken. */
  token: string
  readonly bots: { readonly id: string; readonly name: string; deleted?: boolean }[]
  readonly channels: MemoryChannel[]
  /** The scopes that the token lacks: a method that needs one answers `missing_scope`. */
  readonly missing: Set<string>
  reachable: boolean
  /** So many calls are answered 429, with this in `retry-after`. */
  limited: { calls: number; seconds: number }
  /** The call with this number, counted from now as 1, is answered 500. */
  failAt: number
  readonly log: readonly string[]
}

export interface MemoryChannel {
  readonly id: string
  readonly name: string
  readonly isPrivate?: boolean
  /** The bot is in it. */
  readonly member?: boolean
  readonly messages: MemoryMessage[]
}

export interface MemoryMessage {
  readonly ts: string
  readonly user?: string
  readonly text: string
  readonly threadTs?: string
}

const PAGE = 2
const SCOPES: Readonly<Record<string, string>> = {
  'users.list': 'users:read',
  'conversations.history': 'channels:history',
  'conversations.replies': 'channels:history',
}

export function memorySlack(): MemorySlack {
  const log: string[] = []
  const slack: MemorySlack = {
    team: 'T0000001',
    token: '',
    bots: [],
    channels: [],
    missing: new Set(),
    reachable: true,
    limited: { calls: 0, seconds: 0 },
    failAt: 0,
    log,
    fetch: (async (input, init) => {
      init?.signal?.throwIfAborted()
      if (!slack.reachable) throw new TypeError('fetch failed')
      const request = new Request(input, init)
      const method = new URL(request.url).pathname.split('/').at(-1)!
      log.push(method)
      if (slack.limited.calls > 0) {
        slack.limited.calls--
        return new Response('', { status: 429, headers: { 'retry-after': String(slack.limited.seconds) } })
      }
      if (slack.failAt > 0 && --slack.failAt === 0) return new Response('oops', { status: 500 })
      const given = request.headers.get('authorization')?.replace(/^Bearer /, '')
      if (given !== slack.token) return Response.json({ ok: false, error: 'invalid_auth' })
      return Response.json(answer(slack, method, new URLSearchParams(await request.text())))
    }) satisfies typeof fetch,
  }
  return slack
}

function answer(slack: MemorySlack, method: string, asked: URLSearchParams): object {
  const types = asked.get('types') === 'private_channel' ? 'groups:read' : 'channels:read'
  const scope = SCOPES[method] ?? (method === 'conversations.list' ? types : '')
  if (slack.missing.has(scope)) return { ok: false, error: 'missing_scope', needed: scope }
  const channel = slack.channels.find(({ id }) => id === asked.get('channel'))
  switch (method) {
    case 'auth.test':
      return { ok: true, team_id: slack.team, team: 'Shop', url: 'https://shop.slack.com/', user_id: 'U0' }
    case 'users.list':
      return page(asked, slack.bots, 'members', ({ id, name, deleted = false }) => ({
        id,
        name,
        deleted,
        is_bot: true,
        profile: { api_app_id: `A${id}` },
      }))
    case 'conversations.list':
      return page(
        asked,
        slack.channels.filter(({ isPrivate = false }) => isPrivate === (types === 'groups:read')),
        'channels',
        ({ id, name, isPrivate = false, member = true }) => ({
          id,
          name,
          is_private: isPrivate,
          is_member: member,
        }),
      )
    case 'conversations.history': {
      if (channel?.member === false) return { ok: false, error: 'not_in_channel' }
      const all = channel?.messages ?? []
      const top = all.filter(({ threadTs }) => threadTs === undefined).toReversed()
      return page(asked, top, 'messages', ({ ts, user, text }) => {
        const replies = all.filter(({ threadTs }) => threadTs === ts).length
        return {
          type: 'message',
          ts,
          user,
          text,
          ...(replies > 0 && { thread_ts: ts, reply_count: replies }),
        }
      })
    }
    case 'conversations.replies': {
      const ts = asked.get('ts')
      const thread = channel?.messages.filter(one => one.ts === ts || one.threadTs === ts) ?? []
      return page(asked, thread, 'messages', ({ ts: own, user, text }) => ({
        type: 'message',
        ts: own,
        thread_ts: ts,
        user,
        text,
      }))
    }
    default:
      return { ok: false, error: 'unknown_method' }
  }
}

function page<Item>(
  asked: URLSearchParams,
  items: readonly Item[],
  name: string,
  shown: (item: Item) => object,
): object {
  const from = Number(asked.get('cursor') ?? 0)
  const to = Math.min(from + PAGE, items.length)
  return {
    ok: true,
    [name]: items.slice(from, to).map(shown),
    response_metadata: { next_cursor: to < items.length ? String(to) : '' },
  }
}
