import type { KeyName } from './key-name.ts'
import { isUuid, speaksOfItself, whyNoSecret } from '../placeholder.ts'
import { formOf, hasRun, isInGroups, isNoWords, isSequence, type ValueForm } from '../value-form.ts'

/** How a value stands where it was found. */
export interface Standing {
  readonly path: string
  /** In quotes, or in a file that needs none: what stands bare in a program is most often a name. */
  readonly isLiteral: boolean
  /** In a file of settings rather than in a program or prose. */
  readonly isSetting: boolean
  /** `assigned` to its key; `compared` with it; `told` in a sentence. */
  readonly how: 'assigned' | 'compared' | 'told'
  /** What stands beside it under keys that begin alike; looked up only when it decides. */
  readonly besides: () => 'user and host' | 'user' | 'host' | undefined
  /** In a line so long that no person wrote it. */
  readonly isMinified: () => boolean
}

export interface Judgement {
  /** 0…1 */
  readonly confidence: number
  /** What it rests on, in phrases that quote nothing of the value. */
  readonly reasons: readonly string[]
}

const LONGEST = 512
/** What tokens are signed with, in base64, may be as long as any. */
const LONGEST_SECRET = 1024
const LOWEST = 0.1
const HIGHEST = 0.95

/** How sure it is that the value of a key of this name is a secret; undefined where it is none. */
export function judgeNamed(key: KeyName, written: string, standing: Standing): Judgement | undefined {
  const plain = written.replace(SET_BEHIND, '').replace(LETTER, '\xe9')
  // A password may begin with a space.
  const value = key.family === 'password' ? plain : plain.trim()
  if (value.length < 3 || value.length > (key.family === 'secret' ? LONGEST_SECRET : LONGEST))
    return undefined
  const ofBytes = /[\0-\x08\x0b\x0c\x0e-\x1f]/.test(value) ? judgeBytes(key, value, standing) : undefined
  if (ofBytes || /[\0-\x08\x0e-\x1f]/.test(value)) return ofBytes
  if (isNoValue(key, value)) return undefined
  const form = formOf(value)
  // What form a key has tells most that are none, sooner than all that a value may stand for.
  const isPassword = key.family === 'password'
  const ofKey = isPassword ? undefined : keySurety(key, value, form, standing)
  if (!isPassword && ofKey === undefined && !isUuid(value)) return undefined
  const objection = whyNoSecret(value)
  if (objection === 'a common default') return judgeDefault(key, standing)
  if (objection === 'a UUID') return isPassword ? undefined : judgeUuid(key, value, standing)
  if (objection !== undefined || isLabel(key, value)) return undefined
  if (namesItself(key, value)) return judgeOwnName(key, standing)
  if (LOCK_FILE.test(standing.path)) return undefined
  // In a sentence any word may follow.
  if (standing.how === 'told' && !standing.isLiteral && form.form !== 'generated' && !isTold(key, value))
    return undefined
  const base = isPassword ? passwordSurety(key, value, form, standing) : ofKey
  if (base === undefined) return undefined
  const reasons = [`named ${key.word}`, formText(form)]
  let sure = base
  if (form.form !== 'generated' && speaksOfItself(value)) {
    reasons.push('made of words that speak of a password')
    sure = Math.min(sure, 0.3)
  }
  if (standing.how === 'compared') {
    reasons.push('compared rather than assigned')
    // No state or type has a number's name.
    sure -= form.form === 'number' || standing.besides() ? 0.05 : 0.2
  } else if (standing.how === 'told') {
    reasons.push('told in a sentence')
    sure = Math.min(sure, 0.35)
  }
  return settled(key, sure, reasons, standing)
}

function isTold(key: KeyName, value: string): boolean {
  return key.family === 'password' && isNoWord(value)
}

/** No word of a sentence, nor a standard that it speaks of: `UTF-16`. */
export function isNoWord(value: string): boolean {
  return (
    /[a-z]/.test(value) &&
    classes(value) >= 3 &&
    /\d{2}|\d[^A-Za-z\d]|[^A-Za-z\d]\d/.test(value) &&
    !/^(?:sha|utf|md|rfc|aes|base|iso|pbkdf|v)[-_ ]?\d|[a-z]-[a-z]/i.test(value)
  )
}

