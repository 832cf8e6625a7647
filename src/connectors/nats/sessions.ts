import { z } from 'zod'
import type { Ref } from '../../core/contract/ref.ts'
import type { Use } from '../../core/contract/use.ts'
import { type Account, currentClaims, refOf, userRef } from './account.ts'

const client = z.looseObject({
  cid: z.number(),
  ip: z.string().optional(),
  port: z.number().optional(),
  name: z.string().optional(),
  start: z.iso.datetime({ offset: true }).optional(),
  authorized_user: z.string().optional(),
  jwt: z.string().optional(),
  issuer_key: z.string().optional(),
})
const subject = z.looseObject({ sub: z.string() })
const page = z.looseObject({
  server: z.looseObject({ id: z.string() }),
  data: z
    .looseObject({ total: z.number(), offset: z.number(), connections: z.array(client).default([]) })
    .optional(),
})

/** Somebody who is connected to a server at this moment. */
export interface Client extends z.infer<typeof client> {
  readonly server: string
  readonly user: string | undefined
}

const PER_PAGE = 1024
/** All servers answer, and nobody knows how many there are: those that come this late are missed. */
const SILENCE_MS = 250

export async function clientsOf(account: Account): Promise<Client[]> {
  const { config, system } = account
  return await system.ask('listing who is connected', async connection => {
    const found: Client[] = []
    for (let offset = 0, more = true; more; offset += PER_PAGE) {
      more = false
      const answers = await connection.requestMany(
        `$SYS.REQ.ACCOUNT.${config.account}.CONNZ`,
        JSON.stringify({ auth: true, limit: PER_PAGE, offset }),
        { strategy: 'stall', maxWait: config.timeoutMs, stall: SILENCE_MS },
      )
      for await (const answer of answers) {
        const { server, data } = page.parse(answer.json())
        if (!data) continue
        found.push(...data.connections.map(each => ({ ...each, server: server.id, user: userOf(each) })))
        more ||= data.total > offset + PER_PAGE
      }
    }
    return found
  })
}

/** The server lists whatever key a client calls its own; that it was let in is by its token. */
function userOf({ jwt, authorized_user }: z.infer<typeof client>): string | undefined {
  try {
    const [, payload = ''] = (jwt ?? '').split('.')
    return subject.parse(JSON.parse(Buffer.from(payload, 'base64url').toString())).sub
  } catch {
    return authorized_user
  }
}

/** Who is connected at this moment as a user of the role. */
export async function* sessions(account: Account, identity: Ref): AsyncGenerator<Use> {
  account.mustBeOurs(identity)
  await currentClaims(account)
  const { instance, io } = account
  const now = io.now().getTime()
  for (const each of await clientsOf(account)) {
    if (each.issuer_key !== identity.id && each.user !== identity.id) continue
    const user = each.user ?? ''
    yield {
      id: `session:${each.server}:${each.cid}`,
      at: now,
      cursor: '',
      identity,
      credential: userRef(instance, user, identity),
      workload: refOf(instance, 'client', `${user}@${each.ip ?? ''}`),
      session: {
        id: `${each.server}:${each.cid}`,
        ...(each.start !== undefined && { issuedAt: Date.parse(each.start) }),
      },
      source: { ...(each.ip !== undefined && { ip: each.ip }) },
      action: 'connection',
      target: refOf(instance, 'account', instance),
      outcome: 'success',
    }
  }
}
