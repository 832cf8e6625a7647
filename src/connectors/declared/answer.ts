import type { Answer } from '../../core/contract/declared-step.ts'
import type { Secret } from '../../core/contract/secret.ts'
import type { Reply } from './exchange.ts'

/** Whether a reply is one of the answers that a rule describes. */
export function isOneOf(reply: Reply, answers: readonly Answer[]): boolean {
  return answers.some(
    ({ status, json = {} }) =>
      status.includes(reply.status) &&
      Object.entries(json).every(([path, wanted]) => {
        const member = memberAt(reply.json, path)
        return Array.isArray(wanted)
          ? wanted.some(one => sameScalar(one, member))
          : sameScalar(wanted, member)
      }),
  )
}

function sameScalar(wanted: unknown, member: unknown): boolean {
  return typeof wanted !== 'object' || wanted === null ? wanted === member : false
}

/** The member of a JSON text at a path such as `errors.0.code`, or `error..tag` where a name itself begins with a dot. */
export function memberAt(json: unknown, path: string): unknown {
  if (path === '') return json
  if (typeof json !== 'object' || json === null) return undefined
  const members = new Map<string, unknown>(Object.entries(json))
  if (members.has(path)) return members.get(path)
  const end = path.indexOf('.')
  return end < 0 ? undefined : memberAt(members.get(path.slice(0, end)), path.slice(end + 1))
}

const LONGEST_SHOWN = 200

/**
 * What a live answer tells of the credential, as phrases: `account octocat`. What holds any of the secret is left out, as a
 * server that echoes a request would have it told.
 */
export function shownIn(reply: Reply, shows: Readonly<Record<string, string>>, secret: Secret): string[] {
  return Object.entries(shows).flatMap(([name, from]) => {
    const told = from.startsWith('header ')
      ? reply.headers.get(from.slice('header '.length))
      : textOf(memberAt(reply.json, from))
    // eslint-disable-next-line no-control-regex
    const text = (told ?? '').replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ').trim()
    if (text === '' || text.length > LONGEST_SHOWN || holdsSecret(text, secret)) return []
    return [`${name} ${text}`]
  })
}

function textOf(member: unknown): string | undefined {
  if (typeof member === 'string') return member
  if (typeof member === 'number' || typeof member === 'boolean') return String(member)
  if (!Array.isArray(member)) return undefined
  const texts = member.flatMap(one => textOf(one) ?? [])
  return texts.length > 0 ? texts.join(', ') : undefined
}

/** Shorter parts of a secret are in any text; a vendor's own prefix is no secret. */
const PART = 8

function holdsSecret(text: string, secret: Secret): boolean {
  const value = secret.revealText()
  if (value.length < PART) return text.includes(value)
  for (let start = 0; start + PART <= value.length; start++)
    if (text.includes(value.slice(start, start + PART))) return true
  return false
}