/** No text about a name in the cell beside it: what looks generated, and under a password's name signs among two kinds of others. */
export function isNoText(value: string, isPassword: boolean): boolean {
  const { form, isDigest } = formOf(value)
  if (!isPassword) return form === 'generated'
  return !isDigest && /[^A-Za-z\d]/.test(value) && classes(value) > 2
}

/** What a manual sets behind a word: the next font of roff, or a quotation mark as books have it. */
const SET_BEHIND = /(?:\\f[BIPR]|\xe2\x80[\x98-\x9d]).*$/s

/** A letter of another language, as .properties and programs write it. */
const LETTER = /\\u0[0-9a-f]{3}|\\u[1-9a-d][0-9a-f]{3}/gi

const LOCK_FILE =
  /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|composer\.lock|Gemfile\.lock|Cargo\.lock|poetry\.lock|Pipfile\.lock|uv\.lock|go\.sum|flake\.lock|mix\.lock|pubspec\.lock|Podfile\.lock|packages\.lock\.json)$/
const TEXTS =
  /(?:^|[/_.-])(?:locales?|i18n|l10n|lang(?:uages?)?|translations?|messages?|strings)(?:[/_.-]|$)|\.(?:resx|arb|pot?|xlf|xliff|ftl|lproj)(?:\/|$)|(?:^|\/)(?:ar|bg|ca|cs|da|de|el|en|es|et|eu|fa|fi|fr|gl|he|hi|hr|hu|id|it|ja|ko|lt|lv|ms|nb|nl|no|pl|pt|ro|ru|sk|sl|sr|sv|th|tr|uk|vi|zh)(?:[-_][a-z]{2,4})?\.(?:json|ya?ml|properties|php|[jt]s)$/i

function passwordSurety(
  key: KeyName,
  value: string,
  { form, bits, isDigest }: ValueForm,
  standing: Standing,
): number | undefined {
  if (value.length < 4) return standing.besides() === 'user and host' ? 0.3 : undefined
  if (form === 'generated') return isDigest ? 0.65 : 0.8
  if (form === 'number') {
    if (/[\s,]/.test(value)) return undefined
    if (MEANS_MORE.test(key.word)) return standing.besides() ? 0.35 : undefined
    // Of four digits it may be a year or an amount.
    const isText =
      standing.isLiteral &&
      /^\d+$/.test(value) &&
      (value.length > 4 || key.isUpperCase || standing.how === 'compared')
    return isText || (standing.isSetting && value.length > 4) || standing.besides() ? 0.35 : undefined
  }
  if (form === 'mixed') {
    if (!standing.isLiteral && /^[A-Za-z_]\w*$/.test(value) && !/\d/.test(value)) return undefined
    if (/^[a-z]+(?:[_-][a-z]+)*[:=]$/i.test(value)) return undefined
    // `users/connection.secretPassword`: where something is that is named so.
    if (/^[a-z]+(?:[-_./]+[a-z]+)+$/i.test(value) && namesAnother(key, value, standing)) return undefined
    if (
      MEANS_MORE.test(key.word) &&
      ((classes(value) < 3 && key.word !== 'mdp') || (isName(value) && !/\d\d/.test(value))) &&
      !standing.besides()
    )
      return undefined
    if (isSequence(value)) return 0.3
    // The width of a plot.
    if (key.isShort && /^[\d.]+(?:%|[a-z]{1,2})$/i.test(value)) return undefined
    return classes(value) >= 3 || (value.length >= 12 && bits >= 3) ? 0.7 : 0.55
  }
  // Words: a password where settings stand, a name or a text in a program; with letters of other alphabets mostly a text.
  if (TEXTS.test(standing.path)) return undefined
  if (/[\x80-\xff]/.test(value) && !standing.besides()) return undefined
  if (/\s/.test(value) && (value.length > 40 || !standing.besides())) return undefined
  if (/^[a-z]+(?:[-_.](?:[a-z]+[-_.]?)+)$/i.test(value)) {
    // `user_password_field`, `auth/wrong-password`: a name of something.
    if (namesAnother(key, value, standing)) return undefined
    return standing.isSetting ? 0.35 : standing.besides() ? 0.3 : undefined
  }
  if (!standing.isSetting && /^[A-Z]+$/.test(value)) return undefined
  if (MEANS_MORE.test(key.word) && !standing.besides()) return undefined
  if (key.isShort && !standing.isSetting && !key.isUpperCase && !standing.besides()) return undefined
  if (!standing.isLiteral) return standing.besides() ? 0.3 : undefined
  if (/^[A-Z][a-z]+$/.test(value)) return standing.isSetting ? 0.3 : 0.2
  if (/^[a-z]+(?:[A-Z][a-z]+)+$/.test(value) && !standing.isSetting) return 0.2
  return standing.isSetting ? 0.4 : 0.35
}

