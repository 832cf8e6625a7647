import type { Ref } from '../../../core/contract/ref.ts'
import { decodeAs } from '../../../core/contract/slot.ts'
import type { Candidate, Span } from './candidate.ts'
import { holds } from './rules/checksum.ts'
import { readCompared } from './assigned/compared-literal.ts'
import type { Beside, CompiledRule } from './rules/compiled-rule.ts'
import { entropy } from './entropy.ts'
import { factsOf } from './facts/facts.ts'
import { judgeNamed, type Standing } from './assigned/judge-assignment.ts'
import type { Key } from './assigned/key.ts'
import { keyNameOf, namesOther, namesPublic } from './assigned/key-name.ts'
import { IN_NAME } from './prefilter/lookup.ts'
import { readHash } from './password-hash.ts'
import { isCourtesy, isStandIn, repeats, speaksOfItself, whyNoSecret } from './placeholder.ts'
import { writtenAs } from './private-key.ts'
import { isPublished, isPublishedJwt } from './published.ts'
import { isQuote, quotedEncoding, unescaped } from './assigned/quoted-value.ts'
import { readManifest } from './assigned/secret-manifest.ts'
import { isLongLine, readAssignment } from './assigned/read-assignment.ts'
import { readHeading, readRows } from './assigned/table.ts'
import type { Groups } from './rules/pattern.ts'
import type { Text } from './text.ts'
import { formOf, isSequence, isWords, longestRun } from './value-form.ts'
import { readWhole } from './whole-file.ts'

/** Where a rule's pattern matched: offsets into the text's bytes. From `start` to `keywordAt` is what `lead` took. */
export interface Match {
  readonly start: number
  readonly keywordAt: number
  readonly end: number
  readonly groups: Groups
}

const NONE: readonly Candidate[] = []

/** What a match means: values and ids decoded, none where the rule's checks say that it is no secret. */
export function interpret(
  text: Text,
  compiled: CompiledRule,
  match: Match,
  depth: number,
): readonly Candidate[] {
  const found = read(text, compiled, match, depth)
  if (found === undefined) return NONE
  return 'rule' in found ? [withFacts(text, found)] : found.map(one => withFacts(text, one))
}

/** With what it says of itself. */
export function withFacts(text: Text, candidate: Candidate): Candidate {
  const facts = factsOf(text, candidate)
  return facts ? { ...candidate, facts } : candidate
}

function read(
  text: Text,
  compiled: CompiledRule,
  match: Match,
  depth: number,
): Candidate | readonly Candidate[] | undefined {
  switch (compiled.rule.structure) {
    case 'assignment':
      return readAssignment({ text, rule: compiled, depth }, match)
    case 'manifest':
      return readManifest({ text, rule: compiled, depth }, match)
    case 'compared':
      return readCompared({ text, rule: compiled, depth }, match)
    case 'rows':
      return readRows({ text, rule: compiled, depth }, match)
    case 'heading':
      return readHeading({ text, rule: compiled, depth }, match)
    case 'stated':
      return readStated(text, compiled, match, depth)
    case 'basic':
      return readBasic(text, compiled, match, depth)
    case 'url':
      return readUrl(text, compiled, match, depth)
    case 'pgpass':
      return readPgpass(text, compiled, match, depth)
    case 'file':
      return readWhole(text, compiled, match, depth)
    case 'hash':
      return readHash(text, compiled, match, depth)
    default:
      return readToken(text, compiled, match, depth)
  }
}

