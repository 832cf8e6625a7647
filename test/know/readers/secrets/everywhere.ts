import { type Rule, wholePattern } from '../../../../src/know/readers/secrets/rules/rule.ts'

/** The rule as one expression, run over everything: no prefilter, no windows. A file's kind is told by its beginning. */
export function everywhere(rule: Rule, text: string): { rule: string; start: number; end: number }[] {
  const escape = (literal: string) => literal.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
  const keywords = rule.keywords.map(escape).join('|')
  const lead = rule.lead ? `[${rule.lead.characters}]{0,${rule.lead.most}}?` : ''
  const expression = new RegExp(
    `${lead}(?=${keywords})(?:${wholePattern(rule)})`,
    rule.ignoreCase ? 'gi' : 'g',
  )
  const inClass = (characters: string, byte: string | undefined) =>
    characters !== '' && byte !== undefined && new RegExp(`[${characters}]`).test(byte)
  const found: { rule: string; start: number; end: number }[] = []
  for (let match = expression.exec(text); match; match = expression.exec(text)) {
    const [start, end] = [match.index, match.index + match[0].length]
    if (rule.structure === 'file' && !rule.lead && start > 0) break
    // eslint-disable-next-line no-control-regex
    const escaped = /(?:%[0-9A-Fa-f]{2}|\x1b[0-9;[]{0,14}m)$/.test(text.slice(Math.max(0, start - 16), start))
    if ((inClass(rule.before, text[start - 1]) && !escaped) || inClass(rule.after, text[end])) {
      expression.lastIndex = start + 1
    } else found.push({ rule: rule.id, start, end })
  }
  return found
}
