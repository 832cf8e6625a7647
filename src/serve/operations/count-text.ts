/** `1 file`, `2,000 files`. */
export function countText(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`
}
