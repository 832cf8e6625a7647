import type { Ref } from '../../../../core/contract/ref.ts'
import { decodeAs } from '../../../../core/contract/slot.ts'
import type { Span } from '../candidate.ts'
import { ENDS_IN_PASSWORD_WORD } from './key-name.ts'
import { whyNoSecret } from '../placeholder.ts'
import type { Text } from '../text.ts'

const REACH = 1024

interface System {
  readonly system: string
  readonly kind: string
  readonly port: string
  readonly prefix: RegExp
  readonly word: RegExp
}

const SYSTEMS: readonly System[] = [
  {
    system: 'postgres',
    kind: 'role',
    port: '5432',
    prefix: /^(?:pg|psql|postgres|postgresql)[_.-]?/,
    word: /postgres|pgsql|psycopg/i,
  },
  // Texts call both so; the connector is MariaDB's.
  {
    system: 'mariadb',
    kind: 'user',
    port: '3306',
    prefix: /^(?:mysql|mariadb)[_.-]?/,
    word: /mysql|mariadb/i,
  },
  { system: 'redis', kind: 'user', port: '6379', prefix: /^redis[_.-]?/, word: /redis/i },
]

const ENDINGS = {
  user:
    'username|user_?name|user ?id|user|login|uid|role|ssid|e-?mail|' +
    'usuario|utilisateur|identifiant|benutzer(?:name)?|kullanici(?:_?adi)?|utente|uzytkownik',
  host: 'hostname|host_?name|hostaddr|host|server|data source|address|addr|endpoint',
  port: 'port',
  engine: 'engine|type|adapter|driver|dialect|connection|client|scheme|vendor',
}
type Ending = keyof typeof ENDINGS

/** What stands beside a password under keys with the same beginning. */
export interface Neighbours {
  readonly user?: Span
  readonly claims?: Ref
  readonly beside?: 'user and host' | 'user' | 'host'
}

/**
 * Looks near a password's key for the user, host and port that belong to it (`DB_PASSWORD` beside `DB_USER`). The
 * system is told by the keys or by what is close by; without a system and a host nothing is claimed.
 */
export function lookAround(text: Text, keyName: string, keyAt: number, decodesBase64: boolean): Neighbours {
  const from = Math.max(0, keyAt - REACH)
  const around = text.latin1(from, keyAt + REACH)
  const prefix = prefixOf(keyName)
  const { user, host, port, engine } = nearest(around, prefix, keyAt - from)
  const plain = (pair: Pair | undefined) =>
    pair && (decodesBase64 ? (fromBase64(pair.value) ?? pair.value) : pair.value)
  const userText = plain(user)
  const endpoint = endpointOf(plain(host), plain(port))
  const result: { user?: Span; claims?: Ref; beside?: Neighbours['beside'] } = endpoint
    ? { beside: 'host' }
    : {}
  if (!user || !userText || whyNoSecret(userText) === 'a template' || whyNoSecret(userText) === 'a reference')
    return result
  const encodings = decodesBase64 && fromBase64(user.value) !== undefined ? ['base64'] : []
  result.user = {
    start: from + user.start,
    end: from + user.start + user.value.length,
    encodings,
    bytes: latin1Bytes(userText),
  }
  result.beside = endpoint ? 'user and host' : 'user'
  const system = systemOf(prefix, endpoint?.port, plain(engine), around)
  if (!endpoint || !system) return result
  const name = Buffer.from(userText, 'latin1').toString('utf8')
  result.claims = {
    system: system.system,
    instance: `?${endpoint.host}:${endpoint.port ?? system.port}`,
    kind: system.kind,
    id: `?${name}`,
  }
  return result
}

interface Pair {
  readonly value: string
  readonly start: number
  readonly distance: number
}

