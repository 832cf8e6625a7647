/**
 * As `JSON.stringify(output, null, 2)` writes it, in pieces: a scan's lists may be longer than a string should be, and one
 * character beyond Latin-1 would make two bytes of each character of the whole.
 */
export function* jsonText(output: unknown): Generator<string> {
  if (!isPlain(output)) return yield JSON.stringify(output, null, 2) ?? ''
  let before = '{\n'
  for (const [name, value] of Object.entries(output)) {
    const member = { [name]: Array.isArray(value) && value.length > 0 ? [] : value }
    const text = JSON.stringify(member, null, 2)
    if (text === '{}') continue
    yield before
    before = ',\n'
    if (Array.isArray(value) && value.length > 0) yield* listText(text.slice(2, -4), value)
    else yield text.slice(2, -2)
  }
  yield before === ',\n' ? '\n}' : '{}'
}

/** Each member two levels deep, as it stands there. */
function* listText(name: string, list: readonly unknown[]): Generator<string> {
  yield `${name}[\n`
  for (const [index, value] of list.entries()) {
    const text = JSON.stringify([[value]], null, 2).slice('[\n  [\n'.length, -'\n  ]\n]'.length)
    yield index === list.length - 1 ? text : `${text},\n`
  }
  yield '\n  ]'
}

function isPlain(value: unknown): value is object {
  return (
    value !== null &&
    typeof value === 'object' &&
    !Array.isArray(value) &&
    !('toJSON' in value) &&
    Object.getPrototypeOf(value) === Object.prototype
  )
}
