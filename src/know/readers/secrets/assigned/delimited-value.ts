import type { Dialect } from '../dialect.ts'
import { type Range, quotedEncoding } from './quoted-value.ts'

/** Of each way the group before the value, the value, and nothing else: a text of several lines is looked into by itself. */
const DELIMITED = [
  // `"""x"""`, perhaps with the value on a line of its own
  /^(("""|''')(?:\r?\n[ \t]{0,60})?)([^\n\r]{1,512}?)(?:\r?\n[ \t]{0,60})?\2/,
  // `<<EOT`, `<<-EOT`, `<<~'EOT'`
  /^(<<[-~]?(["']?)([A-Za-z_]\w{0,30})\2\r?\n[ \t]{0,60})(\S[^\n\r]{0,511})\r?\n[ \t]{0,60}\3(?!\w)/,
] as const
/** Lua's `[[x]]`; Perl's and Ruby's `q(x)`, `%q{x}`. Elsewhere these are links and templates, as `%(x)s` and `%{x}` are everywhere. */
const DELIMITED_IN_CODE = [
  ...DELIMITED,
  /^(\[\[)([^[\]\n\r]{1,512})\]\]/,
  /^((?:%[qQ]|qq?)[({[])([^(){}[\]\n\r]{1,512})[)}\]]/,
] as const

/** Told by its first characters, since most values are not written so. */
function mayOpen(page: string, at: number): boolean {
  const sign = page[at]
  if (sign === '"' || sign === "'" || sign === '<' || sign === '[') return page[at + 1] === sign
  return sign === 'q' || sign === '%'
}

/** The one line within signs of more than one character that opens at `at`. */
export function delimitedRange(page: string, at: number, dialect: Dialect): Range | undefined {
  if (dialect === 'yaml' || dialect === 'json' || dialect === 'xml' || !mayOpen(page, at)) return undefined
  const ahead = page.slice(at, at + 640)
  for (const form of dialect === 'code' ? DELIMITED_IN_CODE : DELIMITED) {
    const found = form.exec(ahead)
    if (!found) continue
    const start = at + found[1]!.length
    const encoding =
      ahead[0] === '"' || ahead[0] === "'" ? quotedEncoding(dialect, ahead[0] === "'") : undefined
    const end = start + found.at(-1)!.trimEnd().length
    return { start, end, encodings: encoding ? [encoding] : [], isInString: true }
  }
  return undefined
}
