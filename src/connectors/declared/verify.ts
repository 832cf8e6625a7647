import { hostname } from 'node:os'
import type { Verdict } from '../../core/contract/connector.ts'
import { callFor, type DeclaredKind, type VerifyCall } from '../../core/contract/declared-step.ts'
import type { Io } from '../../core/contract/io.ts'
import type { CredentialRef, Ms } from '../../core/contract/ref.ts'
import type { Secret } from '../../core/contract/secret.ts'
import { isOneOf, shownIn } from './answer.ts'
import type { Exchange, NoReply, Reply } from './exchange.ts'
import { fill, type Request } from './request.ts'
import { wrongSecret } from './wrong-secret.ts'

/** What the calls of a connection share. */
export interface Vendors {
  readonly io: Io
  readonly exchange: Exchange
  kind(id: string): DeclaredKind | undefined
  /** When a wrong secret was last refused, by the address that refused it. */
  readonly refusedAt: Map<string, Ms>
  /** What is being found out of an address at this moment. */
  readonly controls: Map<string, Promise<string | undefined>>
}

/** That a server tells right from wrong is asked once for many credentials of a kind: some servers count wrong ones. */
const CONTROL_HOLDS_MS = 60_000

/**
 * Asks the vendor, with the credential itself, by the call that its rule declares. First with a wrong one of the same form: a
 * server, or whatever answers in its place, that takes that too tells nothing about the right one.
 */
export async function verify(
  vendors: Vendors,
  ref: CredentialRef,
  secret?: Secret,
  acceptedAt?: string,
): Promise<Verdict> {
  const kind = vendors.kind(ref.kind)
  if (!kind) return unknown(`No rule in use is called ${ref.kind}.`)
  const { verify: step } = kind
  if (!('http' in step)) return unknown('why' in step ? step.why : 'Only a connected system can tell.')
  if (!secret) return unknown('There is no secret to try.')
  if (secret.length === 0) return unknown('An empty secret cannot be offered.')
  const call = callFor(step, secret.revealText())
  if (!call) return unknown(step.why ?? 'No call is declared for what begins so.')
  const verdicts: Verdict[] = []
  for (const url of call.url) {
    const verdict = await tryAt(vendors, kind, call, url, secret, askedOf(url) === acceptedAt)
    if (verdict.state === 'live') return verdict
    // A vendor's region knows only its own: what this one knew was never another's.
    if (verdict.state === 'dead' && askedOf(url) === acceptedAt) return verdict
    verdicts.push(verdict)
  }
  // Of what no region is known to have taken, dead is what all of them refuse.
  return verdicts.find(verdict => verdict.state === 'unknown') ?? verdicts[0]!
}

/** Some let a credential in from certain addresses only: what another machine saw accepted proves nothing here. */
function askedOf(url: string): string {
  return `${url} from ${hostname()}`
}

async function tryAt(
  vendors: Vendors,
  kind: DeclaredKind,
  call: VerifyCall,
  url: string,
  secret: Secret,
  wasAccepted: boolean,
): Promise<Verdict> {
  const request = fill(url, call, secret)
  if (typeof request === 'string') return unknown(request)
  const { host } = request.url
  const uncontrolled = await control(vendors, kind, call, url, secret)
  if (uncontrolled !== undefined) return unknown(uncontrolled)
  const reply = await vendors.exchange.send(request)
  if ('none' in reply) return unknown(notTried(reply))
  if (isOneOf(reply, call.live)) {
    const access = shownIn(reply, call.shows ?? {}, secret)
    const why = `Accepted: ${host} answered ${reply.status}.`
    return { state: 'live', why, acceptedAt: askedOf(url), ...(access.length > 0 && { access }) }
  }
  const { dead = [], refused, passing } = call
  // A proxy or a shield against bots refuses with a page, whatever is asked; a vendor's API answers in JSON mostly.
  const inBetween = () =>
    unknown(`${undecided(request, reply)} It was no JSON: something in between may have answered.`)
  const noProof = (why: string) => unknown(`${host} answered ${reply.status}. That proves nothing: ${why}`)
  if (isOneOf(reply, dead)) {
    if (reply.json === undefined) return inBetween()
    return { state: 'dead', why: `Refused: ${host} answered ${reply.status}.` }
  }
  if (passing && isOneOf(reply, [passing])) return noProof(passing.why)
  if (!refused || !isOneOf(reply, [refused])) return unknown(undecided(request, reply))
  if (!wasAccepted) return noProof(refused.why)
  if (isPage(reply)) return inBetween()
  return { state: 'dead', why: `Refused where it was accepted before: ${host} answered ${reply.status}.` }
}

function isPage({ headers }: Reply): boolean {
  return /\bhtml\b/i.test(headers.get('content-type') ?? '')
}

/** Why the server's answer to the right secret would tell nothing, where that is so. */
async function control(
  vendors: Vendors,
  kind: DeclaredKind,
  call: VerifyCall,
  url: string,
  secret: Secret,
): Promise<string | undefined> {
  const address = addressOf(call, url)
  const now = vendors.io.now().getTime()
  if (now - (vendors.refusedAt.get(address) ?? -Infinity) < CONTROL_HOLDS_MS) return undefined
  const running = vendors.controls.get(address)
  if (running) return await running
  const control = offerWrong(vendors, kind, call, url, secret).finally(() => vendors.controls.delete(address))
  vendors.controls.set(address, control)
  return await control
}

async function offerWrong(
  vendors: Vendors,
  kind: DeclaredKind,
  call: VerifyCall,
  url: string,
  secret: Secret,
): Promise<string | undefined> {
  const wrong = wrongSecret(secret, kind.keywords, vendors.io)
  if (!wrong) return 'No wrong one of its form can be made, to see whether that is refused.'
  const request = fill(url, call, wrong)
  if (typeof request === 'string') return request
  const reply = await vendors.exchange.send(request)
  if ('none' in reply) return notTried(reply)
  if (isOneOf(reply, call.live)) return `${request.url.host} takes a wrong secret too.`
  const refusals = [...(call.dead ?? []), ...(call.refused ? [call.refused] : [])]
  if (reply.status >= 500 && !isOneOf(reply, refusals)) return undecided(request, reply)
  vendors.refusedAt.set(addressOf(call, url), vendors.io.now().getTime())
  return undefined
}

function addressOf({ method }: VerifyCall, url: string): string {
  return `${method} ${url}`
}

function undecided({ url }: Request, reply: Reply): string {
  if (isRedirect(reply)) return `Could not be tried: ${url.host} sends elsewhere (${reply.status}).`
  return `${url.host} answered ${reply.status}, which does not tell.`
}

function isRedirect({ status }: Reply): boolean {
  return status >= 300 && status < 400
}

function notTried({ why }: NoReply): string {
  return `Could not be tried: ${why}.`
}

function unknown(why: string): Verdict {
  return { state: 'unknown', why }
}