const SPEAKS = /pass|pwd|secret|token|user|auth|valid|required|error|field|input|label|reset/i

/** Words that speak of a password name something; but what a variable of the environment is set to may be one all the same. */
function namesAnother(key: KeyName, value: string, standing: Standing): boolean {
  return SPEAKS.test(value) && !(standing.isSetting && key.isUpperCase)
}

/** A key of any kind in Spanish, a word in Italian, a decision process: a password only where the value or a user beside it says so. */
const MEANS_MORE = /^(?:clave|parola|mdp)$/

/** `token: literal` is ordinary source code: only what looks generated counts. */
function keySurety(
  key: KeyName,
  value: string,
  { form, bits, isDigest }: ValueForm,
  standing: Standing,
): number | undefined {
  const { family } = key
  if (family === 'key' && isOtherKey(key, value, form)) return undefined
  if (form === 'mixed' && family === 'secret') {
    const thought = isThoughtOf(key, value, standing) ? 0.3 : undefined
    if (!standing.isLiteral || value.length < 8 || /\s/.test(value) || bits < 2.7) return thought
    if (/^[A-Za-z]+(?:[-_./:][A-Za-z\d]+)*$/.test(value) && !/\d{2}/.test(value)) return thought
    // `oauth2ClientSecretSha256`, `layer1.aws_secret_access_key`: it names a secret.
    if (
      /^[A-Za-z][\w.:#-]*$/.test(value) &&
      /secret|token|key|passw|credential/i.test(value) &&
      !/\d{4}/.test(value) &&
      !/(?:secret|token|key|password)[-_]?\d+$/i.test(value)
    )
      return thought
    return hasRun(value) ? 0.2 : 0.4
  }
  if (
    form === 'word' &&
    family === 'secret' &&
    isPhrase(value) &&
    SIGNS.test(key.normal) &&
    standing.isLiteral &&
    (!standing.isSetting || key.isUpperCase)
  )
    return 0.3
  if (form === 'word' && family === 'secret' && isThoughtOf(key, value, standing)) return 0.3
  if (form !== 'generated') {
    // A short one: `a1b2c3`, with too few characters to look like chance.
    const isShort = family === 'token' && form === 'mixed' && standing.isLiteral && standing.isSetting
    return isShort && value.length >= 8 && classes(value) >= 2 && /\d{3}/.test(value) && !isName(value)
      ? 0.3
      : undefined
  }
  if (!standing.isLiteral && isIdentifier(value) && value.replace(/\D/g, '').length < 3) return undefined
  if (isName(value) || isSequence(value) || isVersion(value)) return undefined
  // A name of the environment or a class: `COM_ERR_2X`.
  if (/^[A-Z][A-Z\d]*(?:_[A-Z\d]+)+$/.test(value) && value.length < 24) return undefined
  if (/gpg|pgp|(?:install|recv|receive|import|local)_key/.test(key.normal) && /^[0-9A-F]{16,40}$/.test(value))
    return undefined // it names a key that is public
  if (hasRun(value)) return 0.2
  if (family === 'salt') return value.length >= 16 ? 0.45 : undefined
  const isLong = value.length >= 16 && bits >= 3.2
  if (family === 'key' && !isLong) return value.length >= 10 ? 0.4 : undefined
  return (isLong ? 0.75 : 0.5) - (isDigest ? 0.15 : 0)
}

/** What a warehouse makes of a row, to know it by, and what orders rows, where a storage's secret key would be as short a name. */
const ORDERS = /^(?:[\da-f]{32}|[\da-f]{40}|[\da-f]{64}|[0-7][\dA-HJKMNP-TV-Z]{25})$|[^\w+/=.-]/i
/** Its secret keys are of 32 hexadecimal digits. */
const BAIDU = /(?:^|_)(?:baidu|bce|bos)_sk$/
const FORGERY_KEY = /(?:^|_)[cx]srf_key$/

/** Names that are other things' as well tell a key only where the value looks like one. */
function isOtherKey({ word, normal }: KeyName, value: string, form: ValueForm['form']): boolean {
  if (word === 'sk') return ORDERS.test(value) && !BAIDU.test(normal)
  return FORGERY_KEY.test(normal) && (form !== 'generated' || value.length < 16)
}

/** Bytes of chance, as `os.urandom` prints them, under what a framework signs with: `SECRET_KEY = b'\x93\x1f…'`. */
function judgeBytes(key: KeyName, value: string, standing: Standing): Judgement | undefined {
  if (!SIGNS.test(key.normal) || !standing.isLiteral || standing.how !== 'assigned') return undefined
  const isChance =
    value.length >= 12 &&
    value.length <= 64 &&
    new Set(value).size > value.length * 0.7 &&
    // Words in a text of another language.
    (value.match(/[A-Za-z]{3,}/g)?.length ?? 0) < 2
  return isChance && /[\x80-\xff].*[\x80-\xff]/s.test(value)
    ? settled(key, 0.6, [`named ${key.word}`, 'bytes as a machine draws them'], standing)
    : undefined
}

/** What a framework takes any text for, which people often think of themselves. */
const SIGNS = /(?:^|_)(?:secret_key(?:_base)?|(?:jwt|session|cookie)_secret)$/

/** Of a program's own, and of no vendor's. */
const SIGNS_ITSELF =
  /^(?:(?:app|flask|django|wtf_csrf|jwt|session|cookie)_)?secret_key(?:_base)?$|^(?:[a-z]+_){0,2}(?:jwt|session|cookie)_secret(?:_key)?$/
/** Where a program is set up, and no name of a cluster's Secret is expected. */
const OWN_SETTINGS =
  /\.properties$|(?:^|\/)(?:application|bootstrap|parameters|appsettings|settings|config)[\w.-]{0,20}\.(?:ya?ml|json|toml|ini|conf)$/
/** Symfony's file, in which `secret` is what it signs with. */
const SIGNS_THERE = /(?:^|\/)parameters[\w.-]{0,20}\.ya?ml(?:\.dist)?$/

function signsItself({ normal, isUpperCase }: KeyName, path: string): boolean {
  if (normal === 'secret') return SIGNS_THERE.test(path)
  if (normal === 'app_secret') return isUpperCase
  return SIGNS_ITSELF.test(normal) && (isUpperCase || OWN_SETTINGS.test(path))
}

/** `SECRET_KEY = 'Purple1'`: what a person thought of, where a framework takes any text; no constant, and no name of a secret. */
function isThoughtOf(key: KeyName, value: string, standing: Standing): boolean {
  return (
    standing.isLiteral &&
    value.length >= 6 &&
    new Set(value).size >= 4 &&
    /^[\x21-\x7e]+$/.test(value) &&
    !/^[A-Z][A-Z\d_]*$/.test(value) &&
    !NAMES_SETTING.test(value) &&
    (!NAMES_SECRET.test(value) ||
      (/\d/.test(value) ? value.length : (value.match(/[A-Z][a-z]+/g)?.length ?? 0)) >= 5) &&
    signsItself(key, standing.path)
  )
}

/** In what it runs, where the secret is kept, how little it is worth; and a module. */
const NAMES_SETTING = new RegExp(
  `^(?:(?:${[
    'dev(?:el(?:opment)?)?|prod(?:uction)?|stag(?:e|ing)|test(?:ing)?|sandbox|local(?:host)?|debug|default',
    'insecure|unsafe|unsecured?|secure|memory|memcached?|redis|sqlite|database|db|cookies?|file(?:system)?|disk|path',
    'env(?:ironment)?|vault|kms|hsm|ssm|aws|gcp|azure|key(?:chain|ring|vault)|k8s|kubernetes|docker|external|managed',
  ].join('|')})(?:[-_./: ]|$))+$|^[a-z_]+(?:\\.[a-z_]+)+$`,
  'i',
)
const NAMES_SECRET = /secret|token|key|passw|credential|config|setting|session|auth/i

/** Words that are not the name of anything: `white-knight-riding`. */
function isPhrase(value: string): boolean {
  return (
    value.length >= 10 &&
    /^[A-Za-z]+(?:[-_ ][A-Za-z]+)*$/.test(value) &&
    /[a-z]/.test(value) &&
    !NAMES_SETTING.test(value) &&
    !NAMES_SECRET.test(value)
  )
}

/** A sentence that somebody thought of to sign with, which says nothing of secrets, of values or of what went wrong. */
function signsInWords(key: KeyName, value: string): boolean {
  return (
    SIGNS.test(key.normal) &&
    /^[A-Za-z]+(?: [A-Za-z]+){3,13}$/.test(value) &&
    isPhrase(value) &&
    !/random|string|long|sign|generat|chang|value|must|should|charact|use[ds]?\b|your|here|enter|example|required|valid|missing|\bnot\b/i.test(
      value,
    )
  )
}

/** A system's own default, where a system is named; else the word is a label. */
function judgeDefault(key: KeyName, standing: Standing): Judgement | undefined {
  if (key.family !== 'password' || standing.how !== 'assigned' || !standing.isLiteral) return undefined
  if (standing.besides() !== 'user and host') return undefined
  return settled(key, 0.25, [`named ${key.word}`, 'a common default'], standing)
}

/** Some vendors' tokens are UUIDs, most UUIDs are names of things: only a key that says a lot makes one a secret. */
function judgeUuid(key: KeyName, value: string, standing: Standing): Judgement | undefined {
  if (/^0{8}|(.)\1{7}|12345678/.test(value) || standing.how !== 'assigned') return undefined
  if (
    !/(?:^|_)(?:api_?key|access_key|salt_key|[a-z][a-z\d]{2,}_?token|[a-z][a-z\d]{2,}_secret|secret_key|x_[a-z][a-z\d_]{1,24}_key)$/.test(
      key.normal,
    )
  )
    return undefined
  if (/request|idempotency|correlation|creation|continuation|client_token|session|device/.test(key.normal))
    return undefined
  if (!standing.isLiteral && !standing.isSetting) return undefined
  return settled(key, standing.isSetting ? 0.4 : 0.3, [`named ${key.word}`, 'a UUID'], standing)
}

function settled(key: KeyName, base: number, reasons: string[], standing: Standing): Judgement {
  let sure = base
  const beside = key.family === 'password' ? standing.besides() : undefined
  if (beside === 'user and host') sure += 0.1
  if (beside) reasons.push(`beside a ${beside}`)
  const kind = exampleKind(standing.path)
  if (kind) {
    reasons.push(kind)
    sure -= 0.2
  }
  if (standing.isMinified()) {
    reasons.push('in minified text')
    sure -= 0.25
  }
  return { confidence: Math.round(Math.max(LOWEST, Math.min(HIGHEST, sure)) * 100) / 100, reasons }
}

/** What a path says about how real the secrets in a file are. */
export function exampleKind(path: string): string | undefined {
  if (/(?:^|[/_.-])(?:tests?|specs?|__tests__|testdata|fixtures?|mocks?)(?:[/_.-]|$)/i.test(path))
    return 'in a test'
  return /(?:^|[/_.-])(?:examples?|samples?|docs?|demo)(?:[/_.-]|$)/i.test(path)
    ? 'in an example or documentation'
    : undefined
}

/** `password = password`, `DB_PASSWORD=db_password`; the word alone is a system's default too. */
function namesItself(key: KeyName, value: string): boolean {
  const letters = value.toLowerCase().replace(/[^a-z]/g, '')
  return (
    letters !== '' &&
    (letters === key.normal.replace(/[^a-z]/g, '') ||
      (letters.length >= 10 && key.normal.replace(/[^a-z]/g, '').endsWith(letters))) &&
    !/\d/.test(value) &&
    letters !== 'password' &&
    letters !== 'secret'
  )
}

/** In a program a variable; in a file of variables a stand-in, or a password that somebody did not think long about. */
function judgeOwnName(key: KeyName, standing: Standing): Judgement | undefined {
  if (key.family !== 'password' || !key.isUpperCase || !standing.isSetting || standing.how !== 'assigned')
    return undefined
  return settled(key, 0.3, [`named ${key.word}`, "its key's own name"], standing)
}

/** A selector, a version, a sentence. */
function isNoValue(key: KeyName, value: string): boolean {
  // Longer ones are encrypted, as a SealedSecret's are.
  if (key.family === 'password' && value.length > 160) return true
  // An address of Ethereum is public.
  if (/^0x[0-9a-f]{40}$/i.test(value)) return true
  // The working directory has the same short name.
  if (key.word === 'pwd' && /^(?:[~.]?\/|[A-Za-z]:\\)/.test(value)) return true
  // A modulation, `BPSK1`, and the kind of a network, `WPA2-PSK`.
  if (key.word === 'psk' && /[A-Z\d-]PSK/.test(value)) return true
  if (key.family === 'password' && LENGTHS.test(value)) return true
  if (/^[#.][a-z]+(?:[-_][a-z]+)*$/i.test(value)) return true
  return (isProse(value) && !signsInWords(key, value)) || isVersion(value)
}

/** How long a password may be: `8~20chars`, `64chars`, `6-16位`, `min8`; but neither `99charlie`, `12über` nor `maxim99`. */
const LENGTHS =
  /^[Mm](?:in|ax)(?:imum)?[-_]?(?:[Ll]en(?:gth)?)?[-_]?\d{1,3}(?:[cC]har(?:acter)?s?)?$|^\D?\d{1,2}(?:[-~]\d{1,3}\+?$|(?:[-~]\d{1,3})?\+?[-_]?(?:(?:[cC]har(?:acter)?|[dD]igit|[lL]etter)s?(?![a-z])|[\xd0-\xef]))/

/** `Password:`, `New password`, `PASSWORD_REQUIRED`: a text or constant that speaks about the key. */
function isLabel(key: KeyName, value: string): boolean {
  if (/[:?!]$/.test(value) && /^[A-Z][a-z]+(?: [a-z]+)*\s?[:?!]$/.test(value)) return true
  if (key.family === 'password' && /^[A-Z]+(?:_[A-Z]+)+$/.test(value) && !key.isUpperCase) return true
  // A validator's rules: `required|string|min:8`.
  if (/^[a-z_]+(?::[\w,.]+)?(?:\|[a-z_]+(?::[\w,.]+)?)+$/.test(value)) return true
  return /^(?:application|text|image|multipart|audio|video)\/[a-z.+-]+/.test(value)
}

/** Words with spaces between are a label or a sentence; a generated value may hold a space among many signs. */
function isProse(value: string): boolean {
  if (!/\s/.test(value) || isInGroups(value)) return false
  const words = value.split(/\s+/).length
  if (words <= 3 && /^[a-z]+(?: [a-z]+){1,2}$/.test(value)) return false
  return value.replace(/[A-Za-z\x80-\xff\s'".,:;!?()-]/g, '').length < value.length / 4
}

function isVersion(value: string): boolean {
  return /^(?:[~^v]?\d+(?:\.\d+){1,3}(?:-[\w.]+)?$|\d{4}-\d{2}-\d{2}|RFC ?\d{3,5}$|0[xb][0-9a-f]{1,8}$)/i.test(
    value,
  )
}

function isIdentifier(value: string): boolean {
  return /^[A-Za-z_$][\w$.]*$/.test(value) && !isNoWords(value)
}

/** Words joined by signs, camel case, dotted names, with a few digits at the end. */
function isName(value: string): boolean {
  const words = value.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
  return (
    /^[A-Za-z_$]+(?:\.[A-Za-z_$]+\d?)+$/.test(words) ||
    ((/^[A-Za-z]+(?:[A-Z][a-z]+)+\d{0,2}$/.test(words) ||
      /^[a-z]+(?:[-_./:][a-z]+)+[-_./:]?v?\d{0,3}(?:\.\d{1,4}){0,3}$/i.test(words)) &&
      !isNoWords(words))
  )
}

function formText({ form, bits, isDigest }: ValueForm): string {
  if (isDigest) return 'hexadecimal, as keys and digests are'
  switch (form) {
    case 'generated':
      return `looks generated: ${bits.toFixed(1)} bits per character`
    case 'mixed':
      return 'letters with digits or signs'
    case 'number':
      return 'a number'
    case 'word':
      return 'plain words'
  }
}

function classes(value: string): number {
  return [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter(kind => kind.test(value)).length
}