/** A value that the rule's expression tells as it stands. */
export function readToken(
  text: Text,
  compiled: CompiledRule,
  match: Match,
  depth: number,
): Candidate | undefined {
  const { rule } = compiled
  const other = compiled.pair && findBeside(text, compiled.pair, match)
  const taken: [number, number] | undefined =
    match.keywordAt > match.start ? [match.start, match.keywordAt] : undefined
  if (rule.lead && match.keywordAt - match.start < rule.lead.least) return undefined
  const range =
    match.groups['value'] ??
    other?.['value'] ??
    (rule.lead && !compiled.pair?.hasValue ? [match.start, match.end] : undefined)
  const encodings = range && rule.encodings.length === 0 ? writtenAs(text, range) : rule.encodings
  const value = encodings && spanOf(text, range, encodings)
  if (!value) return undefined
  if (rule.assignedTo && namesNone(compiled, nameBefore(text, value.start))) return undefined
  const idRange = match.groups['id'] ?? match.groups['user'] ?? other?.['id']
  const id = spanOf(text, idRange ?? (rule.lead?.id ? taken : undefined), [])
  const named = compiled.keyId && findBeside(text, compiled.keyId, match)
  const keyId = spanOf(text, named?.['keyId'], [])
  const plain = latin1(value)
  if (rule.checks.entropy !== undefined && entropy(plain) < rule.checks.entropy) return undefined
  if (rule.checks.run !== undefined && !hasRunOf(rule.checks.run, plain)) return undefined
  if (rule.checks.standIns && isStandIn(plain)) return undefined
  const isSummed = rule.checks.checksum && holds(rule.checks.checksum, plain)
  if (isSummed === false && (rule.checks.withoutChecksum === undefined || !isGenerated(plain)))
    return undefined
  // What nothing but its name tells is a variable's name as well: `acme_secret = acmeApiSecret`.
  if (rule.assignedTo && isWords(plain)) return undefined
  if (isFilled(plain) || isPublished(plain)) return undefined
  if (id && isCourtesy(latin1(id), plain)) return undefined
  if (rule.structure === 'jwt' && (!isJwt(plain) || isPublishedJwt(plain))) return undefined
  const sure = isSummed === false ? rule.checks.withoutChecksum! : rule.confidence
  const reasons = [`has the form of a ${rule.name}`]
  if (isSummed !== undefined) reasons.push(isSummed ? 'its checksum holds' : 'its checksum does not hold')
  if (other) reasons.push('beside its other half')
  const claims = claimsOf(
    rule,
    groupText(text, match, 'host'),
    groupText(text, match, 'port'),
    id && utf8(id),
  )
  return {
    rule: compiled,
    value,
    ...(id && id.bytes.length > 0 && { id }),
    ...(keyId && { keyId }),
    ...(claims && { claims }),
    confidence:
      rule.checks.standIns && !id && speaksOfItself(plain.replace(COUNTED, '')) ? SPEAKS_OF_ITSELF : sure,
    reasons,
    depth,
  }
}

/**
 * Whether the name that a vendor's value is given to says that it is no secret, or not the vendor's: `STABLE_COIN_API_KEY`.
 * Where the vendor is asked, that tells whether it is public.
 */
function namesNone({ rule, before }: CompiledRule, name: string): boolean {
  const lower = name.toLowerCase()
  let end = 0
  for (const keyword of rule.keywords) {
    const at = lower.lastIndexOf(keyword)
    if (at < 0) continue
    if (before[UNDERSCORE] && before[lower.charCodeAt(at - 1)]) return true
    end = Math.max(end, at + keyword.length)
  }
  // Of the vendor's name itself nothing is meant so: `ACTIVE_CAMPAIGN_KEY`.
  return namesOther(name.slice(end)) || (!('http' in rule.verify) && namesPublic(name))
}

const UNDERSCORE = 0x5f

const MOST_BETWEEN = 24
const LONGEST_NAME = 80

/** The name that stands before a value, with what the vendor's stands behind: `NEXT_PUBLIC_ACME_KEY`. */
function nameBefore(text: Text, valueAt: number): string {
  const { bytes } = text
  let end = valueAt
  while (end > 0 && valueAt - end < MOST_BETWEEN && !IN_NAME[bytes[end - 1]!]) end--
  let start = end
  while (start > 0 && end - start < LONGEST_NAME && IN_NAME[bytes[start - 1]!]) start--
  return text.latin1(start, end)
}

/** A value that is made of words for one: `mytoken1`. */
const SPEAKS_OF_ITSELF = 0.2
/** Digits that fill it up: `LICENSEKEY123456`. */
const COUNTED = /0?12345\d{0,5}$/

/** Who is named, where a host and a port are known. */
function claimsOf(
  { claims }: CompiledRule['rule'],
  host: string,
  givenPort: string,
  givenUser: string | undefined,
): Ref | undefined {
  const port = givenPort || claims?.port
  const user = givenUser || claims?.user
  if (claims?.by === 'id')
    return user ? { system: claims.system, instance: '?', kind: claims.kind, id: user } : undefined
  if (!claims || !user || /[$<>{}]/.test(user) || port === undefined) return undefined
  if (!/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/.test(host)) return undefined
  return {
    system: claims.system,
    instance: `?${host.toLowerCase()}:${port}`,
    kind: claims.kind,
    id: `?${user}`,
  }
}

