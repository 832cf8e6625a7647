import type { Weakness } from '../weakness.ts'
import { repositoryOf } from '../workflow.ts'
import { usesIn } from './workflow-unpinned-action.ts'

/** Repositories of well-known actions whose owners have archived them, as their pages say. */
const ARCHIVED = new Set([
  '8398a7/action-slack',
  'actions-rs/audit-check',
  'actions-rs/cargo',
  'actions-rs/clippy-check',
  'actions-rs/install',
  'actions-rs/tarpaulin',
  'actions-rs/toolchain',
  'actions/create-release',
  'actions/setup-elixir',
  'actions/setup-haskell',
  'actions/setup-ruby',
  'actions/upload-release-asset',
  'andstor/copycat-action',
  'azure/container-actions',
  'azure/docker-login',
  'azure/k8s-actions',
  'fregante/release-with-changelog',
  'google/mirror-branch-action',
  'google/skywater-pdk-actions',
  'gradle/gradle-build-action',
  'gradle/wrapper-validation-action',
  'grafana/k6-action',
  'helaili/github-oidc-auth-app',
  'jakejarvis/firebase-deploy-action',
  'machine-learning-apps/gpr-docker-publish',
  'metro-digital/setup-tools-for-waas',
  'pgrimaud/action-statistics-google-analytics',
  'primer/figma-action',
  'repo-sync/pull-request',
  'semgrep/semgrep-action',
  'returntocorp/semgrep-action',
  'snow-actions/nostr',
  'snow-actions/sourcey',
  'stefanzweifel/laravel-stats-action',
  'trmcnvn/chrome-addon',
  'whelk-io/maven-settings-xml-action',
  'justinribeiro/lighthouse-action',
  'kanadgupta/glitch-sync',
  'koj-co/template',
])

export const workflowArchivedAction: Weakness = {
  id: 'workflow-archived-action',
  title: 'An action that nobody mends any more',
  severity: 'low',
  why: 'Its repository is archived: what is found wrong with it stays wrong, in a job that holds credentials.',
  fix: 'Take the successor that its page names, or a few lines of script.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  alias: 'archived-uses',
  references: [
    'https://docs.github.com/en/repositories/archiving-a-github-repository/archiving-repositories',
  ],
  *find(workflow) {
    for (const { uses, job } of usesIn(workflow))
      if (uses.kind === 'repository' && ARCHIVED.has(repositoryOf(uses)))
        yield { line: uses.line, certainty: 'proven', why: `${repositoryOf(uses)} is archived`, job }
  },
}
