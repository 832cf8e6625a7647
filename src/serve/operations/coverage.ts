import { FirebreakError } from '../../core/contract/errors.ts'
import type { ObserveResult } from '../../know/observe/observe.ts'
import { wrap } from './wrap.ts'

/** What was looked at, and what was not: without it, a count of finds says nothing. */
export interface Coverage {
  readonly searched: string[]
  readonly skipped: { what: string; why: string }[]
}

/** What a source was meant to give and did not: its finds are not all there are, and the exit code has to say so. */
export function unreadFailure(
  source: string,
  coverage: ObserveResult['coverage'],
): FirebreakError | undefined {
  const failed = coverage.filter(({ failed }) => failed)
  const [first] = failed
  if (!first) return undefined
  // As the system tells of a file that others own.
  const isDenied = first.why === 'permission denied'
  const others = failed.length > 1 ? `, and ${failed.length - 1} more like it` : ''
  return new FirebreakError(
    isDenied ? 'DENIED' : 'CONFLICT',
    `${source} could not be read completely: ${first.why ?? first.scope}${others}`,
    isDenied
      ? 'what was not searched is listed with what was found; run it as a user who may read that'
      : `what was not searched is listed with what was found; repair it, read another copy of it, or, if it is gone for good: firebreak disconnect ${source}`,
  )
}

const SHOWN = 10

export function coverageText(coverage: Coverage, width: number): string {
  const searched = coverage.searched.map(scope => wrap(scope, width, '  ', '    '))
  const skipped = coverage.skipped.map(({ what, why }) => wrap(`${what}: ${why}`, width, '  ', '    '))
  return [
    ...(searched.length === 0
      ? ['Nothing could be searched to its end.']
      : ['Searched:', ...shortList(searched)]),
    ...(skipped.length === 0 ? ['Nothing was left out.'] : ['Not searched:', ...shortList(skipped)]),
  ].join('\n')
}

function shortList(lines: readonly string[]): string[] {
  if (lines.length <= SHOWN) return [...lines]
  return [...lines.slice(0, SHOWN), `  … and ${lines.length - SHOWN} more (--json shows all)`]
}
