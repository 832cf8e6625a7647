import type { Facts } from '../../../../core/contract/observation.ts'
import type { Json } from '../../../../core/contract/ref.ts'
import type { Candidate } from '../candidate.ts'
import type { Text } from '../text.ts'
import { awsAccount } from './aws-account.ts'
import { jwtFacts, membersOf } from './json-part.ts'
import { privateKeyFacts } from './private-key.ts'

/** How far from the value the text around it is looked at, in bytes on either side. */
const NEAR = 2048
/** A certificate and its chain may stand between a key and the end of the file. */
const NEAR_KEY = 16 * 1024
const LONGEST = 256

/**
 * What a credential and the text around it say of it: an account, an issuer, when it ends. Never any part of the secret
 * itself. Pure; what cannot be read is left out.
 */
export function factsOf(text: Text, { rule, value, id }: Candidate): Facts | undefined {
  const { facts } = rule.rule
  if (!facts) return undefined
  const plain = latin1(value.bytes)
  const idText = id && latin1(id.bytes)
  const said: Record<string, unknown> = {}
  if (facts.id) said[facts.id] = idText
  for (const [name, values] of Object.entries(facts.begins ?? {})) {
    const start = Object.keys(values).find(
      beginning => plain.startsWith(beginning) || idText?.startsWith(beginning),
    )
    if (start !== undefined) said[name] = values[start]
  }
  for (const [name, pattern] of rule.near) said[name] = nearest(text, pattern, value.start, value.end)
  if (facts.json) Object.assign(said, membersOf(plain, facts.json))
  switch (facts.from) {
    case 'aws-key-id':
      said['account'] = idText && awsAccount(idText)
      break
    case 'jwt':
      Object.assign(said, jwtFacts(plain))
      break
    case 'private-key':
      Object.assign(said, privateKeyFacts(plain, text.latin1(value.start - NEAR_KEY, value.end + NEAR_KEY)))
      break
  }
  return tellable(said, plain)
}

/** The group `fact` of the match that stands nearest to the value, or within it; of those on its line, if there are any. */
function nearest(text: Text, pattern: RegExp, start: number, end: number): string | undefined {
  const from = Math.max(0, start - NEAR)
  const around = text.latin1(from, end + NEAR)
  let best: { fact: string; distance: number } | undefined
  for (const match of around.matchAll(pattern)) {
    const fact = match.groups?.['fact']
    const matchEnd = match.index + match[0].length
    const between =
      match.index >= end - from
        ? around.slice(end - from, match.index)
        : around.slice(matchEnd, Math.max(matchEnd, start - from))
    const distance = between.length + (between.includes('\n') ? NEAR : 0)
    if (fact !== undefined && (!best || distance < best.distance)) best = { fact, distance }
  }
  return best?.fact
}

/** What may be kept and shown: short, printable, and nothing of the secret. A time is written in ISO 8601. */
function tellable(said: Record<string, unknown>, secret: string): Facts | undefined {
  const facts: Facts = {}
  for (const [name, value] of Object.entries(said)) {
    const told = name === 'expires' || name === 'issued' ? timeOf(value) : valueOf(value)
    if (told === undefined || told === '') continue
    if (typeof told === 'string' && told.includes(secret)) continue
    facts[name] = { value: told }
  }
  return Object.keys(facts).length > 0 ? facts : undefined
}

function valueOf(value: unknown): Json | undefined {
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value
  if (Array.isArray(value) && value.every(item => typeof item === 'string')) return valueOf(value.join(' '))
  if (typeof value !== 'string' || value.length > LONGEST || /\p{C}/u.test(value)) return undefined
  return value
}

/** From the seconds of a JWT or from a date as text. */
function timeOf(value: unknown): string | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined
  const time = new Date(typeof value === 'number' ? value * 1000 : value.replaceAll('%3A', ':'))
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
