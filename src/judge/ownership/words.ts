/** Words that stand in names and mean nobody. */
const COMMON = new Set(
  'api app aws azure bot ci cd cluster db default deploy dev gcp infra job jobs lambda prod production role sa service sp src staging stage svc sync system task test user web worker'.split(
    ' ',
  ),
)
const LEAST = 4

/** `svc_ordersApi-2` → `svc`, `orders`, `api`, `2` */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(word => word !== '')
}

/** Of an ARN, an address or a path the end is the name. */
export function ownName(name: string): string {
  return name.replace(/@.*$/s, '').replace(/^.*[/:]/s, '')
}

/** A name that could be anyone's. */
export function isCommon(words: readonly string[]): boolean {
  return words.every(word => COMMON.has(word) || /^\d+$/.test(word)) || words.join('').length < LEAST
}