/** The nearest value under each kind of key that begins as the password's key does. */
function nearest(around: string, prefix: string, keyAt: number): Partial<Record<Ending, Pair>> {
  const found: Partial<Record<Ending, Pair>> = {}
  for (const match of around.matchAll(besideExpression(prefix))) {
    const value = match[5] ?? match[6] ?? match[7]!
    // `hostname smtp.acme.test` on a line of its own; within one, the next word is the next word.
    if (!isApart(around, match, value)) continue
    const ending = (Object.keys(ENDINGS) as Ending[]).find((_, index) => match[index + 1] !== undefined)!
    const distance = Math.abs(match.index - keyAt)
    const start = match.index + match[0].lastIndexOf(value)
    if (distance < (found[ending]?.distance ?? Number.POSITIVE_INFINITY))
      found[ending] = { value, start, distance }
  }
  return found
}

function isApart(around: string, { 0: whole, index }: RegExpExecArray, value: string): boolean {
  const separator = whole.slice(0, whole.length - value.length)
  if (!/\w[ \t]+["']?$/.test(separator)) return true
  const [before, after] = [around[index - 1] ?? '\n', around[index + whole.length] ?? '\n']
  return before === '\n' && (after === '\n' || after === '\r')
}

/** Prefixes repeat, and an expression that begins with its literal is fast where parsing every pair is not. */
const expressions = new Map<string, RegExp>()

function besideExpression(prefix: string): RegExp {
  const known = expressions.get(prefix)
  if (known) return known
  // As one run: so many signs that each may be left out could be left out in any combination.
  const start = prefix.replace(/[_.]+/g, signs => `[_.-]{0,${signs.length}}`)
  const endings = Object.values(ENDINGS)
    .map(words => `(${words})`)
    .join('|')
  const separator = `["']?(?:\\[\\d{0,3})?\\]?[ \\t]{0,8}(?:=>|:=|={1,3}|:)[ \\t]{0,8}|["']?,?\\s{1,40}["']?value["']?[ \\t]{0,8}[:=][ \\t]{0,8}|["'][ \\t]{0,4},[ \\t]{0,32}|>|[ \\t]{1,8}`
  const value = `"([^"\\n]{1,200})"|'([^'\\n]{1,200})'|([^\\s"',;#}<>]{1,200})`
  const expression = new RegExp(`(?<![A-Za-z0-9_.-])${start}(?:${endings})(?:${separator})(?:${value})`, 'gi')
  if (expressions.size >= 256) expressions.clear()
  expressions.set(prefix, expression)
  return expression
}

/** `DB_PASSWORD` → `db_`, `PGPASSWORD` → `pg`, `spring.datasource.password` → `spring.datasource.`, `password` → ``. */
function prefixOf(keyName: string): string {
  return normal(keyName)
    .replace(/(?:secret|token)\d*$/, '')
    .replace(ENDS_IN_PASSWORD_WORD, '')
}

function normal(key: string): string {
  return key
    .replace(/^-+/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase()
}

function endpointOf(
  host: string | undefined,
  port: string | undefined,
): { host: string; port?: string } | undefined {
  const match = /^([A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/.exec(host ?? '')
  if (!match) return undefined
  const given = match[2] ?? (port && /^\d{1,5}$/.test(port) ? port : undefined)
  return given ? { host: match[1]!.toLowerCase(), port: given } : { host: match[1]!.toLowerCase() }
}

function systemOf(
  prefix: string,
  port: string | undefined,
  engine: string | undefined,
  around: string,
): System | undefined {
  const byPrefix = SYSTEMS.find(system => system.prefix.test(prefix))
  if (byPrefix) return byPrefix
  const byEngine = engine && SYSTEMS.find(system => system.word.test(engine))
  if (byEngine) return byEngine
  if (!/^(?:.*[_.])?(?:db|database|datasource|sql|rds)?[_.]?$/.test(prefix)) return undefined
  const byPort = SYSTEMS.find(system => system.port === port)
  if (byPort) return byPort
  const named = SYSTEMS.filter(system => system.word.test(around))
  return prefix !== '' && port === undefined && named.length === 1 ? named[0] : undefined
}

function fromBase64(value: string): string | undefined {
  const bytes = decodeAs(latin1Bytes(value), 'base64')
  return bytes && Buffer.from(bytes).toString('latin1')
}

function latin1Bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}
