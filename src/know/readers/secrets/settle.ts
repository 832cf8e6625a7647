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
    const clashes = kept.some(
      other =>
        candidate.value.start < other.value.end &&
        other.value.start < candidate.value.end &&
        !(candidate.depth === other.depth && candidate.depth > 0 && sameText(candidate, other)),
    )
    if (!clashes) kept.push(candidate)
  }
  return kept
}

/** What base64 turns out to hold says more than the base64; a decoded string says no more than the string. */
function rank(candidate: Candidate): number {
  const { specificity } = candidate.rule.rule
  const decoded = candidate.depth > 0 && candidate.value.encodings[0]?.startsWith('base64')
  return specificity * 4 + (decoded ? 1 : candidate.depth > 0 ? -1 : 0)
}

function sameText(a: Candidate, b: Candidate): boolean {
  return (
    a.value.start === b.value.start &&
    a.value.end === b.value.end &&
    a.value.encodings[0] === b.value.encodings[0] &&
    a.value.encodings[1] !== b.value.encodings[1]
  )
}
