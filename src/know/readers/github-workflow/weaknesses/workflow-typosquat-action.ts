import type { Weakness } from '../weakness.ts'
import { usesIn } from './workflow-unpinned-action.ts'

/** Owners whose actions are used most: what nearly bears their name may be meant to be taken for theirs. */
const KNOWN_OWNERS = [
  'actions',
  'aws-actions',
  'azure',
  'codecov',
  'docker',
  'github',
  'google-github-actions',
  'goreleaser',
  'gradle',
  'hashicorp',
  'peaceiris',
  'peter-evans',
  'pre-commit',
  'pypa',
  'ruby',
  'shivammathur',
  'softprops',
  'tj-actions',
] as const

const LOOKALIKES: Readonly<Record<string, string>> = { '0': 'o', '1': 'l', '3': 'e', '5': 's', _: '-' }

export const workflowTyposquatAction: Weakness = {
  id: 'workflow-typosquat-action',
  title: 'An action whose owner is nearly a well-known one',
  severity: 'high',
  why: 'A name that is a slip of the finger away is how bad actions get into workflows.',
  fix: 'Check whose it is, and correct the name.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  alias: 'typosquat-uses',
  references: [
    'https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-03-Dependency-Chain-Abuse',
  ],
  *find(workflow) {
    for (const { uses, job } of usesIn(workflow)) {
      if (uses.kind !== 'repository') continue
      const owner = uses.action.split('/')[0] ?? ''
      const like = similarTo(owner)
      if (like !== undefined)
        yield { line: uses.line, certainty: 'conditional', why: `${owner} is nearly ${like}`, job }
    }
  },
}

function similarTo(owner: string): string | undefined {
  if (KNOWN_OWNERS.some(known => known === owner)) return undefined
  const plain = owner.replace(/[0135_]/g, mark => LOOKALIKES[mark] ?? mark)
  return KNOWN_OWNERS.find(known => known === plain || (known.length >= 5 && isOneSlipFrom(owner, known)))
}

/** One letter left out, doubled, added or exchanged, or two neighbours swapped (Damerau). */
function isOneSlipFrom(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  let [endA, endB] = [a.length, b.length]
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) [endA, endB] = [endA - 1, endB - 1]
  const [restA, restB] = [a.slice(start, endA), b.slice(start, endB)]
  if (restA.length <= 1 && restB.length <= 1) return true
  return restA.length === 2 && restB.length === 2 && restA[0] === restB[1] && restA[1] === restB[0]
}