function hasRunOf(least: number, value: string): boolean {
  return value.split(/[^A-Za-z0-9+/]/).some(run => run.length >= least)
}

/** Whether a machine wrote what follows the prefix. What a person made up bears no sum either. */
function isGenerated(token: string): boolean {
  return formOf(token.replace(/^[A-Za-z]{1,12}[-_]/, '')).form === 'generated'
}

/** Whether it is written to stand for a token: with dots, the same character again and again, or the alphabet. */
function isFilled(token: string): boolean {
  return (
    /example|sample|(?:fake|test)key|x{8,}|\*{4,}|\.{3,}/i.test(token) ||
    repeats(token) ||
    longestRun(token) * 3 >= 2 * token.length ||
    isSequence(token)
  )
}

/** The nearest that fits, on either side: the other half, what the key is called. */
function findBeside(text: Text, pair: Beside, match: Match): Groups | undefined {
  const from = Math.max(0, match.start - pair.within)
  const around = text.latin1(from, match.end + pair.within)
  const { fits } = pair.pattern
  let best: { found: RegExpExecArray; distance: number } | undefined
  for (fits.lastIndex = 0; ; ) {
    const found = fits.exec(around)
    if (!found) break
    const [start, end] = [from + found.index, from + found.index + found[0].length]
    if (found[0] === '') fits.lastIndex++
    if (start > 0 && pair.before[text.bytes[start - 1]!]) continue
    if (end < text.bytes.length && pair.after[text.bytes[end]!]) continue
    if (start < match.end && end > match.start) continue
    const distance = start >= match.end ? start - match.end : match.start - end
    if ((pair.adjoins && distance > 0) || (best && distance >= best.distance)) continue
    if (entropy(found[0]) >= pair.entropy) best = { found, distance }
  }
  return best && pair.pattern.groupsOf(best.found, from)
}

function readUrl(text: Text, compiled: CompiledRule, match: Match, depth: number): Candidate | undefined {
  const { rule } = compiled
  const value = spanOf(text, match.groups['value'], ['url'])
  const user = spanOf(text, match.groups['user'], ['url'])
  if (!value || value.bytes.length === 0) return undefined
  const [plain, name] = [latin1(value), user ? latin1(user) : '']
  const objection = whyNoSecret(plain)
  const isDefault = objection === 'a common default'
  if (!isDefault && isStandIn(plain)) return undefined
  if (plain.length < 3 || new Set(plain).size < 2 || /^[*x]+$/i.test(plain)) return undefined
  const host = groupText(text, match, 'host').toLowerCase()
  if (
    /^(?:host(?:name)?|server|example\.(?:com|org|net)|.*\.example|your.*)$/.test(host) &&
    /^(?:user(?:name)?|u|foo)?$/.test(name)
  )
    return undefined
  // `myuser:mypass`, which Rails writes into every new program.
  if (/^my/i.test(name) && /^my/i.test(plain) && speaksOfItself(name) && speaksOfItself(plain))
    return undefined
  const claims = claimsOf(rule, host, groupText(text, match, 'port'), user && utf8(user))
  // `//user@host:8080,user@other`: a list of hosts.
  if (name.includes('@') && /^\d{1,5}[,;]/.test(plain)) return undefined
  // The example of every manual; `guest:guest` is what systems come with.
  if (isDefault && (name === '' || /^p(?:ass|wd)/i.test(plain))) return undefined
  const guessable =
    plain === name || plain.length < 6 || isDefault || isSequence(plain) || speaksOfItself(plain)
  const reasons = [name === '' ? 'in a URL' : 'in a URL with its user']
  if (guessable) reasons.push('easily guessed')
  // RFC 2606 keeps these names for examples.
  const isExample = /(?:^|\.)example(?:\.(?:com|org|net))?$|\.invalid$/.test(host)
  if (isExample) reasons.push('at a host of examples')
  return {
    rule: compiled,
    value,
    ...(user && name !== '' && { id: user }),
    ...(claims && { claims }),
    confidence: Math.min(rule.confidence, isExample ? 0.3 : guessable ? 0.4 : 1),
    reasons,
    depth,
  }
}

