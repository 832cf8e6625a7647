import { z } from 'zod'
import { type Document, documentOf } from '../../core/contract/document.ts'
import type { Facts, Observation } from '../../core/contract/observation.ts'
import type { Ref } from '../../core/contract/ref.ts'
import { SlackRefusal, type WebApi } from './web-api.ts'

const userPage = z.looseObject({
  members: z.array(
    z.looseObject({
      id: z.string(),
      name: z.string().default(''),
      deleted: z.boolean().default(false),
      is_bot: z.boolean().default(false),
      real_name: z.string().optional(),
      profile: z.looseObject({ api_app_id: z.string().optional() }).optional(),
    }),
  ),
})
const channel = z.looseObject({
  id: z.string(),
  name: z.string(),
  is_private: z.boolean().default(false),
  is_archived: z.boolean().default(false),
  is_ext_shared: z.boolean().default(false),
  num_members: z.number().optional(),
})
const channelPage = z.looseObject({ channels: z.array(channel) })
type Channel = z.infer<typeof channel>

/** What of a message is kept: what was written, by whom, when. What changes without it, reactions, is left out. */
const message = z.object({
  type: z.string().optional(),
  subtype: z.string().optional(),
  ts: z.string().regex(/^\d{1,12}\.\d{1,9}$/),
  thread_ts: z.string().optional(),
  user: z.string().optional(),
  bot_id: z.string().optional(),
  username: z.string().optional(),
  text: z.string().default(''),
  attachments: z.array(z.json()).optional(),
  blocks: z.array(z.json()).optional(),
  files: z
    .array(z.object({ id: z.string(), name: z.string().nullish(), preview: z.string().optional() }))
    .optional(),
})
const messagePage = z.looseObject({
  messages: z.array(message.extend({ reply_count: z.number().optional() })),
})
type Message = z.infer<typeof message>

interface Day {
  readonly path: string
  readonly id: string
  readonly lastTs: string
}

/** One look at a workspace: its conversations, a document for each day of each, as its export has them. */
export class Workspace {
  readonly #api: WebApi
  readonly #ref: Ref
  readonly #names: readonly string[]
  readonly #only: readonly string[]
  #seen: { readonly days: Day[]; readonly channels: Channel[]; readonly gaps: Observation[] } | undefined

  constructor(api: WebApi, team: string, names: readonly string[], only: readonly string[]) {
    this.#api = api
    this.#ref = { system: 'slack', instance: team, kind: 'workspace', id: team }
    this.#names = names.filter(name => name !== '')
    this.#only = only
  }

