import type { Candidate, Span } from '../candidate.ts'
import type { CompiledRule } from '../rules/compiled-rule.ts'
import { judgeNamed, type Standing } from './judge-assignment.ts'
import type { KeyName } from './key-name.ts'
import type { Text } from '../text.ts'

/** Where several values may be found: what every candidate there has alike. */
export interface Found {
  readonly text: Text
  readonly rule: CompiledRule
  readonly depth: number
}

/** A literal that a name tells from where it stands, a column or a comparison, if it is judged to be a secret. */
export function namedCandidate(
  { text, rule, depth }: Found,
  key: KeyName,
  value: Span,
  { how, isSetting }: Pick<Standing, 'how' | 'isSetting'>,
  user?: Span,
): Candidate | undefined {
  const judged = judgeNamed(key, Buffer.from(value.bytes).toString('latin1'), {
    path: text.path,
    isLiteral: true,
    isSetting,
    how,
    besides: () => (user ? 'user' : undefined),
    isMinified: () => false,
  })
  return judged && { rule, value, ...(user && { id: user }), ...judged, depth }
}