/** `host:port:database:user:password`; a backslash before a colon or backslash is not undone. */
function readPgpass(text: Text, compiled: CompiledRule, match: Match, depth: number): Candidate | undefined {
  const value = spanOf(text, match.groups['value'], [])
  const user = spanOf(text, match.groups['user'], [])
  const host = text.latin1(match.start, match.groups['port']![0] - 1).toLowerCase()
  const lineStart = match.start === 0 || text.bytes[match.start - 1] === 0x0a
  if (!value || !user || host === '' || !lineStart) return undefined
  const objection = whyNoSecret(latin1(value))
  if (objection !== undefined && objection !== 'a common default') return undefined
  const claims = {
    system: 'postgres',
    instance: `?${host}:${groupText(text, match, 'port')}`,
    kind: 'role',
    id: `?${utf8(user)}`,
  }
  const confidence = objection ? Math.min(0.5, compiled.rule.confidence) : compiled.rule.confidence
  const reasons = ['in a password file', ...(objection ? [objection] : [])]
  // A host of `*` is any host, which names none.
  return { rule: compiled, value, id: user, ...(host !== '*' && { claims }), confidence, reasons, depth }
}

/** `user:password` in base64, as HTTP Basic and registries' configuration files write it (RFC 7617). */
function readBasic(text: Text, compiled: CompiledRule, match: Match, depth: number): Candidate | undefined {
  const range = match.groups['value']
  const outer = spanOf(text, range, ['base64'])
  if (!outer) return undefined
  const pair = latin1(outer)
  const colon = pair.indexOf(':')
  if (colon < 1 || colon === pair.length - 1 || !/^[\x20-\x7e\x80-\xff]+$/.test(pair)) return undefined
  const password = pair.slice(colon + 1)
  const objection = whyNoSecret(password)
  const isDefault = objection === 'a common default'
  // What every manual encodes.
  if (
    (objection !== undefined && !isDefault) ||
    password.length < 3 ||
    /^(?:user(?:name)?:pass|foo:bar|aladdin:open ?sesame)/i.test(pair)
  )
    return undefined
  const part = (from: number, to: number): Span => ({
    ...outer,
    encodings: ['base64', `text:${from}-${to}`],
    bytes: outer.bytes.subarray(from, to),
  })
  const { rule } = compiled
  const registry = rule.claims && registryBefore(text, match.start)
  if (rule.claims && !registry) return undefined
  const id = part(0, colon)
  const claims = registry && claimsOf(rule, registry.host, registry.port, utf8(id))
  return {
    rule: compiled,
    value: part(colon + 1, pair.length),
    id,
    ...(claims && { claims }),
    confidence: isDefault ? Math.min(0.5, rule.confidence) : rule.confidence,
    reasons: ['a user and a password in base64', ...(isDefault ? [objection] : [])],
    depth,
  }
}

/** The key of the object that goes on here is a registry's address: `"https://index.docker.io/v1/": { "auth": …`. */
function registryBefore(text: Text, at: number): { host: string; port: string } | undefined {
  const before = text.latin1(at - 400, at)
  const key =
    /"(?:https?:\/\/)?([A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?(?:\/[^"\s]{0,200})?"\s{0,40}:\s{0,40}\{[^{}]{0,200}$/.exec(
      before,
    )
  return key ? { host: key[1]!, port: key[2] ?? '' } : undefined
}

/** The name that says as much as the place: where a token is stated, one that is a UUID is no mere name of something. */
const STATED = { password: 'password', token: 'access_token', signer: 'jwt_secret' } as const

