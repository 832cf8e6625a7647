const WORDS = new Set(
  (
    'null none nil undefined true false yes no on off empty blank default value string str text required optional ' +
    'password passwd passphrase passwort pwd pass secret token apikey api_key key username user login credentials ' +
    'changeme changeit change_me change-me replaceme replace_me fixme todo tbd na n/a unset notset not_set unknown ' +
    'example placeholder redacted hidden masked removed omitted encrypted secure sensitive foobar dummy sample mock ' +
    'input prompt ask stdin env file number boolean object function async await return new this self static const'
  ).split(' '),
)

/** Parts that make any value a template or a stand-in, wherever they occur. */
const TEMPLATE =
  /\$\{[^}]*\}|\{\{.*\}\}|\$\([^)]*\)|\$\[\[|<%|%>|#\{[^}]*\}|%\([^)]*\)s|^\{[A-Za-z_][\w.]*\}$|^<[^<>]+>$|^%\w+%$|^\$[A-Za-z_]\w*$|^@\w+@$|^__\w+__$|^\[[\w .-]+\]$/
const STAND_IN =
  /example|placeholder|change.?(?:me|this|it)|redacted|replace.?(?:me|this|with)|your.?(?:own|api|pass|secret|token|key|db|user|access|auth|client|private|super)|(?:^|[^a-z])(?:xxx+|yyy+)|xxxx|\*\*\*|\.\.\.|…|----|____|^(?:your|enter|insert|some|dummy|fake|todo|tbd)[-_ .]|[-_ ]here$|not.?a.?(?:real|secret)/i
const REFERENCE =
  /^(?:process\.env|import\.meta|os\.(?:environ|getenv)|env[.[]|secrets?\.|vars?\.|local\.|data\.|module\.|config\.|settings\.|self\.|this\.)|^(?:arn:|vault:|op:\/\/|ssm:|sops|ENC\[|sm:\/\/|secretsmanager:|env:|file:|bao:|keyvault|@microsoft\.keyvault|projects\/)|^(?:[A-Za-z_$][\w$]*(?:\.|::|->))*[A-Za-z_$][\w$]*\([^()]*\);?$|^[A-Za-z_$][\w$.]*\[[^[\]]*\]$/
const HASH =
  /^\$(?:1|2[abxy]?|5|6|7|y|md5|apr1|argon2|pbkdf2|scrypt|bcrypt|P|H)\$|^\{(?:SSHA?|SHA|MD5|CRYPT|SMD5|PBKDF2)[-\d]*\}|^(?:pbkdf2|bcrypt|argon2|scrypt|sha(?:1|256|384|512)|md5)[-_:$]|^SCRAM-SHA/i
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const PATH = /^(?:\.{0,2}\/|~\/|[A-Za-z]:\\)(?:[\w@.-]+[/\\])*[\w@.-]+$/
const URL_LIKE = /^[a-z][a-z0-9+.-]{1,15}:\/\//i

/**
 * Why a value is no secret whatever its key: a template, a reference to where the secret is, a stand-in of
 * documentation, a hash. Undefined where nothing speaks against it.
 */
export function whyNoSecret(value: string): string | undefined {
  if (WORDS.has(value.toLowerCase())) return 'a word that stands in for a value'
  if (TEMPLATE.test(value)) return 'a template'
  if (STAND_IN.test(value)) return 'a placeholder'
  if (REFERENCE.test(value)) return 'a reference'
  if (HASH.test(value)) return 'a hash'
  if (UUID.test(value)) return 'a UUID'
  if (PATH.test(value) && /[/\\].*[/\\.]/.test(value.slice(1))) return 'a path'
  if (URL_LIKE.test(value)) return 'a URL'
  if (new Set(value).size <= 2) return 'one character again and again'
  return undefined
}

/** Whether a value stands in for one that is not there. A hash, a path or a UUID may well be somebody's key. */
export function isStandIn(value: string): boolean {
  const reason = whyNoSecret(value)
  return reason !== undefined && STANDS_IN.has(reason)
}

const STANDS_IN = new Set(['a word that stands in for a value', 'a template', 'a placeholder'])
