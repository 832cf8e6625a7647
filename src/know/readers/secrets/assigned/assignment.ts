import { decodeAs } from '../../../../core/contract/slot.ts'
import { classOf } from '../byte-class.ts'
import type { Span } from '../candidate.ts'
import { bareRange } from './bare-value.ts'
import { keyNameOf, LIST } from './key-name.ts'
import type { Key } from './key.ts'
import { followingElement, valueBefore } from './paired-value.ts'
import { delimitedRange } from './delimited-value.ts'
import { isOfSettings } from '../dialect.ts'
import { isNoText } from './judge-assignment.ts'
import { isQuote, LONGEST_VALUE, quotedRange, type Range, unescaped } from './quoted-value.ts'
import type { Text } from '../text.ts'
import { narrow, wideOf } from '../codes/wide.ts'
import { wordsApart } from './words-apart.ts'

/** A value, and how it stands to its key. */
export interface Assigned {
  readonly span: Span
  readonly how: 'assigned' | 'compared' | 'told'
  /** In quotes, or in a file that needs none. */
  readonly isLiteral: boolean
  /** A line such as `KEY=value`, wherever it stands. */
  readonly isSetting: boolean
}

const IN_BASE64 = classOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=')

/**
 * The value that a key is given, as this kind of file writes it, with quotes and escapes undone. Undefined where what
 * follows is no literal value: an expression, a nested structure. Values of Kubernetes Secrets are decoded from base64
 * too.
 */
export function readAssigned(text: Text, key: Key): Assigned | undefined {
  text.turnTo(key.start - 512, key.valueAt + LONGEST_VALUE + 2)
  const how = howOf(text, key)
  const range = valueRange(text, key, how)
  if (!range || range.end <= range.start || range.end - range.start > LONGEST_VALUE) return undefined
  // Spring's word for a password that is stored as it is.
  const start = text.page.startsWith('{noop}', range.start) ? range.start + 6 : range.start
  const { bytes, encodings } = unescaped(
    text.bytes.subarray(text.base + start, text.base + range.end),
    range.encodings,
  )
  let span: Span | undefined = {
    start: text.base + start,
    end: text.base + range.end,
    encodings,
    bytes,
  }
  if (looksLikeBase64(bytes)) span = inSecretManifest(text, key) ? undoBase64(span) : undoWide(span, key)
  const stands = range.isTold ? 'told' : how
  return (
    span && {
      span,
      how: stands,
      isLiteral: isLiteral(text, range, stands),
      isSetting: range.isSetting === true,
    }
  )
}

function howOf(text: Text, key: Key): Assigned['how'] {
  const { name, separator } = key
  // Most are one sign, told without an expression.
  if (separator.length > 1 && /[=!]=/.test(separator)) return 'compared'
  if (name.includes('.') && COMPARES.test(name)) return 'compared'
  if (separator[0] === ',' && COMPARES_TWO.test(callBefore(text, key))) return 'compared'
  return separator.length > 3 && TOLD.test(separator) ? 'told' : 'assigned'
}

