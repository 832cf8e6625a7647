/** `1 file`, `2,000 files`; `1 entry is`, `2 entries are` where `plural` is given. */
export function countText(number: number, noun: string, plural = `${noun}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? noun : plural}`
}
