/** Breaks `text` into lines of at most `width` columns at spaces; a longer word keeps a line of its own. Colours count as nothing. */
export function wrap(text: string, width: number, first: string, rest: string): string {
  const lines: string[] = []
  let line = first
  let empty = true
  for (const word of text.split(' ')) {
    if (!empty && columns(line) + 1 + columns(word) > width) {
      lines.push(line)
      line = rest
      empty = true
    }
    line += empty ? word : ` ${word}`
    empty = false
  }
  return [...lines, line].join('\n')
}

/** Escape sequences that colour text take no room. */
function columns(text: string): number {
  return text.replace(/\u001b\[[0-9;]*m/g, '').length
}
