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
  {
    action: 'azure/setup-kubectl',
    before: '3',
    id: 'GHSA-p756-rfxh-x63h',
    what: 'every user of the machine may replace the kubectl that it installs',
  },
  {
    action: 'canonical/get-workflow-version-action',
    before: '1.0.1',
    id: 'GHSA-26wh-cc3r-w6pj',
    what: 'it prints the token where it fails',
  },
  {
    action: 'check-spelling/check-spelling',
    before: '0.0.19',
    id: 'GHSA-g86g-chm8-7r2p',
    what: 'a pull request reads the token',
  },
  {
    action: 'dawidd6/action-download-artifact',
    before: '6',
    id: 'GHSA-5xr6-xhww-33m4',
    what: 'it takes artifacts of forks for the repository’s own',
  },
  {
    action: 'embano1/wip',
    before: '2',
    id: 'GHSA-rg3q-prf8-qxmp',
    what: 'a pull request’s title runs as a command',
  },
  {
    action: 'fish-shop/syntax-check',
    before: '1.6.12',
    id: 'GHSA-xj87-mqvh-88w2',
    what: 'its pattern runs as a command',
  },
  {
    action: 'github/codeql-action',
    from: '3.26.11',
    before: '3.28.3',
    id: 'GHSA-vqf5-2xx6-9wfm',
    what: 'its debug artifacts hold the job’s environment',
  },
  {
    action: 'gradle/gradle-build-action',
    before: '2.4.2',
    id: 'GHSA-h3qr-39j9-4r5v',
    what: 'its cache holds secrets of the job',
  },
  {
    action: 'hashicorp/vault-action',
    before: '2.2.0',
    id: 'GHSA-4mgv-m5cm-f9h7',
    what: 'secrets of several lines are not masked in logs',
  },
  {
    action: 'kartverket/github-workflows',
    before: '2.7.5',
    id: 'GHSA-f9qj-7gh3-mhj4',
    what: 'what a pull request is given runs as a command',
  },
  {
    action: 'lycheeverse/lychee-action',
    before: '2.0.2',
    id: 'GHSA-65rg-554r-9j5x',
    what: 'its version input runs as a command',
  },
  {
    action: 'sonarsource/sonarqube-scan-action',
    from: '4',
    before: '6.0.0',
    id: 'GHSA-5xq9-5g24-4g6f',
    what: 'its arguments run as commands on Windows',
  },
  {
    action: 'shivammathur/setup-php',
    from: '2.25.0',
    before: '2.37.1',
    id: 'GHSA-pqwm-q9pv-ph8r',
    what: 'a version of PHP that a file of the repository asks for runs as a command',
  },
  {
    action: 'step-security/harden-runner',
    from: '0.12.0',
    before: '2.12.0',
    id: 'GHSA-mxr3-8whj-j74r',
    what: 'a step gets root in spite of its policy',
  },
  {
    action: 'tj-actions/verify-changed-files',
    before: '17.0.0',
    id: 'GHSA-ghm2-rq8q-wrhc',
    what: 'a file’s name runs as a command',
  },
  {
    action: 'ultralytics/actions',
    before: '0.0.3',
    id: 'GHSA-7x29-qqmq-v6qc',
    what: 'a branch’s name runs as a command',
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