  /** All of it each time: an old message may have been changed. What is as it was has the same id, and is not read again. */
  async *documents(): AsyncGenerator<Document> {
    const seen = { days: [] as Day[], channels: [] as Channel[], gaps: [] as Observation[] }
    const channels = await this.#channels(seen.gaps)
    for (const one of channels) {
      seen.channels.push(one)
      try {
        for await (const { path, messages } of this.#days(one)) {
          const bytes = Buffer.from(`${JSON.stringify(messages, null, 1)}\n`)
          const lastTs = messages.at(-1)!.ts
          const document = documentOf(this.#ref, path, bytes, { cursor: lastTs })
          seen.days.push({ path, id: document.id, lastTs })
          yield document
        }
      } catch (error) {
        if (!(error instanceof SlackRefusal)) throw error
        const why =
          error.reason === 'not_in_channel'
            ? 'the bot is not in it: invite it, or leave it out'
            : error.message
        seen.gaps.push({ see: 'covered', scope: this.#scope(one), complete: false, why })
      }
    }
    this.#seen = seen
  }

  async *discover(): AsyncGenerator<Observation> {
    if (!this.#seen) for await (const _ of this.documents());
    const { days, channels, gaps } = this.#seen!
    yield { see: 'resource', ref: this.#ref, names: [...this.#names], facts: {} }
    for (const one of channels)
      yield {
        see: 'resource',
        ref: { ...this.#ref, kind: 'channel', id: one.id },
        names: [`#${one.name}`],
        facts: {
          isPrivate: { value: one.is_private },
          isArchived: { value: one.is_archived },
          isSharedOutside: { value: one.is_ext_shared },
          ...(one.num_members !== undefined && { members: { value: one.num_members } }),
        },
      }
    yield* this.#bots()
    for (const { path, id, lastTs } of days)
      yield { see: 'occurrence', document: id, path, at: msOf(lastTs), atHead: true }
    const which = this.#only.length === 0 ? 'the conversations that the bot may read' : this.#only.join(', ')
    yield {
      see: 'covered',
      scope: `slack ${this.#ref.id}: ${which}`,
      complete: gaps.length === 0,
      ...whyOf(gaps),
    }
    yield* gaps
  }

  async *#bots(): AsyncGenerator<Observation> {
    const scope = `slack ${this.#ref.id}: bots`
    try {
      for await (const { members } of this.#api.pages('users.list', {}, userPage))
        for (const { id, name, deleted, is_bot, real_name, profile } of members) {
          if (!is_bot || deleted) continue
          const app = profile?.api_app_id
          const names = [...new Set([name, real_name ?? ''])].filter(text => text !== '')
          const facts: Facts = app ? { app: { value: app } } : {}
          yield { see: 'identity', ref: { ...this.#ref, kind: 'bot', id }, names, facts }
        }
      yield { see: 'covered', scope, complete: true }
    } catch (error) {
      if (!(error instanceof SlackRefusal)) throw error
      yield { see: 'covered', scope, complete: false, why: error.message, hides: ['bot'] }
    }
  }

  async #channels(gaps: Observation[]): Promise<Channel[]> {
    const channels: Channel[] = []
    // Each needs a scope of its own.
    for (const types of ['public_channel', 'private_channel'])
      try {
        for await (const page of this.#api.pages('conversations.list', { types }, channelPage))
          channels.push(...page.channels.filter(({ name }) => this.#isWanted(name)))
      } catch (error) {
        if (!(error instanceof SlackRefusal)) throw error
        const scope = `slack ${this.#ref.id}: every ${types.replace('_', ' ')}`
        gaps.push({ see: 'covered', scope, complete: false, why: error.message })
      }
    for (const name of this.#only)
      if (!channels.some(channel => channel.name === name.replace(/^#/, '')))
        gaps.push({
          see: 'covered',
          scope: `slack ${this.#ref.id}: #${name.replace(/^#/, '')}`,
          complete: false,
          why: 'there is no such channel that the bot may see',
        })
    // A page that changed meanwhile may tell of one twice.
    return [...new Map(channels.map(one => [one.id, one])).values()]
  }

  #isWanted(name: string): boolean {
    return this.#only.length === 0 || this.#only.some(only => only.replace(/^#/, '') === name)
  }

  #scope({ name }: Channel): string {
    return `slack ${this.#ref.id}: #${name}`
  }

  /** The oldest day first. What was answered in a thread stands with what it answers. */
  async *#days({ id, name }: Channel): AsyncGenerator<{ path: string; messages: Message[] }> {
    const days = new Map<string, Message[]>()
    for await (const { messages } of this.#api.pages('conversations.history', { channel: id }, messagePage))
      for (const { reply_count = 0, ...one } of messages) {
        const day = new Date(msOf(one.ts)).toISOString().slice(0, 10)
        const all = days.get(day) ?? []
        days.set(day, all)
        all.push(kept(one))
        if (reply_count > 0) all.push(...(await this.#replies(id, one.ts)))
      }
    for (const [day, messages] of [...days].sort(([a], [b]) => (a < b ? -1 : 1)))
      yield { path: `${name}/${day}.json`, messages: inOrder(messages) }
  }

  async #replies(channel: string, ts: string): Promise<Message[]> {
    const replies: Message[] = []
    for await (const { messages } of this.#api.pages('conversations.replies', { channel, ts }, messagePage))
      for (const { reply_count: _, ...one } of messages) if (one.ts !== ts) replies.push(kept(one))
    return replies
  }
}

/** Blocks say the text again, in parts; of a bot they are often all there is. */
function kept(one: Message): Message {
  const { blocks, ...rest } = one
  return rest.text === '' && blocks !== undefined ? { ...rest, blocks } : rest
}

/** Each once: a page that changed meanwhile may tell of one twice. */
function inOrder(messages: readonly Message[]): Message[] {
  const byTs = new Map(messages.map(one => [one.ts, one]))
  return [...byTs.values()].sort((a, b) => Number(a.ts) - Number(b.ts))
}

function msOf(ts: string): number {
  return Math.floor(Number(ts) * 1000)
}

function whyOf(gaps: readonly Observation[]): { why?: string } {
  return gaps.length === 0 ? {} : { why: 'a part of it could not be read' }
}
