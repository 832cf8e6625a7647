import { isPublished, isPublishedJwt } from './published.ts'

/** Words that stand for a value, or are a setting. A password may be one of the last line, where a system uses it. */
const WORDS = new Set(
  (
    'null none nil undefined true false yes no on off empty blank value string str text required optional ' +
    'token apikey api_key key username user login credentials credential ' +
    'changeme changeit change_me change-me fixme todo tbd na n/a unset notset not_set not-set unknown disabled enabled always never auto manual any all ' +
    'redacted obfuscated hidden masked removed omitted encrypted secure sensitive plaintext plain basic bearer digest ' +
    'sha1 sha224 sha256 sha384 sha512 md5 bcrypt scrypt argon2 argon2i argon2id pbkdf2 blowfish hs256 hs384 hs512 rs256 es256 ' +
    'input prompt ask stdin shift env file files compat number boolean bool object function async await return new this self static const ' +
    'varchar char int integer float double void var let private public protected default varying bytes array ' +
    'invalid valid incorrect wrong missing mismatch success failed failure error expired changed confirm submit reset'
  ).split(' '),
)
/** What a password is called in other languages, which stands beside the word wherever texts are translated. */
const TRANSLATIONS = new Set(
  (
    'passwort kennwort contraseña contrasena contrasenya contrasinal senha palavra-passe clave parola parolă şifre sifre hasło ' +
    'haslo heslo wachtwoord lösenord losenord adgangskode passord salasana jelszó jelszo lozinka geslo zaporka lykilorð ' +
    'parool slaptažodis κωδικός пароль парола лозинка құпиясөз 密码 密碼 口令 パスワード 暗証番号 비밀번호 암호 סיסמה סיסמא ' +
    'رمز گذرواژه รหัสผ่าน गुप्त पासवर्ड fjalëkalimi pasahitza cyfrinair motdepasse mdp'
  )
    .split(' ')
    .concat(
      'mot de passe',
      'mật khẩu',
      'kata sandi',
      'código de acesso',
      'كلمة المرور',
      'كلمة السر',
      'رمز عبور',
    ),
)
/** What a system comes with, or people leave: a value where a user and a host stand beside it, else a label. */
const DEFAULTS = new Set(
  (
    'password passwd passphrase pwd pass secret admin root test guest ' +
    'postgres mysql redis sa oracle minio minioadmin rabbitmq'
  ).split(' '),
)

/** Words of which a stand-in is made: `your-api-key-here`, `MY_SECRET_TOKEN_EXAMPLE`, `dummyPassword`. */
const STAND_IN_WORDS = new Set(
  (
    'a an the my our your yours this that is as in on of for to with from and or not no any some new here there goes go be ' +
    'please must should set put add use enter insert type paste provide fill replace change update edit me it into own real ' +
    'api apikey app application key keys token tokens secret secrets password passwords passwd pass pwd passphrase access ' +
    'auth client private public user username name login id account admin db database host server service value string ' +
    'default example examples sample samples dummy fake mock placeholder todo tbd foo bar baz foobar acme test testing ' +
    'before production prod dev local generated random long strong safe secure very super personal oauth bearer redacted ' +
    'removed hidden masked xxx xxxx actual correct valid code license phrase encryption aws azure google github openai ' +
    'npm stripe slack twilio sendgrid project org organization bot webhook ' +
    'abc abcd abcdef xyz root guest test tester demo login'
  ).split(' '),
)
/** At least one of these makes such words a stand-in rather than a poor password. */
const STAND_IN_MARKS = new Set(
  (
    'your yours example examples sample dummy fake mock placeholder todo tbd foo foobar here goes enter insert paste ' +
    'provide fill replace change put please redacted removed hidden masked xxx xxxx not actual must some'
  ).split(' '),
)
const HAS_MARK = new RegExp([...STAND_IN_MARKS].join('|'), 'i')
/** Marks that stay marks when written together: `YOURTOKEN`, `changethis`. */
const STAND_IN =
  /placeholder|change[-_ ]?(?:me|this|it)(?![a-z])|redacted|replace[-_ ]?(?:me|this|with)|^_?(?:your|insert|enter)(?:[-_ ]|api|own|pass|secret|token|key|user|access|auth|client|private)|(?:^|[^a-z])x{3,}(?:[^a-z]|$)|xxxx|yyyyy|\*{3}|\.{3}|…|_{4}|#{4,}|[-_ ]here$|(?:^|[-_ ])please[-_ ](?:use|set|add|put|enter|insert|fill|provide|change|replace|update|ask|contact|do)(?![a-z])|[-_ ]from[-_ ]step[-_ ]|not[-_ ]?a[-_ ]?(?:real|secret)|^(?:dummy|fake|sample|mock|todo|tbd|fixme)(?:$|[-_ .])|EXAMPLE(?:KEY)?$|^(?:some|votre|sua|seu|deine?|ihre?|tua?|tuo)[-_]|^\([a-z .-]{2,20}\)$|^-?anonymous@/i

