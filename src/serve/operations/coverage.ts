import { wrap } from './wrap.ts'

/** What was looked at, and what was not: without it, a count of finds says nothing. */
export interface Coverage {
  readonly searched: string[]
  readonly skipped: { what: string; why: string }[]
}

const SHOWN = 10

export function coverageText(coverage: Coverage, width: number): string {
  const searched = coverage.searched.map(scope => wrap(scope, width, '  ', '  '))
  const skipped = coverage.skipped.map(({ what, why }) => wrap(`${what}: ${why}`, width, '  ', '  '))
  return [
    ...(searched.length === 0 ? ['Nothing could be searched.'] : ['Searched:', ...shortList(searched)]),
    ...(skipped.length === 0 ? ['Nothing was left out.'] : ['Not searched:', ...shortList(skipped)]),
  ].join('\n')
}

function shortList(lines: readonly string[]): string[] {
  if (lines.length <= SHOWN) return [...lines]
  return [...lines.slice(0, SHOWN), `  … and ${lines.length - SHOWN} more (--json shows all)`]
}
