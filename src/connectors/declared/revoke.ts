import { callFor, type DeclaredKind, type RevokeCall } from '../../core/contract/declared-step.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { isOneOf, memberAt } from './answer.ts'
import type { Reply } from './exchange.ts'
import { fill, type Request, type Template } from './request.ts'
import type { Vendors } from './verify.ts'

/**
 * Ends a credential at its vendor, by the call that its rule declares. That the vendor says so proves nothing: whether it is
 * dead is for `verify` to say.
 */
export async function revoke(vendors: Vendors, ref: CredentialRef, secret?: Secret): Promise<void> {
  const kind = vendors.kind(ref.kind)
  if (!kind) throw new FirebreakError('UNSUPPORTED', `no rule in use is called ${ref.kind}`)
  const { revoke: step } = kind
  if (!('http' in step)) throw byHand(kind.name, 'why' in step ? step.why : 'Only a connected system can.')
  if (!secret || secret.length === 0)
    throw new FirebreakError(
      'UNSUPPORTED',
      `a ${kind.name} is revoked with its own value, which is not at hand`,
      'give the secret itself: firebreak contain -',
    )
  const call = callFor(step, secret.revealText())
  if (!call) throw byHand(kind.name, step.why ?? 'No call is declared for what begins so.')
  const own = call.lookup && (await ownId(vendors, kind, call, call.lookup, secret))
  // Refused already: there is nothing left to be ended.
  if (own === null) return
  const requests = call.url.map(url => mustFill(kind, url, call, secret, own))
  // One that cannot be told keeps none of the others from being told.
  const told = await Promise.allSettled(requests.map(request => tell(vendors, request, call)))
  for (const result of told) if (result.status === 'rejected') throw result.reason
}

async function tell(vendors: Vendors, request: Request, { done }: RevokeCall): Promise<void> {
  const reply = await answered(vendors, request)
  if (!isOneOf(reply, done)) throw refusal(request, reply)
}

type Lookup = NonNullable<RevokeCall['lookup']>

/** The id by which the vendor knows the credential; null where the vendor refuses the credential itself, and not for want of a right. */
async function ownId(
  vendors: Vendors,
  kind: DeclaredKind,
  call: RevokeCall,
  { url, list, bears = '', first, id }: Lookup,
  secret: Secret,
): Promise<string | null> {
  const { headers, basic } = call
  const request = mustFill(kind, url, { method: 'GET', headers, basic }, secret)
  const reply = await answered(vendors, request)
  const value = secret.revealText()
  const verify = 'http' in kind.verify ? callFor(kind.verify, value) : undefined
  if (reply.status === 401 && !isOneOf(reply, verify?.live ?? [])) return null
  if (reply.status !== 200) throw refusal(request, reply)
  const beginnings = [...(call.begins ?? []), ...kind.keywords].filter(beginning =>
    value.startsWith(beginning),
  )
  const shared = Math.max(0, ...beginnings.map(({ length }) => length))
  const items = list === undefined ? [reply.json] : memberAt(reply.json, list)
  const meant = (Array.isArray(items) ? items : []).filter(
    item => list === undefined || shows(memberAt(item, bears), value, { first, shared }),
  )
  const found = meant.length === 1 ? memberAt(meant[0], id) : undefined
  if (typeof found === 'string' && found !== '') return found
  if (Number.isSafeInteger(found)) return String(found)
  throw new FirebreakError(
    'CONFLICT',
    `${request.url.host} does not tell by which id it knows this ${kind.name}`,
    BY_HAND,
  )
}

/**
 * Whether a text is the value, its `first` characters, or its beginning and its end with something left out between. What
 * all of its kind begin with, the `shared` characters, tells it from no other.
 */
function shows(
  text: unknown,
  value: string,
  { first, shared }: { first: number | undefined; shared: number },
): boolean {
  if (typeof text !== 'string') return false
  if (text === value || text === value.slice(0, first)) return true
  const [head = '', tail, ...more] = text.split(/\.{2,}|…|\*+/)
  if (tail === undefined || more.length > 0 || Math.max(0, head.length - shared) + tail.length < LEAST_SHOWN)
    return false
  return value.startsWith(head) && value.endsWith(tail)
}

const LEAST_SHOWN = 6
const BY_HAND = 'revoke it by hand, in the settings of its account; then verify it again'

function mustFill(
  kind: DeclaredKind,
  url: string,
  template: Template,
  secret: Secret,
  own?: string,
): Request {
  const request = fill(url, template, secret, own)
  if (typeof request === 'string') throw byHand(kind.name, request)
  return request
}

async function answered(vendors: Vendors, request: Request): Promise<Reply> {
  const reply = await vendors.exchange.send(request)
  if (!('none' in reply)) return reply
  throw new FirebreakError(
    reply.none === 'slow-down' ? 'RATE_LIMITED' : 'UNREACHABLE',
    reply.why,
    'check the network; the same command again goes on with it',
  )
}

function refusal({ url }: Request, { status }: Reply): FirebreakError {
  if (status >= 500)
    return new FirebreakError('UNREACHABLE', `${url.host} answered ${status}`, 'try again later')
  return new FirebreakError(
    status === 401 || status === 403 ? 'DENIED' : 'CONFLICT',
    `${url.host} answered ${status} to the call that revokes`,
    BY_HAND,
  )
}

function byHand(name: string, why: string): FirebreakError {
  return new FirebreakError('UNSUPPORTED', `a ${name} cannot be revoked by a call: ${why}`, BY_HAND)
}