/** AWS has it in capitals within what it prints; elsewhere it is a word by itself. */
const IN_EXAMPLES = /EXAMPLE|SAMPLE|(?:FAKE|TEST)KEY|(?:^|[^A-Za-z])[Ee]xample(?:[^A-Za-z]|$)/

/** Parts that make any value a template, wherever they occur. */
const TEMPLATE =
  /\$\{[\w.:-]*(?:[^\w.:\]-]|$)|\{\{(?:[^{}]|\{[^{}]*\})*\}\}|\$\(|\$\[\[|<%|%>|#\{[^}]*\}|%\([^)]*\)s|^\{[A-Za-z_\d][\w.:]*\}$|^\{\}$|^<[^<>]+>$|^&lt;.*&gt;$|^%[\w.]+%$|^\$[A-Z][A-Z\d_]*\$$|^(?:%\d[:@/.-]?)+$|^%-?[\dsdvqx@]$|^(?:\\?\$[A-Za-z_][\w:.]*[-/@]?)+$|^\$[A-Za-z_]\w*,[\w.-]+=|^\$\$[A-Z][A-Z\d_]*$|^\$\w+\[|^@[\w.-]+@$|^@\{|^@[a-z]+$|^:[a-z_][A-Za-z_]*$|^__[\w:]+__$|^\[[\w .-]+\]$|^!!?[A-Za-z]+[ .]|^!\w+!$|^\\\(|\[\[.*\]\]|^\?$|^`.*`$|\{[A-Za-z_][\w.]*(?:\((?:[A-Za-z_][\w., ]{2,})?\))?(?:![rsa])?\}|(?:^|[-_ :/.])\{\d?\}|\{\d?\}(?:$|[-_ :/.])/
const REFERENCE =
  /^(?:process\.env|import\.meta|os\.(?:environ|getenv)|env[.[]|secrets?\.|vars?\.|local\.|data\.|module\.|config\.|settings\.|self\.|this\.|values\.|params\.|Rails\.|ENV\b)|^(?:arn:|vault:|op:\/\/|ssm:|sops|ENC\[|ENC\(|sm:\/\/|secretsmanager:|env:|file:|bao:|keyvault|keyring:|awssm|gcpsm|@microsoft\.keyvault|projects\/|ref\+|doppler:|pass:|kms:|lookup\()|^(?:[A-Za-z_$][\w$]*(?:\.|::|->))*[A-Za-z_$][\w$]*\((?:[^()]*|(?:[^(),]{1,40},){0,4}\s*(?:[A-Za-z_$][\w$]*(?:\.|::|->)){0,4}[A-Za-z_]\w{2,}\([^()]*\)(?:\s*,[^()]*)?)\);?$|^[A-Za-z_$][\w$.]*\[[^[\]]*\](?:\.[\w$.]+)?$|^(?:AWS4|TC3)-HMAC-|(?:\/|%2F)(?:aws4|goog4|tc3)_request(?:$|[&,])|&SignedHeaders=|^auth0\||^[A-Za-z_$][\w$]*(?:->|::)[\w$>():-]+$|^(?:Convert(?:To|From)-SecureString|Read-Host|Get-(?:Credential|Secret))$/
const HASH =
  /^(?:CRYPT|ENC|AES):|^\{cipher\}|^gAAAAAB[A-Za-z0-9_-]{60,}|^\$(?:1|2[abxy]?|5|6|7|y|md5|apr1|argon2(?:id?|d)?|pbkdf2|scrypt|bcrypt|P|H|S)\$|^\{(?:SSHA?|SHA|MD5|CRYPT|SMD5|PBKDF2|bcrypt|argon2)[-\d]*\}|^(?:pbkdf2|bcrypt|argon2|scrypt|sha(?:1|224|256|384|512)|md5)[-_:$=]|^SCRAM-SHA|^\{[A-Za-z0-9+/]{16,}={0,2}\}$|^\*[0-9A-F]{40}$/i
const PUBLIC_KEY =
  /^(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2)\b|^AAAA(?:B3Nza|C3Nza|E2Vj)|^-----BEGIN (?:RSA |EC )?PUBLIC|^-----BEGIN (?:CERT|PGP PUBLIC)|^B[A-P][A-Za-z0-9_+/-]{85}=?$|^(?:MII[A-D]Ij?AN|MFkwEw|MCowBQ)|^age1[a-z0-9]{50,}|^LS0tLS1CRUdJTiBDRVJ|^(?:pk_(?:live|test)|FLWPUBK(?:_TEST)?|phc|sb_publishable|pubkey|test_pub|live_pub)[_-][A-Za-z0-9_-]{10,}$|^(?:appl|goog)_[A-Za-z]{20,40}$|^pk\.eyJ|^mob-[0-9a-f]{8}-[0-9a-f-]{27}$|^pub[0-9a-f]{32}$|^sub-c-[0-9a-f-]{36}$|^(?:SB-)?Mid-client-/
/** A digest of a key, as `ssh-keygen -l` and `openssl x509 -fingerprint` print it; the address of a network card, and one of IPv6. */
const FINGERPRINT =
  /^(?:[0-9a-f]{2}[:-]){5,63}[0-9a-f]{2}$|^(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$|^(?=.*::)(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}$|^(?:SHA256|MD5):[A-Za-z0-9+/:]+=?$/i
/** What manuals print for a value: a choice, a word in italics, a pattern of words, the beginning of an aside; what programmers spell in hexadecimal. */
const IN_MANUALS =
  /^(?:on|off|yes|no|true|false)(?:[/|](?:on|off|yes|no|true|false))+$|^<([a-z]{1,6})>[^<>]*<\/\1>$|^\*[^*]+\*.*\*|^\([A-Za-z]+$|^(?:dead|beef|cafe|babe|bad|f00d|c0de|feed|face){2,}$/i
/** A variable of Vim, which tells its scope. */
const SCOPED = /^[gsablwtv]:[a-z_][\w.]*(?:\[.*)?$/
/** What sed replaces. */
const REPLACES = /^s([/#|,])[^]{1,80}?\1[^]{0,80}\1[a-z]{0,4}$/
/**
 * A regular expression, whose classes and groups are in no password that a person or a machine makes; a piece of one that goes on, `"+x`;
 * and the next of the options that `getopt` is told, `password:,host:`, names all of them, or that a script tells of.
 */
const EXPRESSION =
  /^["'][ \t]*[+.&]|^,--[a-z][\w-]*=|^,(?=.*[:=])(?:-{0,2}[a-z][a-z_-]{1,30}[:=]{0,2}(?:,|$))+$|^[ \t]*[+.&][ \t]*(?:[\w.()[\]$]|->|\['\w+'\])+[ \t]*[+.&][ \t]*$|^\^.*[$*+)\]]$|\\[wdsWDS](?:[^a-z]|$)|\[\^[^\]]+\]|\[[^\]]*(?:a-z|A-Z|0-9)[^\]]*\]|^\[\^?(?:a-z|A-Z|0-9)|\(\?[:=!<i]/
/** The beginning of JSON, which is looked into by itself. */
const STRUCTURE = /^(?:\{\s*["'][^"']*["']\s*:|\[\s*[{"'])/
/** `abcd1234abcd1234abcd1234`: the same few characters again and again to the end; a token may well begin so. */
const REPEATED = /^(.{4,8}?)\1{2,}.{0,8}$/i
/** A JSON Web Token with no signature, or with what a manual shortens it to: nobody takes it. */
const UNSIGNED = /^eyJ[\w-]*\.[\w-]*\.[\w-]{0,15}$/
const UUID = /^\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?$/i
const PATH =
  /^HK(?:LM|CU|EY_[A-Z_]{5,20}):?\\|^(?:\.{0,2}\/|~\/|[A-Za-z]:[/\\])(?:[\w@.-]+[/\\])*[\w@.*-]*$|^[\w-]+(?:\/[\w.-]+)*\.(?:pem|key|crt|txt|json|ya?ml|html?|js|php|py|env|conf|ini|xml|jks|p12)$|^[\w.-]+(?:\/[\w.-]+)+\.[a-z][a-z\d]{0,4}:?$|^(?:[a-z]{3,}\/){2,}(?:[0-9a-f]*|[A-Z]?[a-z]+(?:[-_.A-Z][a-z]+)*[-_.]?\d{0,4})$/
/** What curl and others read from a file. */
const FROM_FILE = /^@(?:[\w.-]*\/)*[\w-]+\.[a-z]{2,5}$/
const URL_LIKE = /^[a-z][a-z0-9+.-]{1,15}:\/\//i
const EMAIL =
  /^[\w.+-]+@(?:[\w-]+\.)+(?:com|org|net|io|de|co|uk|test|local|internal|example|edu|gov|invalid)$/i

export function isUuid(value: string): boolean {
  return UUID.test(value)
}

export type Objection =
  | 'a word that stands in for a value'
  | 'a common default'
  | 'a template'
  | 'a placeholder'
  | 'a reference'
  | 'a hash'
  | 'a public key'
  | 'a UUID'
  | 'a fingerprint'
  | 'an expression'
  | 'a structure'
  | 'published as an example'
  | 'a path'
  | 'a URL'
  | 'a mail address'
  | 'one character again and again'

/**
 * Why a value is no secret whatever its key: a template, a reference to where the secret is, a stand-in of
 * documentation, a hash. Undefined where nothing speaks against it.
 */
export function whyNoSecret(value: string): Objection | undefined {
  const lower = value.toLowerCase()
  if (DEFAULTS.has(lower)) return 'a common default'
  if (WORDS.has(lower)) return 'a word that stands in for a value'
  if (isTranslation(value)) return 'a word that stands in for a value'
  if (STAND_IN.test(value) || IN_EXAMPLES.test(value) || isMadeOfStandIns(value) || IN_MANUALS.test(value))
    return 'a placeholder'
  if (isPublished(value)) return 'published as an example'
  if (PUBLIC_KEY.test(value)) return 'a public key'
  // Most values have none of the signs that all of these need.
  const special = /^[A-Za-z0-9]*$/.test(value) ? undefined : whySpecial(value)
  if (special !== undefined) return special
  if (new Set(value).size <= 2 || repeats(value)) return 'one character again and again'
  if (REPEATED.test(value)) return 'a placeholder'
  return undefined
}

/** With the sign behind it that a label has. */
function isTranslation(value: string): boolean {
  // None has a digit, and most values that are generated have.
  if (value.length > 40 || /\d/.test(value)) return false
  const word = /[\x80-\xff]/.test(value) ? Buffer.from(value, 'latin1').toString('utf8') : value
  return TRANSLATIONS.has(word.toLowerCase().replace(/[\s:*?!.]+$/, ''))
}

function whySpecial(value: string): Objection | undefined {
  if (TEMPLATE.test(value.replace(/^['"]+|['"]+$/g, ''))) return 'a template'
  if (/^&(?:quot|apos|lt|gt|#\w{2,6});?$/.test(value)) return 'a reference'
  if (REFERENCE.test(value) || SCOPED.test(value) || FROM_FILE.test(value)) return 'a reference'
  if (HASH.test(value)) return 'a hash'
  if (FINGERPRINT.test(value)) return 'a fingerprint'
  if (STRUCTURE.test(value)) return 'a structure'
  if (EXPRESSION.test(value) || REPLACES.test(value)) return 'an expression'
  if (isUuid(value)) return 'a UUID'
  if (value.startsWith('eyJ') && isPublishedJwt(value)) return 'published as an example'
  if (UNSIGNED.test(value)) return 'a placeholder'
  if (
    PATH.test(value) &&
    (/[/\\].*[/\\.]/.test(value.slice(1)) ||
      /^(?:[\w/-]+\.[a-z\d]+|~?(?:\/[a-z][a-z_.-]*){2,})$/i.test(value))
  )
    return 'a path'
  if (URL_LIKE.test(value)) return 'a URL'
  return EMAIL.test(value) ? 'a mail address' : undefined
}

/** Whether much of it is one character: a generated value may hold a run of zeros, but is not made of it. */
export function repeats(value: string): boolean {
  const run = /(.)\1{9,}/i.exec(value)
  return run !== null && run[0].length * 3 >= value.length
}

/** Whether a value stands in for one that is not there. A hash, a path or a UUID may well be somebody's key. */
export function isStandIn(value: string): boolean {
  const reason = whyNoSecret(value)
  return reason !== undefined && STANDS_IN.has(reason)
}

const STANDS_IN: ReadonlySet<Objection> = new Set<Objection>([
  'a word that stands in for a value',
  'a common default',
  'a template',
  'a placeholder',
  'published as an example',
  'one character again and again',
])

/** What an anonymous user gives is an address. */
export function isCourtesy(user: string, value: string): boolean {
  return /^anonymous$/i.test(user) && value.includes('@')
}

/** Made of nothing but words that stand in, counted-up digits, and what separates them. */
function isMadeOfStandIns(value: string): boolean {
  if (value.length > 80 || !HAS_MARK.test(value)) return false
  const words = standInWords(value)
  if (!words?.some(word => STAND_IN_MARKS.has(word))) return false
  const digits = value.replace(/\D/g, '')
  return digits.length <= 1 || '01234567890123456789'.includes(digits)
}

/** Made of words that speak of what it should be: `mypassword`, `secret123`. A poor password, or a stand-in for one. */
export function speaksOfItself(value: string): boolean {
  return value.length <= 40 && value.replace(/[^\d]/g, '').length <= 4 && standInWords(value) !== undefined
}

/** The words that it is made of, if all of them are such as stand in; they may be written together. */
function standInWords(value: string): string[] | undefined {
  const words = value
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter(word => word !== '')
  const parts = words.map(partsOf)
  return parts.length > 0 && parts.every(part => part !== undefined) ? parts.flat() : undefined
}

/** `fakepassword` is `fake` and `password`. A word of two letters is one by itself only, and `my`. */
function partsOf(word: string): string[] | undefined {
  if (STAND_IN_WORDS.has(word)) return [word]
  if (word.length > 32) return undefined
  for (let end = Math.min(word.length - 3, 13); end >= 2; end--) {
    const head = word.slice(0, end)
    if (!STAND_IN_WORDS.has(head) || (end === 2 && head !== 'my')) continue
    const rest = partsOf(word.slice(end))
    if (rest) return [head, ...rest]
  }
  return undefined
}
