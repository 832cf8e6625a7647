import type { YAMLParseError } from 'yaml'

/** What a person can look for; of the others it is enough to know the line. */
const MEANS: Partial<Record<YAMLParseError['code'], string>> = {
  BAD_ALIAS: 'a word begins with * or &, which needs quotes',
  BAD_DQ_ESCAPE: 'a backslash in double quotes is no escape: write it in single quotes',
  BAD_INDENT: 'it is not indented as what it belongs to, or a bracket before it is not closed',
  BAD_SCALAR_START: 'the value begins with a sign that needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a value that holds a colon needs quotes, or the next line is indented too far',
  BLOCK_IN_FLOW: 'a list or names on lines of their own stand within brackets',
  DUPLICATE_KEY: 'the name stands there twice',
  MISSING_CHAR: 'a quote, a bracket, a comma or a colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a colon is missing, or the next line is not indented as it is',
  MULTIPLE_DOCS: 'another document begins there (---): leave one',
  TAB_AS_INDENT: 'a tab indents it: use spaces',
  TAG_RESOLVE_FAILED: 'a word begins with !, which needs quotes',
}

/** What is wrong where a text is no YAML; quotes nothing of it, since it may hold secrets. */
export function yamlMistake({ code }: Pick<YAMLParseError, 'code'>): string {
  const means = MEANS[code]
  return means === undefined ? 'it is no YAML there' : `it is no YAML there: ${means}`
}
