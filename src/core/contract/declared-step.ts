import { z } from 'zod'

/**
 * One HTTP call that a rule declares: how a credential of its kind is verified or revoked at its vendor. `{{value}}` stands
 * for the credential, `{{id}}` for its public half, each encoded as its place needs. The host is a literal, so that no
 * scanned text can name where a credential is sent.
 */
const call = {
  /** It is for values that begin so only: a refresh token is refused where an access token is asked for, and is not dead. */
  begins: z.array(z.string().min(2)).min(1).optional(),
  method: z.enum(['GET', 'POST', 'PUT', 'DELETE']),
  headers: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_-]*$/), z.string()).optional(),
  /** HTTP Basic: the `Authorization` header is made of both. */
  basic: z.strictObject({ user: z.string(), password: z.string() }).optional(),
  /** JSON or a form, as `Content-Type` says. */
  body: z.string().optional(),
}

/**
 * An answer by its status and, where they are given, by members of its JSON body, each a path such as `error.code`. A list of
 * values is any one of them.
 */
const answer = z.strictObject({
  status: z.array(z.int().min(200).max(599)).min(1),
  json: z.record(z.string(), z.json()).optional(),
})

/** One address or several. */
const addresses = z.union([z.string(), z.array(z.string()).min(1)]).transform(given => [given].flat())

/** One answer or several. */
const answers = z.union([answer, z.array(answer).min(1)]).transform(given => [given].flat())

const verifyCall = z
  .strictObject({
    ...call,
    /** Where a vendor's regions know only their own credentials: all of them. Dead is what every one of them refuses. */
    url: addresses,
    live: answers,
    /** How a credential is refused that is none, or is none any more. */
    dead: answers.optional(),
    /** A refusal that others get as well, and why: it proves the end only of what the same host accepted before. */
    refused: answer.extend({ why: z.string().min(10) }).optional(),
    /** A refusal that a live one gets at times, in an outage or when too much is asked, and why: it proves nothing, ever. */
    passing: answer.extend({ why: z.string().min(10) }).optional(),
    /** What a live answer tells of the credential: a member of its JSON body, or `header NAME`. No part of a secret. */
    shows: z.record(z.string().regex(/^[a-z][a-z ]{1,30}$/), z.string()).optional(),
  })
  .superRefine((step, context) => {
    for (const message of faultsOf(step.url, step)) context.addIssue({ code: 'custom', message })
    if (JSON.stringify(step).includes('{{own}}'))
      context.addIssue({ code: 'custom', message: '{{own}} is what a lookup finds, and there is none' })
    if (!step.dead && !step.refused && !step.passing)
      context.addIssue({
        code: 'custom',
        message: 'dead: say how a dead one is refused, or what else is refused so',
      })
  })

/** How the id is found by which a vendor ends a credential, asked with the credential itself; `{{own}}` stands for it. */
const lookup = z.strictObject({
  url: z.string(),
  /** Where in the answer the list of the account's credentials is, and which of their members shows the value, whole or cut. */
  list: z.string().optional(),
  bears: z.string().optional(),
  /** Where it is so many characters of its beginning that are shown, and nothing says that more follow. */
  first: z.int().min(16).optional(),
  /** The member that is the id, of the answer or of the one in its list. */
  id: z.string(),
})

const revokeCall = z
  .strictObject({
    ...call,
    lookup: lookup.optional(),
    /** Where a vendor's regions know only their own credentials: all of them. Each is told. */
    url: addresses,
    /** That it is ended, or was already. It proves nothing: many servers answer so to anything. */
    done: answers,
  })
  .superRefine((step, context) => {
    for (const message of faultsOf([...step.url, ...(step.lookup ? [step.lookup.url] : [])], step))
      context.addIssue({ code: 'custom', message })
    if (step.lookup && step.url.length > 1)
      context.addIssue({ code: 'custom', message: 'lookup: what it finds is known at one address only' })
    if (step.lookup && (step.lookup.list === undefined) !== (step.lookup.bears === undefined))
      context.addIssue({ code: 'custom', message: 'lookup: list and bears are given together' })
    if (step.lookup?.first !== undefined && step.lookup.bears === undefined)
      context.addIssue({ code: 'custom', message: 'lookup: first is how much of it bears shows' })
    if (JSON.stringify(step).includes('{{own}}') !== (step.lookup !== undefined))
      context.addIssue({ code: 'custom', message: '{{own}} is what lookup finds' })
  })

