import type { Weakness } from '../weakness.ts'
import { repositoryOf, versionOf } from '../workflow.ts'
import { usesIn } from './workflow-unpinned-action.ts'

interface Advisory {
  readonly action: string
  /** Its versions from this one, if not from the first, to before that one. */
  readonly from?: string
  readonly before: string
  readonly id: string
  readonly what: string
}

/** What the GitHub Advisory Database says of actions, https://github.com/advisories?query=ecosystem%3Aactions */
const ADVISORIES: readonly Advisory[] = [
  {
    action: 'tj-actions/changed-files',
    before: '46.0.1',
    id: 'GHSA-mrrh-fwg8-r2c3',
    what: 'its tags were moved to code that prints secrets',
  },
  {
    action: 'tj-actions/branch-names',
    before: '9.0.0',
    id: 'GHSA-gq52-6phf-x2r6',
    what: 'a branch’s name runs as a command',
  },
  {
    action: 'reviewdog/action-setup',
    before: '1.3.2',
    id: 'GHSA-qmg3-hpqr-gqvc',
    what: 'its tag was moved to code that prints secrets',
  },
  {
    action: 'aquasecurity/trivy-action',
    before: '0.35.0',
    id: 'GHSA-69fq-xp46-6x23',
    what: 'its tags were moved to code that steals credentials',
  },
  {
    action: 'aquasecurity/setup-trivy',
    before: '0.2.6',
    id: 'GHSA-69fq-xp46-6x23',
    what: 'its tags were moved to code that steals credentials',
  },
  {
    action: 'actions/download-artifact',
    from: '4',
    before: '4.1.3',
    id: 'GHSA-cxww-7g56-2vh6',
    what: 'an artifact writes files outside of its folder',
  },
  {
    action: 'rlespinasse/github-slug-action',
    from: '4',
    before: '4.4.1',
    id: 'GHSA-6q4m-7476-932w',
    what: 'a branch’s name runs as a command',
  },
  {
    action: 'atlassian/gajira-create',
    before: '2.0.1',
    id: 'GHSA-4xqx-pqpj-9fqw',
    what: 'an issue’s text runs as a template',
  },
  {
    action: 'sonarsource/sonarqube-scan-action',
    from: '4',
    before: '5.3.1',
    id: 'GHSA-f79p-9c5r-xg88',
    what: 'its arguments run as commands',
  },
]

/** Commits to which attackers had moved an action's tags: whoever pinned them keeps what was put there. */
const BAD_COMMITS: Readonly<Record<string, string>> = {
  '0e58ed8671d6b60d0890c21b07f8835ace038e67': 'prints secrets (GHSA-mrrh-fwg8-r2c3)',
  f0d342d24037bb11d26b9bd8496e0808ba32e9ec: 'prints secrets (GHSA-qmg3-hpqr-gqvc)',
}

export const workflowVulnerableAction: Weakness = {
  id: 'workflow-vulnerable-action',
  title: 'A version of an action that is known to be broken or bad',
  severity: 'high',
  why: 'What is wrong with it is public, and it runs beside the job’s token and secrets.',
  fix: 'Raise it to a mended version, by its commit; rotate what the job held if the version was malicious.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  alias: 'known-vulnerable-actions',
  references: ['https://github.com/advisories?query=ecosystem%3Aactions'],
  *find(workflow) {
    for (const { uses, job } of usesIn(workflow)) {
      if (uses.kind !== 'repository') continue
      const bad = BAD_COMMITS[uses.ref?.toLowerCase() ?? '']
      if (bad !== undefined)
        yield { line: uses.line, certainty: 'proven', why: `that commit of ${uses.action} ${bad}`, job }
      const version = versionOf(uses)
      for (const { action, from, before, id, what } of ADVISORIES) {
        if (action !== repositoryOf(uses) || !version) continue
        // `v4` is the newest of its line: it is bad only where the whole line is.
        const upper = version.length < 3 ? [...version, ...Array(3 - version.length).fill(Infinity)] : version
        if (compare(upper, numbers(before)) >= 0) continue
        if (from !== undefined && compare(version, numbers(from)) < 0) continue
        yield {
          line: uses.line,
          certainty: 'proven',
          why: `${action} before ${before}: ${what} (${id})`,
          job,
        }
      }
    }
  },
}

function numbers(version: string): number[] {
  return version.split('.').map(Number)
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
