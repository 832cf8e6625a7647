import { matchBare, trimmed } from './bare-value.ts'
import type { Key } from './key.ts'
import { isNoWord } from './judge-assignment.ts'
import { isCourtesy } from '../placeholder.ts'
import { isQuote, quotedRange, type Range } from './quoted-value.ts'
import type { Text } from '../text.ts'

/**
 * A key and a value with only space between: Dockerfile ENV, netrc, `#define`, lines of configuration files, and
 * options of a command.
 */
export function wordsApart(text: Text, key: Key, at: number, before: string): Range | undefined {
  const { page, dialect } = text
  const keyAt = key.start - text.base
  const line = page.slice(page.lastIndexOf('\n', keyAt - 1) + 1, keyAt)
  // A game's server is started with its settings: `+rcon.password "x" +map y`.
  if (before === '+' && page[at] === '"' && /(?:^|\s)\+$/.test(line)) return quotedRange(page, at, dialect)
  if (dialect === 'docker' && /^\s*ENV\s+$/i.test(line))
    return trimmed(page, matchBare(page, at, /[^\n\r]+/y) ?? never(at), 'env', keyAt)
  // Objective-C's `#define kSecret @"x"`.
  if (page[at] === '@' && page[at + 1] === '"' && dialect === 'code' && DEFINES.test(line))
    return quotedRange(page, at + 1, dialect)
  if (isQuote(page[at]) && page[at] !== '`') {
    // An option of its own, `password "x"`, as some configuration files and build scripts have it; Lisp's `:password "x"`.
    const isOption = DEFINES.test(line) && dialect !== 'json' && dialect !== 'yaml' && dialect !== 'xml'
    const isKeyword = before === ':' && dialect === 'code'
    if (isOption || isKeyword) return quotedRange(page, at, dialect)
  }
  // redis.conf, esmtprc and others: one word after the option, and nothing else on the line.
  if (line.trim() === '' && (dialect === 'ini' || CONFIGURED.test(key.name))) return wholeLine(page, at)
  if (SETS.test(line))
    return isQuote(page[at]) ? quotedRange(page, at, 'shell') : matchBare(page, at, /[^\s;&|()<>"'`\\]+/y)
  // A script of Tcl or expect, whose words need no quotes: what is computed stands in brackets.
  if (/\.(?:exp|tcl)$/.test(text.path) && /^\s*set\s+$/.test(line)) return wholeLine(page, at)
  // fetchmail: `user "jo" with password "x"`; a step of a test: `username "jo" and password "x"`, `log in as "jo" with password "x"`.
  if (isQuote(page[at]) && page[at] !== '`' && BESIDE_USER.test(line)) return quotedRange(page, at, dialect)
  // What a manual tells: "log in as `jo` with the password `x`".
  if (page[at] === '`' && dialect === 'text')
    return SAID.test(key.name) && TOLD.test(page.slice(at, at + 80))
      ? quotedRange(page, at, dialect)
      : undefined
  if (dialect === 'text' && SAID.test(key.name) && NOTES.test(line)) {
    const range = matchBare(page, at, LAST_WORD)
    if (range && isNoWord(page.slice(range.start, range.end))) return range
  }
  if (line.trim() === '' && dialect === 'text' && BESIDE_IT.test(page.slice(Math.max(0, keyAt - 160), keyAt)))
    return wholeLine(page, at)
  if (key.name === 'password') {
    const login = /\blogin\s+(\S+)\s+$/.exec(page.slice(Math.max(0, keyAt - 120), keyAt))?.[1]
    if (dialect === 'netrc' || login !== undefined) {
      const range = matchBare(page, at, /\S+/y)
      return range && isCourtesy(login ?? '', page.slice(range.start, range.end)) ? undefined : range
    }
  }
  if (isFlag(key.name, before, line)) return flagValue(page, at, isTold(text, line))
  return dialect === 'text' && SAYS.test(key.name) ? saidNext(page, at) : undefined
}

/** Words behind which a sentence has the thing itself: `called with the token x`. */
const SAYS = /^(?:secret|token|(?:api|access|secret|auth)[ _-]?(?:key|token))$/i
const GENERATED = /[A-Za-z0-9_+/-]{20,128}={0,2}(?=[\s.,;:!)]|$)/y
/** What is public where tokens are money: addresses in base 58. */
const ADDRESS = /^(?=.*[A-Z])[1-9A-HJ-NP-Za-km-z]{32,44}$/
/** The same in Bech32, what came from another chain, and what is numbered for everybody: `terra1…`, `ibc/27…`, `CVE-2026-1`. */
const NUMBERED = /^[a-z]{1,20}1[02-9ac-hj-np-z]{32,90}$|^(?:ibc|factory)\/|^(?:CVE|GHSA|CWE)-/

/** What no word of a sentence looks like. */
function saidNext(page: string, at: number): Range | undefined {
  const range = matchBare(page, at, GENERATED)
  const value = range && page.slice(range.start, range.end)
  if (value === undefined || !/\d.*\d/.test(value) || !/[A-Za-z]/.test(value)) return undefined
  return ADDRESS.test(value) || NUMBERED.test(value) ? undefined : { ...range!, isTold: true }
}

/** Nothing, or what only says that a name is given a value: `#define `, `set `, `(setq `, `proxy_set_header `, Elixir's `@`. */
const DEFINES =
  /^\s*(?:@|#\s*define\s+|\(?(?:set|setq|setf|def|defvar|defconst|defparameter|define|proxy_set_header|add_header|fastcgi_param)\s+\$?)?$/

/** Shells' and servers' words for setting a variable or a header, behind which a value needs no quotes. */
const SETS =
  /^\s*(?:setenv|(?:fastcgi|uwsgi)_param|perlset(?:var|env)|proxy_set_header|(?:request)?header\s+set|http-request\s+set-header|setx(?:\s+\/\w+)*|set(?:(?:\s+-{1,2}\w+)+|(?=\s+\$)))\s+\$?$/i

/** Prose or a program, where what follows an option's name is the next word of a sentence; not so after a prompt. */
function isTold({ dialect }: Text, line: string): boolean {
  return (dialect === 'text' || dialect === 'code') && !/^\s*[$>%#]\s+[a-z]/.test(line)
}

/** What a sentence goes on with after the name of an option. */
const GOES_ON =
  /^(?:with|without|options?|flags?|arguments?|parameters?|switch(?:es)?|settings?|and|or|is|are|was|to|in|for|when|from|if|as|the|be|can|will|also|on|by|at|not|but|instead|now|respectively)[.,:;]?$/i

const SAID = /^pass(?:word|phrase|code)$/i
/** `Password x`, `ssh jo@db2 password x`, with nothing behind it. */
const NOTES = /^[\s>*+-]*(?:(?:ssh|sftp|scp|ftp|telnet) .*)?$/i
const LAST_WORD = /[^\s"'`<>(){}[\]|,;:=/\\]{7,63}[^\s"'`<>(){}[\]|,;:=/\\.](?=[ \t]{0,4}(?:[\r\n]|$))/y
/** No name of an option or a field: with a capital, a digit and something else. */
const TOLD = /^`(?=[^`]*[a-z])(?=[^`]*[A-Z!@#$%&*])(?=[^`]*\d)[^\s`-][^\s`]{5,63}`/
/** A line above of a file of such options, as that of msmtp. */
const BESIDE_IT =
  /(?:^|\n)[ \t]*(?:user|login|name|username|account|host|server|machine)[ \t]+\S+[ \t]*\r?\n(?:[^\n]{0,60}\n)?$/
const BESIDE_USER =
  /\b(?:user(?:name)?|(?:log(?:ged)?|sign(?:ed)?) ?in as)\s+["']?[^\s"']+["']?\s+(?:(?:there\s+)?with\s+|and\s+)?(?:the\s+)?$/
/** Options that stand for nothing else. */
const CONFIGURED = /^(?:requirepass|masterauth|rootpw|bindpw)$/

function wholeLine(page: string, at: number): Range | undefined {
  // Kickstart: `rootpw --plaintext x`.
  const option = /^--plaintext[ \t]{1,4}/.exec(page.slice(at, at + 16))?.[0].length ?? 0
  const range = matchBare(page, at + option, /[^-\s#;"'={}[\](),][^\s#;"'={}[\](),]*/y)
  return range && /^[ \t]*;?(?:\r?\n|$)/.test(page.slice(range.end, range.end + 40)) ? range : undefined
}

/** `--db-password x`; of those with one dash only what no program takes for letters of their own: `-Password x`. */
function isFlag(name: string, before: string, line: string): boolean {
  // An option's name may have been taken into the key: `--db-password` has its dashes in `lead`.
  if (/^--[A-Za-z]/.test(name) || (before === '-' && line.endsWith('--'))) return true
  return /^-(?:pass(?:word|wd)?|storepass|keypass|srcstorepass|deststorepass|[A-Za-z]{0,20}(?:Password|Token|Secret|ApiKey|APIKey|AccessKey))$/.test(
    name,
  )
}

function flagValue(page: string, at: number, isProse: boolean): Range | undefined {
  if (page[at] === '-' || page[at] === '[' || page[at] === '<') return undefined
  const range = isQuote(page[at])
    ? quotedRange(page, at, 'shell')
    : matchBare(page, at, /[^\s;&|()<>"'`\\$[\]]+/y)
  const value = range && page.slice(range.start, range.end)
  if (value === undefined || GOES_ON.test(value) || (isProse && /^[A-Za-z]+[.,:;!?]?$/.test(value)))
    return undefined
  return { ...range!, isInString: true }
}

function never(at: number): Range {
  return { start: at, end: at, encodings: [] }
}
