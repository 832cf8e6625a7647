/** `1 file`, `2,000 files`; `1 entry is`, `2 entries are` where `plural` is given. */
export function countText(number: number, noun: string, plural = `${noun}s`): string {
  return `${numberText(number)} ${number === 1 ? noun : plural}`
}

/** `2,000`. Of an integer: what Node knows of languages takes longer to load than a small scan may. */
export function numberText(number: number): string {
  return String(number).replace(/\B(?=(?:\d{3})+$)/g, ',')
}
