/**
 * A user as `ACL LIST` tells it. `digests` are SHA-256 of its passwords, without salt: who has them can guess. They
 * are compared here and go no further.
 */
export interface User {
  readonly name: string
  readonly on: boolean
  /** Any password lets in. */
  readonly nopass: boolean
  readonly digests: readonly string[]
  /** What `ACL SETUSER` takes: key and channel patterns, commands, and whole selectors in parentheses. */
  readonly rules: readonly string[]
}

/** One line of `ACL LIST`, which is written as ACL files are: `user NAME on #… ~* &* +@all (~k* -@all +get)`. */
export function parseUser(line: string): User | undefined {
  const [word, name, ...rest] = line.split(' ')
  if (word !== 'user' || !name) return undefined
  const tokens = gathered(rest)
  return {
    name,
    on: tokens.includes('on'),
    nopass: tokens.includes('nopass'),
    digests: tokens.filter(token => token.startsWith('#')).map(token => token.slice(1)),
    rules: tokens.filter(token => !token.startsWith('#') && !FLAGS.has(token)),
  }
}

/** `resetchannels` is where every list of rules begins; it stands in none. */
const FLAGS = new Set(['on', 'off', 'nopass', 'sanitize-payload', 'resetchannels', ''])

/** A selector has spaces within its parentheses; a pattern cannot have any. */
function gathered(words: readonly string[]): string[] {
  const tokens: string[] = []
  let open: string[] | undefined
  for (const word of words) {
    if (!open && word.startsWith('(')) open = []
    if (!open) {
      tokens.push(word)
      continue
    }
    open.push(word)
    if (!word.endsWith(')')) continue
    tokens.push(open.filter(each => each !== 'resetchannels').join(' '))
    open = undefined
  }
  return tokens
}

export function isSelector(rule: string): boolean {
  return rule.startsWith('(')
}

/** The rules of each way in which the user may do something: its own, then each selector's. */
export function waysOf(rules: readonly string[]): string[][] {
  return [rules.filter(rule => !isSelector(rule)), ...rules.filter(isSelector).map(insideOf)]
}

function insideOf(selector: string): string[] {
  return selector.slice(1, -1).split(' ').filter(Boolean)
}

/** The categories of the commands that are asked about (ACL CAT, Redis 6.0 to 7.4). */
const CATEGORIES = {
  'acl|setuser': ['admin', 'slow', 'dangerous'],
  'acl|deluser': ['admin', 'slow', 'dangerous'],
  'acl|load': ['admin', 'slow', 'dangerous'],
  'config|set': ['admin', 'slow', 'dangerous'],
  'module|load': ['admin', 'slow', 'dangerous'],
  'module|loadex': ['admin', 'slow', 'dangerous'],
  debug: ['admin', 'slow', 'dangerous'],
  replicaof: ['admin', 'slow', 'dangerous'],
  slaveof: ['admin', 'slow', 'dangerous'],
  monitor: ['admin', 'slow', 'dangerous'],
  psync: ['admin', 'slow', 'dangerous'],
  get: ['read', 'string', 'fast'],
  hget: ['read', 'hash', 'fast'],
  lrange: ['read', 'list', 'slow'],
  smembers: ['read', 'set', 'slow'],
  zrange: ['read', 'sortedset', 'slow'],
  xread: ['read', 'stream', 'slow', 'blocking'],
  dump: ['keyspace', 'read', 'slow'],
  set: ['write', 'string', 'slow'],
  hset: ['write', 'hash', 'fast'],
  lpush: ['write', 'list', 'fast'],
  sadd: ['write', 'set', 'fast'],
  zadd: ['write', 'sortedset', 'fast'],
  xadd: ['write', 'stream', 'fast'],
  del: ['keyspace', 'write', 'slow'],
  flushall: ['keyspace', 'write', 'slow', 'dangerous'],
  publish: ['pubsub', 'fast'],
  subscribe: ['pubsub', 'slow'],
} as const satisfies Readonly<Record<string, readonly string[]>>

export type Command = keyof typeof CATEGORIES

/** Whether one way's rules let a command through: they are read in order, and the last one that fits decides. */
export function allows(way: readonly string[], command: Command): boolean {
  const names = [command, command.split('|')[0]]
  const categories: readonly string[] = CATEGORIES[command]
  let allowed = false
  for (const rule of way) {
    const what = rule.slice(1)
    const fits =
      what === '@all' || names.includes(what) || (what.startsWith('@') && categories.includes(what.slice(1)))
    if (fits && (rule.startsWith('+') || rule.startsWith('-'))) allowed = rule.startsWith('+')
  }
  return allowed
}

/** Commands by which a user makes, changes or lets in users, or brings code into the server that can. */
const MINTING = [
  'acl|setuser',
  'acl|deluser',
  'acl|load',
  'config|set',
  'module|load',
  'module|loadex',
  'debug',
  'replicaof',
  'slaveof',
] as const satisfies readonly Command[]

export function mints(rules: readonly string[]): boolean {
  return waysOf(rules).some(way => MINTING.some(command => allows(way, command)))
}

/**
 * The same rules without what mints. `major` is the server's version: before 7 only whole commands can be taken away,
 * ACL GETUSER with ACL SETUSER.
 */
export function frozenRules(rules: readonly string[], major: number): string[] {
  const taken = (way: readonly string[]) => {
    const commands: string[] = MINTING.filter(command => allows(way, command)).map(command =>
      major < 7 ? (command.split('|')[0] ?? command) : command,
    )
    return [...new Set(commands)].map(command => `-${command}`)
  }
  const plain = rules.filter(rule => !isSelector(rule))
  const selectors = rules.filter(isSelector).map(selector => {
    const inside = insideOf(selector)
    return `(${[...inside, ...taken(inside)].join(' ')})`
  })
  return [...plain, ...taken(plain), ...selectors]
}

/** What gives something: all that `narrow` may be told to keep. What takes away is never taken away. */
export function isGrant(rule: string): boolean {
  return /^[+~%&(]/.test(rule)
}

export function narrowedRules(rules: readonly string[], scopes: readonly string[]): string[] {
  return rules.filter(rule => !isGrant(rule) || scopes.includes(rule))
}

/**
 * The words that give a user exactly these rules in one command, whatever it had: `ACL SETUSER` carries out all of them
 * or none. `had` are the rules that stand: selectors are cleared only where there are any, since before 7 there are none.
 */
export function settingRules(rules: readonly string[], had: readonly string[]): string[] {
  const clear = [...rules, ...had].some(isSelector) ? ['clearselectors'] : []
  return ['resetkeys', 'resetchannels', '-@all', ...clear, ...rules]
}

/** The rules of a kind, as people read them. */
export function keysOf(way: readonly string[]): string[] {
  return way.filter(rule => /^[~%]/.test(rule))
}

export function channelsOf(way: readonly string[]): string[] {
  return way.filter(rule => rule.startsWith('&'))
}
