import { type Located, scalar } from '../located.ts'

/** One command of a script, its continued lines joined. */
export interface Command {
  readonly line: number
  readonly text: string
  /** What a here-document gives it, where the shell puts variables into that; its lines are commands, too. */
  readonly document?: string
}

/** A longer one is data; what stands behind this is not looked at. */
const MOST_LENGTH = 20_000

/** The lines of a script, those that a backslash continues as one; what is only a comment is none. */
export function commandsOf(script: Located): Command[] {
  const commands: Command[] = []
  let open: { line: number; parts: string[] } | undefined
  const lines = (scalar(script) ?? '').split(/\r?\n/)
  for (const [index, line] of lines.entries()) {
    if (!open && /^\s*#/.test(line)) continue
    const continued = /[^\\]\\$|^\\$/.test(line)
    open ??= { line: script.textLine + index, parts: [] }
    open.parts.push(continued ? line.slice(0, -1) : line)
    if (continued) continue
    push(commands, open, lines, index)
    open = undefined
  }
  if (open) push(commands, open, lines, lines.length)
  return commands
}

function push(
  commands: Command[],
  { line, parts }: { line: number; parts: readonly string[] },
  lines: readonly string[],
  last: number,
): void {
  const text = parts.join(' ').trim().slice(0, MOST_LENGTH)
  if (text === '') return
  const document = documentAfter(text, lines, last)
  commands.push({ line, text, ...(document !== undefined && { document }) })
}

function documentAfter(text: string, lines: readonly string[], last: number): string | undefined {
  const mark = /(?<!<)<<-?\s*(?<word>[A-Za-z_]\w*)/.exec(text)?.groups?.['word']
  if (mark === undefined) return undefined
  const end = lines.findIndex((line, at) => at > last && line.trim() === mark)
  return lines
    .slice(last + 1, end < 0 ? undefined : end)
    .join('\n')
    .slice(0, MOST_LENGTH)
}

/** Names of variables that a text speaks of: `$NAME`, `${NAME}`, `${NAME:-…}`, `%NAME%`, `$env:NAME`. */
export function variablesIn(text: string): string[] {
  return [
    ...text.matchAll(/\$env:(?<a>[A-Za-z_]\w*)|\$\{?(?<b>[A-Za-z_]\w*)|%(?<c>[A-Za-z_][A-Za-z0-9_]{2,60})%/g),
  ].map(({ groups }) => (groups!['a'] ?? groups!['b'] ?? groups!['c'])!)
}

/** A text with the variables in it that the file itself gives a value. */
export function withVariables(text: string, ...given: readonly ReadonlyMap<string, Located>[]): string {
  return text.replace(/\$\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)/g, (whole, braced, bare) => {
    for (const variables of given) {
      const value = scalar(variables.get(braced ?? bare) ?? variables.get((braced ?? bare).toUpperCase()))
      if (value !== undefined) return value
    }
    return whole
  })
}

const SHELL = '(?:bash|sh|zsh|dash|ksh|ash|pwsh|powershell(?:\\.exe)?|cmd(?:\\.exe)?)'
const ARGUMENT = `("(?:[^"\\\\]|\\\\.)*"|'[^']*'|[^\\s;|&]+)`
/** What takes a text and runs it as code; the text is a group. */
const EVALUATORS = [
  /\beval\s+(.*)$/g,
  new RegExp(`\\b${SHELL}\\b[^;|&]{0,200}?\\s-(?:[a-z]*c|[Cc]ommand|[Ee]ncodedCommand)\\s+${ARGUMENT}`, 'g'),
  new RegExp(`\\bcmd(?:\\.exe)?\\s+/[ckCK]\\s+(.*)$`, 'g'),
  new RegExp(`\\b(?:python[\\d.]*|node|perl|ruby|php)\\s[^;|&]{0,100}?-(?:c|e|r|-eval)\\s+${ARGUMENT}`, 'g'),
  /\bssh\s+[^;|&]{0,300}?\s("(?:[^"\\]|\\.)*"|'[^']*')\s*$/g,
  new RegExp(`\\b(?:su|runuser)\\s[^;|&]{0,100}?(?:-c|--command)[ =]${ARGUMENT}`, 'g'),
  /\b(?:Invoke-Expression|iex)\s+(.*)$/gi,
  /(?:^|[;&|]\s*|\bdo\s+|\bthen\s+)(?:echo|printf)\s+([^|]{1,2000})\|\s*(?:sudo\s+)?(?:bash|sh|zsh|at|xargs\s+sh\s+-c)\b/g,
  /\b(?:source|\.)\s+<\(\s*(?:echo|printf)\s+([^)]{1,2000})\)/g,
  new RegExp(`\\b(?:${SHELL}|python[\\d.]*|node|perl|ruby)\\b[^;|&<]{0,200}<<<\\s*${ARGUMENT}`, 'g'),
  // In place of a command.
  /(?:^|[;&|]\s*|\$\(\s*)(["']?\$\{?[A-Za-z_]\w*\}?["']?)(?=\s|$|\))/g,
]

/** What runs the here-document that it is given. */
const RUNS_DOCUMENT = new RegExp(
  `(?:^|[;&|]\\s*|\\b(?:do|then|sudo)\\s+)(?:(?:docker|podman|kubectl|oc)\\s+exec\\s[^;|&<]{0,300}|ssh\\s|${SHELL}\\b|python[\\d.]*\\b|node\\b|perl\\b|ruby\\b)[^;|&<]{0,300}<<`,
)

/** The variables of a command whose text is run as code; in single quotes a variable is one of what is run. */
export function evaluatedVariables({ text, document }: Command): string[] {
  const codes = EVALUATORS.flatMap(pattern => [...text.matchAll(pattern)].map(([, code = '']) => code))
  if (document !== undefined && RUNS_DOCUMENT.test(text)) codes.push(document)
  return codes.flatMap(code => (code.startsWith("'") ? [] : variablesIn(code.replace(/\\\$/g, ''))))
}

/** What of a command stands in no quotes, in no test of bash’s and on no right side of an assignment. */
export function unquoted(text: string): string {
  let outside = ''
  for (let at = 0, quote = ''; at < text.length; at++) {
    const sign = text[at]!
    if (sign === '\\' && quote !== "'") at++
    else if (quote !== '') quote = sign === quote ? '' : quote
    else if (sign === '"' || sign === "'") quote = sign
    else if (text.startsWith('[[', at)) at = Math.max(at, text.indexOf(']]', at))
    else outside += sign
  }
  return outside
    .replace(/(?:^|[\s;])\w{1,100}=\$\{?\w+\}?/g, ' ')
    .replace(/\bcase\s+\$\{?\w+\}?\s+in\b/g, ' ')
}
