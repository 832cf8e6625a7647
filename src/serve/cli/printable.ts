// oxlint-disable no-control-regex -- they are what this is about
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g
/** Only what we colour with ourselves: bold, dim, and the colours; nothing that hides text or moves the cursor. */
const OUR_COLOURS = /(\u001b\[(?:[0-2]|22|3[1-6]|39)m)/

/**
 * Text from elsewhere as a terminal may have it: what would move the cursor, rename the window or hide a line is printed
 * as `\x1B`. Line breaks, tabs and our own colours stay.
 */
export function printable(text: string): string {
  return text
    .split(OUR_COLOURS)
    .map((part, index) => (index % 2 === 1 ? part : part.replace(CONTROL, escaped)))
    .join('')
}

function escaped(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}
