/** Text that is HTML already. */
export interface Markup {
  readonly text: string
}

type Part = string | number | Markup | readonly Markup[]

/** HTML in which all that is put in is text, except what was made so itself. */
export function markup(pieces: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { text: pieces.reduce((all, piece, at) => all + textOf(parts[at - 1] ?? '') + piece) }
}

function textOf(part: Part): string {
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part))
  return 'text' in part ? part.text : part.map(one => one.text).join('')
}

function escaped(text: string): string {
  return text.replace(/[&<>"'`]/g, mark => `&#${mark.charCodeAt(0)};`).replace(/[^\P{Cc}\n\t]/gu, '\ufffd')
}