const byConnector = z.strictObject({ by: z.string().regex(/^connector [a-z0-9-]+$/) })
const notAtAll = z.strictObject({ why: z.string().min(10) })

/** One call, or several, of which the first that is for the value is made; `why` is told where none is. */
function byHttp<Call extends z.ZodType>(http: Call) {
  return z.strictObject({
    http: z.union([http, z.array(http).min(1)]).transform(given => [given].flat() as z.infer<Call>[]),
    why: z.string().min(10).optional(),
  })
}

/** How something is done with a credential of a kind: by a connector, by HTTP, or why it cannot be done. */
export const verifyStep = z.union([byConnector, byHttp(verifyCall), notAtAll])
export const revokeStep = z.union([byConnector, byHttp(revokeCall), notAtAll])

export type Answer = z.infer<typeof answer>
export type VerifyCall = z.infer<typeof verifyCall>
export type RevokeCall = z.infer<typeof revokeCall>

/** What is known of a kind of credential for verifying and revoking it. */
export interface DeclaredKind {
  readonly id: string
  /** As people call it. */
  readonly name: string
  /** What accepts it: the connector's name where there is one, else the vendor's. */
  readonly system: string
  /** Literals, one of which its values begin with, as far as they are a part of it. */
  readonly keywords: readonly string[]
  readonly verify: z.infer<typeof verifyStep>
  readonly revoke: z.infer<typeof revokeStep>
}

/** The call that is for this value, where there is one. */
export function callFor<Call extends { readonly begins?: readonly string[] | undefined }>(
  step: { readonly http: readonly Call[] },
  value: string,
): Call | undefined {
  return step.http.find(({ begins }) => begins?.some(beginning => value.startsWith(beginning)) ?? true)
}

const PLACEHOLDER = /\{\{(.*?)\}\}/g

/** What is wrong with a call, as sentences. */
function faultsOf(
  urls: readonly string[],
  { method, headers = {}, basic, body }: Pick<RevokeCall, 'method' | 'headers' | 'basic' | 'body'>,
): string[] {
  const faults: string[] = []
  for (const url of urls) {
    const authority = /^https:\/\/([^/?#]*)/.exec(url)?.[1]
    if (authority === undefined || !/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(authority))
      faults.push('url: must begin with https:// and a literal host name')
    else if (!URL.canParse(url) || url.includes('#')) faults.push('url: is none that can be called')
  }
  const others = [...Object.values(headers), basic?.user ?? '', basic?.password ?? '', body ?? '']
  for (const url of urls) {
    const names = [url, ...others].flatMap(text => [...text.matchAll(PLACEHOLDER)].map(([, name]) => name))
    if (names.some(name => !['value', 'id', 'own'].includes(name ?? '')))
      faults.push('only {{value}}, {{id}} and {{own}} can be filled in')
    if (!names.includes('value')) faults.push('{{value}} must be filled in')
  }
  if (basic && Object.keys(headers).some(name => name.toLowerCase() === 'authorization'))
    faults.push('basic: makes the Authorization header, which is given as well')
  if (body !== undefined) faults.push(...bodyFaults(method, contentTypeOf(headers), body))
  return faults
}

function bodyFaults(method: string, contentType: string, body: string): string[] {
  if (method === 'GET') return ['body: a GET has none']
  if (contentType === 'application/x-www-form-urlencoded') return []
  if (contentType !== 'application/json')
    return ['body: needs a Content-Type of application/json or application/x-www-form-urlencoded']
  // Filled in within a string, and nowhere else in JSON.
  const filled = body.replace(PLACEHOLDER, '\u{e000}')
  try {
    const outside = filled.replace(/"(?:[^"\\]|\\.)*"/g, '')
    JSON.parse(filled)
    return outside.includes('\u{e000}') ? ['body: what is filled in must stand in a string'] : []
  } catch {
    return ['body: is no JSON']
  }
}

/** The media type of a call's body, in lower case; empty where none is given. */
export function contentTypeOf(headers: Readonly<Record<string, string>> = {}): string {
  const entry = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')
  return entry?.[1].split(';')[0]?.trim().toLowerCase() ?? ''
}
