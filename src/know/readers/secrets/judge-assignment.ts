import { entropy } from './entropy.ts'
import { whyNoSecret } from './placeholder.ts'

const WORD =
  /^(.*?)(password|passwd|passphrase|pwd|pass|secret|token|api_?key|access_?key|auth_?key|secret_?key|account_?key|signing_?key|encryption_?key|master_?key)(\d*)(?:_(.+))?$/
/** What follows the word and makes the key speak about a secret rather than hold it. */
const ABOUT = new Set(
  (
    'url uri name names file filename path dir type field fields length len size count ttl expiry expires expiration ' +
    'expire exp timeout ref reference arn endpoint header headers regex regexp pattern format policy policies prompt label ' +
    'hint placeholder error errors message msg enabled enable disabled required reset salt hash hashed hashes digest ' +
    'version provider algorithm algo method mode class style input icon title text description desc column index ' +
    'position start end kind list ids validator validation check checker strength min max limit limits usage used ' +
    'prefix suffix changed updated created at date time store storage manager management rotation engine service ' +
    'source issuer scope scopes audience budget bucket cookie param parameter arg option options config settings ' +
    'encoder encoding decoder generator handler callback function fn func builder factory parser request response ' +
    'confirm confirmation confirmed forgot link form page route script template test tests valid invalid ' +
    'missing wrong incorrect mismatch strategy backend props event state visible visibility id_token_hint lifetime ' +
    'interval days hours minutes seconds ms age old_enough managers key_ref keyref env var variable'
  ).split(' '),
)
const PASSWORDS = new Set(['password', 'passwd', 'passphrase', 'pwd', 'pass'])
/** Short keys ending in these words: `dbpass`, `user_pass`. A longer word (`compass`, `bypass`) is another word. */
const PASS_BEFORE = /(?:^|_|db|user|root|admin|smtp|mail|ftp|ssh|redis|sql|pg|auth|my|rds)$/

/** How sure it is that this key's value is a secret, 0…1; undefined where it is none. */
export function judgeAssignment(keyName: string, value: string, path: string): number | undefined {
  const key = keyName
    .replace(/^-+/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[.-]+/g, '_')
    .toLowerCase()
  const parts = WORD.exec(key)
  if (!parts) return undefined
  const [, lead, word, , rest] = parts
  if (word === 'pass' && !PASS_BEFORE.test(lead!)) return undefined
  if (
    /(?:^|_)(?:csrf|xsrf|public|pub|is|has|no|use|show|hide|forgot|reset|invalid|missing|next|page|continuation|syntax|cancel|cancellation|sync|design|pagination)_?$/.test(
      lead!,
    )
  )
    return undefined
  if (rest?.split('_').some(part => ABOUT.has(part)) || (rest === 'id' && word !== 'secret')) return undefined

  if (value.length > 512 || whyNoSecret(value) !== undefined) return undefined
  if (value.toLowerCase().replace(/[^a-z]/g, '') === key.replace(/[^a-z]/g, '')) return undefined
  if (/^[#.][a-z]+(?:[-_][a-z]+)*$/i.test(value)) return undefined
  if (isProse(value) || /[\0-\x08\x0e-\x1f]/.test(value)) return undefined
  if (/^[~^]?\d+(?:\.\d+){1,3}(?:-[\w.]+)?$/.test(value)) return undefined
  // `pass` is also what tests and validators do: a plain word under it is a password only in a variable's name.
  if (word === 'pass' && /^[A-Za-z]+$/.test(value) && keyName !== keyName.toUpperCase()) return undefined
  return PASSWORDS.has(word!) ? judgePassword(value, path) : judgeToken(value, path)
}

function judgePassword(value: string, path: string): number | undefined {
  if (value.length < 4) return undefined
  if (/^[a-z]+(?:[-_.](?:[a-z]+[-_.]?)+)$/i.test(value) && /pass|pwd|secret|token|user/i.test(value))
    return undefined
  if (/^[A-Z][a-z]+$/.test(value)) return 0.3
  let sure = 0.55
  if (classes(value) >= 3 || (value.length >= 12 && entropy(value) >= 3)) sure += 0.25
  else if (/^[a-z]+$/.test(value)) sure -= 0.15
  return settled(sure, path)
}

/** `token: literal` is ordinary source code: only what looks generated counts. */
function judgeToken(value: string, path: string): number | undefined {
  if (value.length < 8) return undefined
  if (!/\d/.test(value) && (classes(value) < 3 || entropy(value) < 3.5)) return undefined
  // Words joined by signs, camel case, and version-like or dotted names.
  const words = value.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
  if (/^[A-Za-z]+(?:[-_./:][A-Za-z]+)*\d{0,3}$/.test(words) && entropy(words) < 3.8) return undefined
  if (/^[A-Za-z]+(?:[A-Z][a-z]+)+\d{0,2}$/.test(words)) return undefined
  if (entropy(value) < 2.7) return undefined
  const sure = value.length >= 16 && entropy(value) >= 3.2 ? 0.7 : 0.5
  // Digests and generated keys look alike: less sure, never dropped.
  return settled(/^[0-9a-f]{32,128}$/i.test(value) ? sure - 0.15 : sure, path)
}

/** Words with spaces between are a label or a sentence; a generated value may hold a space among many signs. */
function isProse(value: string): boolean {
  if (!/\s/.test(value)) return false
  return value.replace(/[A-Za-z\x80-\xff\s'".,:;!?()-]/g, '').length < value.length / 4
}

function settled(sure: number, path: string): number {
  const example =
    /(?:^|[/_.-])(?:tests?|specs?|examples?|samples?|fixtures?|mocks?|docs?|__tests__)(?:[/_.-]|$)/i.test(
      path,
    )
  return Math.round(Math.max(0.1, Math.min(0.95, example ? sure - 0.2 : sure)) * 100) / 100
}

function classes(value: string): number {
  return [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter(kind => kind.test(value)).length
}
