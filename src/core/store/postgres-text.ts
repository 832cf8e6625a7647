/**
 * PostgreSQL refuses U+0000 in text, and names that come from outside may hold it. It is written as U+0001 U+0001, and
 * U+0001 itself as U+0001 U+0002: nothing is lost, equal stays equal, and what sorts by bytes sorts as before.
 */
export function encodeText(text: string): string {
  if (!/[\0\u0001]/.test(text)) return text
  return text.replace(/[\0\u0001]/g, char => (char === '\0' ? '\u0001\u0001' : '\u0001\u0002'))
}

export function decodeText(text: string): string {
  if (!text.includes('\u0001')) return text
  return text.replace(/\u0001([\u0001\u0002])/g, (_, mark) => (mark === '\u0001' ? '\0' : '\u0001'))
}
