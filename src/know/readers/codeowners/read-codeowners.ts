import { canonicalJson } from '../../../core/contract/canonical-json.ts'
import { countText } from '../../../core/contract/count-text.ts'
import type { Observation } from '../../../core/contract/observation.ts'
import type { Json, Ref } from '../../../core/contract/ref.ts'
import { unread } from '../read-text.ts'
import { wholeText } from '../whole-text.ts'
import type { CodeOwnersPolicy } from './policy.ts'
import { parseCodeOwners } from './rules.ts'

/** GitHub does not load a larger one. */
const MOST_BYTES = 3 * 2 ** 20
const MOST_TOLD = 20

export async function* readCodeOwners(
  { path, in: on }: { readonly path: string; readonly in: Ref },
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Observation> {
  const text = await wholeText(bytes, MOST_BYTES)
  if (text === undefined) {
    yield unread('codeowners', path, 1, 'it has more than 3 MiB: GitHub does not load such a one')
    return
  }
  const { rules, problems } = parseCodeOwners(text)
  for (const { line, why } of problems.slice(0, MOST_TOLD)) yield unread('codeowners', path, line, why)
  if (problems.length > MOST_TOLD)
    yield unread(
      'codeowners',
      path,
      problems[MOST_TOLD]!.line,
      `and ${countText(problems.length - MOST_TOLD, 'more line that says', 'more lines that say')} nothing`,
    )
  const policy: CodeOwnersPolicy = { path, rules }
  yield { see: 'policy', on, language: 'codeowners', text: canonicalJson(policy as unknown as Json) }
}