/** `password is x`, `password for jo: x`. */
const TOLD = /\sis:?\s+$|^\s+(?:for|of)\s/
export const COMPARES = /\.(?:equals|equalsIgnoreCase|Equals|compareTo|eq|isEqualTo)$/
/** `strcmp(password, "x")`, `hmac.compare_digest(token, "x")`. */
const COMPARES_TWO = /(?:strn?(?:case)?cmp|compare|compare_digest|timingSafeEqual)\([^()"']{0,24}$/i

/** What stands right before a key: where it is an argument, its call. */
function callBefore({ page, base }: Text, { start }: Key): string {
  return page.slice(Math.max(0, start - base - 80), start - base)
}

/** Scala's and Kotlin's `"password" -> "x"`, `"password" to "x"`. */
const MAPS_TO = /^["'][ \t]+(?:->|to)$/
const OPENS = /^[[(]\s{0,60}(?=["'`])/
/** Where what is listed needs no quotes. */
const OPENS_IN_YAML = /^\[\s{0,60}(?=[^\s,\]])/

/** What stands bare in a program or in prose is most often a name, and in a sentence any word may follow. */
function isLiteral({ page, dialect }: Text, range: Range, how: Assigned['how']): boolean {
  if (isQuote(page[range.start - 1]) || range.isInString) return true
  if (how === 'told') return false
  return isOfSettings(dialect)
}

/** As offsets into text.page. */
function valueRange(text: Text, key: Key, how: Assigned['how']): Range | undefined {
  const { page, dialect } = text
  let at = key.valueAt - text.base
  const keyAt = key.start - text.base
  const last = page[keyAt - 1] ?? '\n'
  // `"user=jo\npassword=x"`: of an escape its sign.
  const before = page[keyAt - 2] === '\\' && 'nrt'.includes(last) ? '\\' : last
  const separator = key.separator.trim()
  const next = page[at] ?? ''
  // Of a list only the argument behind an option.
  if (/\n[ \t]*-[ \t]+$/.test(key.separator) && !(dialect === 'yaml' && key.name.startsWith('-')))
    return undefined
  // An element that ends: what follows is another's.
  if (before === '/' && separator.endsWith('>')) return undefined
  if (separator.endsWith('>') && separator.includes('<'))
    return /^:?\s*<\/[A-Za-z]+>$/.test(separator) ? undefined : followingElement(page, at)
  if (/[>}\r\n]$/.test(key.separator) && /^(?:["'][ \t]*\/?[>}]?|)$/.test(separator))
    return (separator.endsWith('>') && elementValue(page, at, key, before)) || valueBefore(text, key, before)
  // `"Password:"` is a string that ends there: what follows is outside of it.
  if (isQuote(before) && next === before && !separator.startsWith(before) && how !== 'told') return undefined
  if (MAPS_TO.test(separator))
    return dialect === 'code' && isQuote(next) ? quotedRange(page, at, dialect) : undefined
  if (separator.endsWith('>') && !separator.endsWith('=>')) return elementValue(page, at, key, before)
  if (how === 'compared') {
    if (/[(,]$/.test(separator)) return quotedRange(page, afterPrefix(page, at), dialect)
    if (dialect !== 'code' && dialect !== 'text') return undefined
    if (separator !== '') at = afterPrefix(page, at)
    return isQuote(page[at]) ? quotedRange(page, at, dialect) : undefined
  }
  if (how === 'told') return isQuote(page[at]) ? quotedRange(page, at, dialect) : wordOf(page, at)
  if (next === '\\') {
    const escaped = withinEscapedQuotes(page, at)
    if (escaped) return escaped
  }
  if (separator === '=' && next === '~') return undefined
  if (separator === ':' && next === ':') return undefined
  // Rust's `pass(Some("x"))`.
  if (separator === '(' && page.startsWith('Some("', at)) return quotedRange(page, at + 5, dialect)
  if (separator.endsWith('('))
    return separator.length > 1 || SETTER.test(key.name) ? onlyArgument(page, at, key, dialect) : undefined
  if (separator === '{')
    return dialect === 'code' && isQuote(page[at]) ? quotedRange(page, at, dialect) : undefined
  if (separator.endsWith(',')) return argumentAfter(text, key, at, before)
  if (separator === '') return wordsApart(text, key, at, before)
  // `${DB_PASSWORD:-x}` and Spring's `${db.password:x}`: what is taken where nothing is set.
  if (/^:[-=]?$/.test(separator) && page.startsWith('${', key.start - text.base - 2))
    return next === '?' || next === '+' ? undefined : defaultInBraces(page, at)
  if (separator === ':-') return undefined
  const fallback = page.startsWith('${', isQuote(next) ? at + 1 : at) && fallbackOf(page, at)
  if (fallback) return fallback
  const hashed = page.startsWith('{{', isQuote(next) ? at + 1 : at) && hashedOf(page, at)
  if (hashed) return hashed

  if (LIST.test(key.name))
    at += (dialect === 'yaml' ? OPENS_IN_YAML : OPENS).exec(page.slice(at, at + 64))?.[0].length ?? 0
  // `if form["password"]:` of a program in a block of YAML's.
  if (!(dialect === 'yaml' && separator.includes(']'))) at = afterLineBreak(page, at, dialect)
  // An anchor, and Ansible's word for what is no template.
  if (dialect === 'yaml' && (next === '&' || next === '!'))
    at += /^(?:&[\w-]{1,40}|!unsafe)[ \t]{1,4}(?=[^\s|>])/.exec(page.slice(at, at + 48))?.[0].length ?? 0
  if (dialect === 'code' || dialect === 'text') at = afterPrefix(page, at)
  if (dialect === 'code') at = afterCondition(page, at)
  if (before === '*') at += /^\*{1,2}[ \t]{1,8}/.exec(page.slice(at, at + 16))?.[0].length ?? 0
  const delimited = delimitedRange(page, at, dialect)
  if (delimited) return delimited
  if (isQuote(page[at])) {
    const range = quotedRange(page, at, dialect)
    if (!range || dialect !== 'code') return range
    const own =
      page[range.end + 1] === ',' && / :?= $/.test(key.separator) ? inOrder(text, key, range) : range
    return own && joined(page, own)
  }
  return bareRange(text, key, at, before)
}

/** Names before the last one that are given values together, from the beginning of the line. */
const NAMES = /^[ \t]*(?:(?:local|let|const|var|my)[ \t]+)?\(?(?:[$@]?[A-Za-z_]\w{0,40},[ \t]?){1,3}[$@]?$/
const NEXT = /^["'`],[ \t]{0,4}(?=["'`])/
/** `var user, password = "x", host = "y"` and arguments with names: each is given its own. */
const NEXT_NAME = /^["'`],\s{0,60}[$@*&]{0,2}[A-Za-z_][\w.]{0,40}\s{0,4}[:=](?!=)/

/** `user, password = "jo", "x"`: which of the values is the key's; undefined where what stands there is none. */
function inOrder({ page, base, dialect }: Text, key: Key, first: Range): Range | undefined {
  const keyAt = key.start - base
  const lead = page.slice(Math.max(page.lastIndexOf('\n', keyAt - 1) + 1, keyAt - 160), keyAt)
  if (!NAMES.test(lead) || NEXT_NAME.test(page.slice(first.end, first.end + 120))) return first
  let range: Range | undefined = first
  for (let left = lead.split(',').length - 1; left > 0 && range; left--) {
    const gap = NEXT.exec(page.slice(range.end, range.end + 8))
    range = gap ? quotedRange(page, range.end + gap[0].length, dialect) : undefined
  }
  return range
}

/** Behind what only says of which type a literal is, or that it is taken where the environment has nothing. */
function afterPrefix(page: string, at: number): number {
  const ahead = page.slice(at, at + 300)
  return at + ((PREFIX.exec(ahead) ?? WRAPPED.exec(ahead) ?? LOOKED_UP.exec(ahead))?.[0].length ?? 0)
}

/** `isProduction ? "x" : y`, `isTest ? y : "x"`: of what is chosen between, the first literal that is no word. */
const CHOSEN =
  /^[A-Za-z_$!(](?:[^"'`\n;,{}]|(["'`])[\w-]{0,24}\1){1,100}?[ \t]\?[ \t]{0,4}(?:(?:[\w.$]{1,60}(?:\([^()"'`]{0,20}\))?|(["'`])[\w-]{0,24}\2)[ \t]{0,4}:[ \t]{0,4})?(?=["'`][^\s"'`]{0,60}\d[^\s"'`]{0,200}["'`])/

function afterCondition(page: string, at: number): number {
  if (isQuote(page[at]) || !page.slice(at, at + 123).includes(' ? ')) return at
  return at + (CHOSEN.exec(page.slice(at, at + 400))?.[0].length ?? 0)
}

/** The next word of a sentence, without the sign that ends it; an exclamation mark is rather a password's. */
function wordOf(page: string, at: number): Range | undefined {
  const word = /^[^\s"'`<>(){}[\]]{6,512}/.exec(page.slice(at, at + 513))?.[0].replace(/[.,;:?]+$/, '')
  // One of letters alone is a word of the sentence.
  return word === undefined || /^[A-Za-z'-]+$/.test(word)
    ? undefined
    : { start: at, end: at + word.length, encodings: [] }
}

/** `\"x\"` within a string that begins on another line, as a script sends JSON: what has no escape in it. Two backslashes escape no quote. */
function withinEscapedQuotes(page: string, at: number): Range | undefined {
  const found = /^(\\(?:\\\\)?["'])([^"'\\\n\r]{1,512})\1/.exec(page.slice(at, at + 520))
  return found
    ? {
        start: at + found[1]!.length,
        end: at + found[1]!.length + found[2]!.length,
        encodings: [],
        isInString: true,
      }
    : undefined
}

/** Calls whose argument is the value: `setPassword("x")`, `.password("x")`. */
const SETTER =
  /(?:^|\.|>)(?:(?:set|with|add|use)[A-Za-z_]*|password|passwd|passphrase|secret|token|api_?key|[a-z]+_(?:password|secret)|(?:api|app|client|consumer|oauth|access|shared|signing)_?(?:secret|token))$/i
/** Of `set_password("service", "user", "x")` the first is another thing, and `passwd.add("x")` sets something else. */
function onlyArgument(page: string, at: number, key: Key, dialect: Text['dialect']): Range | undefined {
  if (!keyNameOf(key.name.slice(key.name.lastIndexOf('.') + 1))) return undefined
  const range = quotedRange(page, at, dialect)
  if (!range || /^["'`],[ \t]{0,4}["'`]/.test(page.slice(range.end, range.end + 8))) return undefined
  return withoutPressed(page, range)
}

/** Without the key that is pressed at the end, as Cypress, Selenium and Playwright write it. */
function withoutPressed(page: string, range: Range): Range {
  const pressed = /(?:\\[nr]|\{(?:enter|return)\})$/i.exec(page.slice(range.start, range.end))
  return pressed ? { ...range, end: range.end - pressed[0].length } : range
}

/** Calls that take a name and a value: `define('DB_PASSWORD', 'x')`, `os.Setenv("DB_PASSWORD", "x")`, `env('X', 'x')`. */
const TAKES_PAIR =
  /(?:define|set|put|add|append|env|environ\.get|environ|getenv|property|option|param|with|header|default|getOrDefault|getOrElse|flags?(?:\(\))?\.string|fetch|config[a-z_.]{0,12}|configField|field|insert|store|export|var|arg)[A-Za-z_]{0,14}\s{0,2}[([]?\s{0,4}(?:["']\w{1,20}["']\s{0,3},\s{0,3}|&?[a-z.]{1,24},\s{0,2})?["']$/i
/** Names and values by turns, of which the ones before are the user's: MATLAB's `'Username', 'jo', 'Password', 'x'`. */
const BESIDE_USER =
  /["'](?:user(?:[_-]?(?:name|id))?|login|uid)["']\s{0,4},\s{0,4}["'][^"'\n]{1,60}["']\s{0,4},\s{0,4}["']$/i
/** A row of a table of names and values: `(name, value) VALUES ('smtp_password', 'x')`. */
const ROW =
  /(?:name|key|variable|setting|option|param(?:eter)?|property|code)["'`\]]?\s?,[^()]{0,60}value["'`\]]?[^()]{0,60}\)\s{0,4}values\s{0,4}\((?:\s?\d{1,8}\s?,)?\s?N?["']$/i
/** What a test types into a field: `type('#password', "x")`, `fill('[name="password"]', "x")`, `type(screen.getByLabelText('Password'), "x")`, `fill_in 'user[password]', with: "x"`. */
const TYPES =
  /(?:(?:type|fill|fill_?[fF]ield|fill_in|set_?[vV]alue|set_?[tT]ext|send_?[kK]eys|enter_?[tT]ext|input_?[tT]ext|type_?[tT]ext|clear_?[aA]nd_?[tT]ype|change)[ \t]?\(|fill_in[ \t])[^"'\n]{0,40}["'](?:#|[a-z_]{1,24}\[|[a-z*]{0,12}\[(?:name|id|type|placeholder|formcontrolname)[*^$]?=\\?["']?)?$/
/** A symbol that is set: Ruby's `set :secret, "x"`. */
const SETS_SYMBOL = /(?:^|\s)(?:set|config|define|option|default)[ \t(]{1,4}:$/
/** C's `strcpy(password, "x")`, also into a field. */
const COPIES = /\bstr[ln]?cpy\([ \t]{0,4}(?:[\w.>-]{0,40}(?:\.|->))?$/
/** A raw, formatted or binary one, of C#, Python, Rust and others. */
const PREFIX = /^(?:[bBfFuUrRL]{1,2}#?|[N$@]|\$@|@\$|u8|String\.raw)(?=["'`])/
const WRAPPED =
  /^(?:\{\s{0,4}(?=(["'`])[^"'`\n]{1,256}\1\s{0,4}\})|(?:new[ \t]+)?(?:String::from|(?:Secret|SecretString|SecretBox)::(?:new|from)|_?strdup|g_strdup|str|string|\[\]byte|bytes|Secret|SecretStr|SecretString|SecureString|Some|Buffer\.from|TEXT|_T|QString|QStringLiteral|QLatin1String|String|Password|std::string|Optional\.of|Just|Ok|md5|MD5|sha1|SHA1|sha256|SHA256|bcrypt|make_password|(?:bytes|bytearray)\.fromhex|(?:binascii\.)?unhexlify|(?:base64\.)?b64decode|CryptoJS\.enc\.\w{3,8}\.parse|(?:System\.Text\.)?Encoding\.\w{3,10}\.GetBytes|Convert\.FromBase64String|(?:generate_)?password_hash|PASSWORD|Hash::make|(?:dataclasses\.)?[fF]ield)\((?:default=)?\s{0,4})(?=["'`])/

/** `os.environ.get("X", "x")`, `ENV.fetch("X") { "x" }`, under whatever name. */
const LOOKED_UP =
  /^(?:[A-Za-z]{1,12}(?:\.|::))?(?:environ\.get|getenv|get_?env|env|fetch|config)[A-Za-z_]{0,12}\(\s{0,4}["'][A-Z][A-Z\d_]{0,40}["'](?:,\s{0,4}(?:default=)?|\) ?\{ ?)(?=["'`])/i

function argumentAfter(text: Text, key: Key, at: number, before: string): Range | undefined {
  const { page, dialect } = text
  const call = callBefore(text, key)
  if (TYPES.test(call)) {
    // Capybara's `fill_in "Password", with: "x"`.
    const literalAt = page.startsWith('with: ', at) ? at + 6 : at
    return isQuote(page[literalAt]) ? quotedRange(page, literalAt, dialect) : undefined
  }
  if (key.separator.includes(')')) return undefined
  if (!/^["']/.test(key.separator)) {
    // Erlang and Elixir: `{password, "x"}`, `{password, <<"x">>}`.
    const literalAt = before === '{' && page.startsWith('<<"', at) ? at + 2 : at
    return (before === '{' || SETS_SYMBOL.test(call) || COPIES.test(call)) && isQuote(page[literalAt])
      ? quotedRange(page, literalAt, dialect)
      : undefined
  }
  // `["--password", "x"]`, but not `["--password", "--user"]`.
  if (key.name.startsWith('-') && isQuote(page[at]))
    return page[at + 1] === '-' ? undefined : quotedRange(page, at, dialect)
  // A name and a value in brackets of no known call are one only where the value looks generated.
  const isPair =
    TAKES_PAIR.test(call) ||
    BESIDE_USER.test(call) ||
    (/[([]\s*["']$/.test(call) && keyNameOf(key.name)?.family !== 'password') ||
    (/\(\s?(?:\d{1,8}\s?,\s?)?N?["']$/.test(call.slice(-16)) && isRowOfSettings(text, key))
  if (!isPair) return undefined
  const range = isQuote(page[at]) ? quotedRange(page, at, dialect) : undefined
  // `buildConfigField 'String', 'KEY', '"x"'`: a literal within the literal.
  const within = range && /^(\\?")[^"\\]+\1$/.exec(page.slice(range.start, range.end))
  return within
    ? { ...range, start: range.start + within[1]!.length, end: range.end - within[1]!.length }
    : range
}

function isRowOfSettings({ page, base }: Text, { start }: Key): boolean {
  return ROW.test(page.slice(Math.max(0, start - base - 240), start - base))
}

/** `password =\n    "x"`, `password:\n  x` of YAML, and in .properties `password=\` before the next line. */
const LINE_BREAKS: Partial<Record<Text['dialect'], RegExp>> = {
  code: /^(?:\\?\r?\n[ \t]{0,60}|\([ \t]{0,4}(?:\r?\n[ \t]{0,60})?)(?=["'`])/,
  json: /^\r?\n[ \t]{0,60}(?=["'])/,
  yaml: /^(?:!!str[ \t]+|\r?\n[ \t]{1,60}(?=["']|[^\s:#[{>|&*!-][^\s:]*[ \t]*(?:[\r\n]|$)))/,
  ini: /^\\\r?\n[ \t]{0,60}/,
}

function afterLineBreak(page: string, at: number, dialect: Text['dialect']): number {
  const gap = LINE_BREAKS[dialect === 'text' ? 'code' : dialect]?.exec(page.slice(at, at + 160))
  return gap ? at + gap[0].length : at
}

/** The literal, with those it is put together with, `"x" + "y"`, also over several lines; undefined where it is with others. */
function joined(page: string, first: Range): Range | undefined {
  let { end } = first
  let text = page.slice(first.start, end)
  for (let pieces = 1; pieces < 16; pieces++) {
    const quote = page[end]!
    const next = JOINED.exec(page.slice(end, end + 160))
    const piece = next && quotedRange(page, end + next[0].length - 1, 'code')
    if (!piece || page[piece.start - 1] !== quote) break
    end = piece.end
    text += page.slice(piece.start, end)
  }
  if (isPiece(page, end + 1)) return undefined
  if (end === first.end) return first
  const encodings = ['joined', ...first.encodings]
  const bytes = Buffer.from(page.slice(first.start, end), 'latin1')
  // Two quotes of the other kind within a literal look like a joint; an escape that is not known leaves all as it stands.
  const isSound =
    Buffer.from(decodeAs(bytes, 'joined')!).toString('latin1') === text &&
    unescaped(bytes, encodings).encodings === encodings
  return isSound ? { ...first, end, encodings } : undefined
}

const JOINED = /^["'`]\s{0,60}(?:[+&]|\.{1,2})\s{0,60}["'`]/

/** Whether the literal goes on as an expression: `"x" + y`, PHP's `'x' . $y`, `"x" % y`, `"x".format(y)`. */
function isPiece(page: string, at: number): boolean {
  return /^\s{0,8}(?:(?:[+.&][ \t]{1,4}|[+&]|\.(?!to_?[A-Za-z]|into|as_|encode|getBytes|trim|[lr]?strip|c_str|freeze))(?![\s+&])|%[ \t])/.test(
    page.slice(at, at + 24),
  )
}

function defaultInBraces(page: string, at: number): Range | undefined {
  const close = /[}\n]/.exec(page.slice(at, at + 256))
  if (close?.[0] !== '}') return undefined
  return { start: at, end: at + close.index, encodings: [], isInString: true }
}

/** `${OTHER:-x}` of shells and `${other.name:x}` of Spring; a word before the one colon tells where the value is, `${env:X}`. */
const FALLBACK =
  /^(["']?\$\{(?:(?:[A-Za-z_]\w{0,60}|\d):[-=]|(?:[A-Z][A-Z\d_]{1,60}|[a-z][\w-]{0,40}(?:\.[\w-]{1,40}){1,6}):)["']?)([^\s${}"'`]{1,256})["']?\}["']?(?=[\s,;)]|$)/

/** What is taken where a variable of whatever name has nothing. */
function fallbackOf(page: string, at: number): Range | undefined {
  const found = FALLBACK.exec(page.slice(at, at + 512))
  if (!found) return undefined
  const start = at + found[1]!.length
  return { start, end: start + found[2]!.length, encodings: [], isInString: true }
}

/** `{{ 'x' | password_hash('sha512') }}` of Ansible: what it makes a hash of. */
const HASHED =
  /^(["']?\{\{[ \t]{0,4}(["']))([^"'\n{}]{1,100})\2[ \t]{0,4}\|[ \t]{0,4}(?:password_hash|hash)\b/

function hashedOf(page: string, at: number): Range | undefined {
  const found = HASHED.exec(page.slice(at, at + 256))
  if (!found) return undefined
  const start = at + found[1]!.length
  return { start, end: start + found[3]!.length, encodings: [], isInString: true }
}

const SHOWN =
  /<(?:label|option|text|tspan|a|span|div|p|h[1-6]|t[dh]|li|d[td]|button|legend|em|strong|small)[ \t\r\n][^<>]*>?$/i
const CDATA = /^(\s{0,40}<!\[CDATA\[)[^\]<]{1,512}\]\]>/

function elementValue(page: string, at: number, key: Key, before: string): Range | undefined {
  const section = CDATA.exec(page.slice(at, at + LONGEST_VALUE))
  if (section)
    return {
      start: at + section[1]!.length,
      end: at + section[0].length - 3,
      encodings: [],
      isInString: true,
    }
  const close = page.indexOf('<', at)
  if (close < 0 || close - at > LONGEST_VALUE) return undefined
  const isElement = before === '<' || before === ':'
  // Of another element's attributes only what is near, and nothing of what a page shows.
  if (!isElement && (key.separator.length > 64 || SHOWN.test(page.slice(Math.max(0, at - 200), at))))
    return undefined
  const element = isElement ? key.name : '[A-Za-z]'
  if (
    !page.startsWith('</', close) ||
    !new RegExp(`^</(?:[\\w-]{1,20}:)?${element.replace(/[.]/g, '\\.')}`).test(page.slice(close, close + 80))
  )
    return undefined
  const encodings = /encoding="base64"/.test(key.separator) ? ['xml', 'base64'] : ['xml']
  const value = page.slice(at, close)
  if (keyNameOf(key.name)?.family !== 'password') {
    if (DATED.test(value)) return undefined
    const labelled = LABELLED.exec(value)
    if (labelled && isNoText(labelled[2]!, false)) {
      const start = at + labelled[1]!.length
      return { start, end: start + labelled[2]!.length, encodings, isInString: true }
    }
  }
  const lead = value.length - value.trimStart().length
  return { start: at + lead, end: at + value.trimEnd().length, encodings, isInString: true }
}

/** `<secret>{acme x}</secret>`, `<secret>acme x</secret>`: behind a word that says whose it is, and is no half of a secret with a space. */
const LABELLED =
  /^(\s{0,40}(?:\{[A-Za-z][\w.-]{1,30}|[A-Za-z]{2,31})[ \t]{1,4})(?=[^}]*\d)(?=[^}]*[A-Za-z])([A-Za-z\d_+/=.-]{16,256})\}?\s{0,40}$/
/** What is told about it instead. */
const DATED = /^\s{0,40}(?:expire[sd]?|expiry|valid|until|since|issued|created|type|format|see)[ \t:]/i

const KIND = Buffer.from('Secret')

/** Whether the key stands under `data:` of a Kubernetes Secret, whose values are base64. */
function inSecretManifest(text: Text, key: Key): boolean {
  if (text.dialect !== 'yaml' && text.dialect !== 'json' && text.dialect !== 'text') return false
  const around = text.bytes.subarray(Math.max(0, key.start - 4096), key.start + 4096)
  if (!around.includes(KIND)) return false
  const before = text.latin1(key.start - 4096, key.start)
  const section = before
    .match(/(?:^|[\n{,])[ \t-]*["']?(?:data|stringData|binaryData|metadata)["']?[ \t]*:/g)
    ?.at(-1)
  if (!section || !/[^A-Za-z]data["']?[ \t]*:$/.test(`\n${section}`)) return false
  const documentStart = before.lastIndexOf('\n---')
  const after = text.latin1(key.start, key.start + 4096)
  const documentEnd = after.indexOf('\n---')
  const manifest =
    before.slice(documentStart < 0 ? 0 : documentStart) +
    after.slice(0, documentEnd < 0 ? after.length : documentEnd)
  return /["']?kind["']?[ \t]*:[ \t]*["']?Secret["']?\s*(?:[,}\n\r]|$)/.test(manifest)
}

export function looksLikeBase64(bytes: Uint8Array): boolean {
  if (bytes.length % 4 !== 0) return false
  for (let at = 0; at < bytes.length; at++) if (IN_BASE64[bytes[at]!] === 0) return false
  return true
}

/** As Windows is set up without a person there: base64 of UTF-16, and what the element is called behind the password. */
function undoWide(span: Span, { name }: Key): Span {
  const decoded = mayBeWide(span.bytes) ? decodeAs(span.bytes, 'base64') : undefined
  if (!decoded || wideOf(decoded) !== 'utf16le' || decoded.length % 2 !== 0) return span
  const { bytes } = narrow(decoded, 'utf16le')
  const end = bytes.length - (bytes.toString('latin1').endsWith(name) ? name.length : 0)
  const encodings = [...span.encodings, 'base64', 'utf16le', ...(end < bytes.length ? [`text:0-${end}`] : [])]
  return { ...span, encodings, bytes: bytes.subarray(0, end) }
}

const LETTER_A = 0x41

/** A zero in every second byte makes an A here and there. */
function mayBeWide(base64: Uint8Array): boolean {
  return base64.length >= 16 && base64.includes(LETTER_A)
}

/** A line break at the end comes from `echo … | base64` and belongs to no password. */
export function undoBase64(span: Span): Span | undefined {
  const bytes = decodeAs(span.bytes, 'base64')
  if (!bytes || bytes.length === 0) return undefined
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--
  const encodings = [...span.encodings, 'base64']
  if (end < bytes.length) encodings.push(`text:0-${end}`)
  return { ...span, encodings, bytes: bytes.subarray(0, end) }
}
