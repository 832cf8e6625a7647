/**
 * Breaks `text` into lines of at most `width` columns: between words, and a word that no line holds after a slash or comma.
 * A name that is longer still stays whole, on a line of its own.
 */
export function wrap(
  text: string,
  width: number,
  first: string,
  rest: string,
  widthOf: (text: string) => number = columns,
): string {
  const lines: string[] = []
  let line = first
  let empty = true
  const breakLine = () => {
    if (empty) return
    lines.push(line.trimEnd())
    line = rest
    empty = true
  }
  const add = (piece: string, gap: string) => {
    if (widthOf(line) + gap.length + widthOf(piece) > width) breakLine()
    line += empty ? piece : gap + piece
    empty = false
  }
  for (const word of text.split(' ')) {
    if (widthOf(rest) + widthOf(word) <= width) add(word, ' ')
    else {
      // From the beginning of a line, so that it is broken as seldom as can be.
      breakLine()
      for (const piece of piecesOf(word)) add(piece, '')
    }
  }
  return [...lines, line].join('\n')
}

/** Escape sequences that colour text take no room. What measures better is loaded with tables only. */
function columns(text: string): number {
  return text.replace(/\u001b\[[0-9;]*m/g, '').length
}

/**
 * What of a word is not taken apart: a colour, a name with what ends it, a character of a script without spaces; and the
 * address of a page, since a terminal opens no more of it than stands in one line.
 */
export function piecesOf(word: string): string[] {
  return isAddress(word) ? [word] : (word.match(PIECES) ?? [''])
}

export function isAddress(word: string): boolean {
  return /\bhttps?:\/\//.test(word)
}

const PIECES =
  // oxlint-disable-next-line no-control-regex
  /\u001b\[[\d;]*m|[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]|[^\u001b/,\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]*[/,]+|[^\u001b/,\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]+|\u001b/gu