/** A value in a place that says what it is: an argument of a call, an option of a command, a header. */
function readStated(text: Text, compiled: CompiledRule, match: Match, depth: number): Candidate | undefined {
  const { rule } = compiled
  const range = match.groups['value']
  if (!range) return undefined
  const written = rule.encodings.length > 0 ? spanOf(text, range, rule.encodings) : quotedSpan(text, range)
  const value = written && withoutQuotes(written)
  if (!value) return undefined
  const user = spanOf(text, match.groups['user'], [])
  const host = match.groups['host'] ? 'host' : undefined
  const standing: Standing = {
    path: text.path,
    isLiteral: true,
    isSetting: true,
    how: 'assigned',
    besides: () => (user ? (host ? 'user and host' : 'user') : host),
    isMinified: () => text.dialect === 'code' && isLongLine(text, match.start),
  }
  const judge = (as: keyof typeof STATED, how = standing) =>
    judgeNamed(keyNameOf(STATED[as])!, latin1(value), how)
  // What is signed with may be any text, and a sentence as well.
  const judged =
    rule.states === 'signer'
      ? (judge('password') ?? judge('signer', { ...standing, isSetting: false }))
      : judge(rule.states)
  if (!judged) return undefined
  const name = match.groups['name']
  if (name && isOtherKey(text.latin1(match.start - 40, name[1]), latin1(value))) return undefined
  const key = name ? keyOf(text, name, range[0]) : rule.states === 'token' && unnamed(match, range[0])
  return {
    rule: compiled,
    value,
    ...(user && user.bytes.length > 0 && { id: user }),
    confidence: judged.confidence,
    reasons: [`stands as a ${rule.name}`, ...judged.reasons.slice(1)],
    depth,
    ...(key && { key }),
  }
}

/** What logs have keys of that are none: what lies in a cache or a store, and who signed something. */
function isOtherKey(told: string, value: string): boolean {
  const [, before] = /^(.*)using (?:the )?key$/is.exec(told) ?? []
  if (before === undefined) return false
  const isOther = /\b(?:cache|lookup|upload|gpg|signed)\b[^\n]{0,24}$/i.test(before)
  return isOther || /^(?:[0-9A-F]{16}|[0-9A-F]{40}|[a-z]+\/.*)$/.test(value)
}

/** Where no name stands before it, a header or an option, it is called what it is taken for. */
function unnamed({ start }: Match, valueAt: number): Key {
  return { start, end: valueAt, name: STATED.token, separator: '', valueAt }
}

/** The name that stands before a stated value, by which whose it is may be told. */
function keyOf(text: Text, [start, end]: [number, number], valueAt: number): Key {
  return { start, end, name: text.latin1(start, end), separator: text.latin1(end, valueAt), valueAt }
}

const QUOTE = 0x22

/** A directory of Microsoft's takes a password in quotes, and in UTF-16. */
function withoutQuotes(span: Span): Span {
  const { bytes, encodings } = span
  const end = bytes.length - 1
  return encodings.includes('utf16le') && bytes[0] === QUOTE && bytes[end] === QUOTE
    ? { ...span, encodings: [...encodings, `text:1-${end}`], bytes: bytes.subarray(1, end) }
    : span
}

/** As its quotes say how it is written, where there are any. */
function quotedSpan(text: Text, range: [number, number]): Span {
  const quote = String.fromCharCode(text.bytes[range[0] - 1] ?? 0)
  const encoding = isQuote(quote) ? quotedEncoding(text.dialect, quote === "'") : undefined
  return {
    start: range[0],
    end: range[1],
    ...unescaped(text.bytes.subarray(...range), encoding ? [encoding] : []),
  }
}

/** Three parts of which the first is a JSON object that names an algorithm (RFC 7519). */
function isJwt(token: string): boolean {
  const header = decodeAs(Buffer.from(token.slice(0, token.indexOf('.')), 'latin1'), 'base64url')
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header))
    return typeof parsed === 'object' && parsed !== null && 'alg' in parsed && parsed.alg !== 'none'
  } catch {
    return false
  }
}

function spanOf(
  text: Text,
  range: [number, number] | undefined,
  encodings: readonly string[],
): Span | undefined {
  if (!range) return undefined
  let bytes: Uint8Array = text.bytes.subarray(range[0], range[1])
  for (const encoding of encodings) {
    const decoded = decodeAs(bytes, encoding)
    // A percent sign that begins no escape: servers take such a password as it stands.
    if (!decoded)
      return encoding === 'url' ? { start: range[0], end: range[1], encodings: [], bytes } : undefined
    bytes = decoded
  }
  return { start: range[0], end: range[1], encodings, bytes }
}

function groupText(text: Text, match: Match, name: string): string {
  const range = match.groups[name]
  return range ? text.latin1(range[0], range[1]) : ''
}

function latin1(span: Span): string {
  return Buffer.from(span.bytes).toString('latin1')
}

function utf8(span: Span): string {
  return Buffer.from(span.bytes).toString('utf8')
}
