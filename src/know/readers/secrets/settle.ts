import type { Candidate } from './candidate.ts'

/**
 * Of finds that share bytes the most specific stays. Finds within one encoded text share its range and are several:
 * they were settled among themselves. The result is in order of where the value stands.
 */
export function settle(candidates: readonly Candidate[]): Candidate[] {
  if (candidates.length < 2) return [...candidates]
  const inOrder = [...candidates].sort((a, b) => a.value.start - b.value.start || b.value.end - a.value.end)
  const kept: Candidate[] = []
  for (let first = 0; first < inOrder.length; ) {
    let end = inOrder[first]!.value.end
    let next = first + 1
    while (next < inOrder.length && inOrder[next]!.value.start < end)
      end = Math.max(end, inOrder[next++]!.value.end)
    kept.push(...settleCluster(inOrder.slice(first, next)))
    first = next
  }
  return kept.sort((a, b) => a.value.start - b.value.start)
}

function settleCluster(cluster: Candidate[]): Candidate[] {
  if (cluster.length === 1) return cluster
  const ranked = cluster.sort((a, b) => rank(b) - rank(a) || a.value.start - b.value.start)
  const kept: Candidate[] = []
  for (const candidate of ranked) {
    const clash = kept.findIndex(
      other =>
        candidate.value.start < other.value.end &&
        other.value.start < candidate.value.end &&
        !sameText(candidate, other) &&
        !carries(candidate, other) &&
        !carries(other, candidate),
    )
    if (clash < 0) kept.push(candidate)
    else kept[clash] = withKey(kept[clash]!, candidate)
  }
  return kept
}

/** The name that a value is given to, which a rule for its form does not read. */
function withKey(kept: Candidate, { value, key }: Candidate): Candidate {
  return key && !kept.key && value.start === kept.value.start && value.end === kept.value.end
    ? { ...kept, key }
    : kept
}

/**
 * What base64 turns out to hold says more than the base64, and an entity or a code of mail is hardly ever meant as it
 * stands; another decoded string says no more than the string.
 */
function rank(candidate: Candidate): number {
  const { specificity } = candidate.rule.rule
  const decoded = candidate.depth > 0 && /^(?:base64|hex|xml|qp)/.test(candidate.value.encodings[0] ?? '')
  return specificity * 4 + (decoded ? 1 : candidate.depth > 0 ? -1 : 0)
}

/** Both stand in the same encoded text, each in a part of its own: they were settled there. */
function sameText(a: Candidate, b: Candidate): boolean {
  if (a.value.start !== b.value.start || a.value.end !== b.value.end) return false
  const differs = a.value.encodings.findIndex((encoding, index) => encoding !== b.value.encodings[index])
  if (differs < 1) return false
  return [a, b].every(({ value }) => value.encodings[differs]?.startsWith('text:'))
}

/** What a token says within its parts is another secret than the token. */
function carries(token: Candidate, inner: Candidate): boolean {
  return (
    token.rule.rule.structure === 'jwt' &&
    inner.depth > token.depth &&
    inner.value.start >= token.value.start &&
    inner.value.end <= token.value.end
  )
}
