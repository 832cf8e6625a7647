import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { weaknessesIn } from '../../../../src/know/readers/github-workflow/weaknesses-in.ts'
import { workflowOf } from '../../../../src/know/readers/github-workflow/workflow.ts'
import { locateYaml } from '../../../../src/know/readers/locate-yaml.ts'

const ARCHIVE = fileURLToPath(new URL('../../../../../shared/data/github-workflows.tar.gz', import.meta.url))

/** Lines on which a folder's files have the weakness that their name states; an empty list where it is mended. */
const expected: Record<string, Record<string, readonly number[]>> = {
  'workflow-adhoc-package': {
    'workflows/adhoc-packages.yml': [
      18, 22, 26, 30, 34, 38, 44, 45, 50, 54, 56, 60, 64, 68, 110, 114, 118, 122, 124, 130, 135, 139,
    ],
  },
  'workflow-archived-action': {
    'workflows/archived-uses.yml': [17, 20, 24],
    'workflows/archived-uses/action/action.yml': [9],
    'workflows/neutral.yml': [],
  },
  'workflow-cache-poisoning': {
    'workflows/cache-poisoning.yml': [12],
    'workflows/cache-poisoning/caching-disabled-by-default.yml': [],
    'workflows/cache-poisoning/caching-enabled-by-default.yml': [20],
    'workflows/cache-poisoning/caching-not-configurable.yml': [22],
    'workflows/cache-poisoning/caching-opt-in-boolean-toggle.yml': [18],
    'workflows/cache-poisoning/caching-opt-in-boolish-toggle.yml': [16],
    'workflows/cache-poisoning/caching-opt-in-expression.yml': [18],
    'workflows/cache-poisoning/caching-opt-in-multi-value-toggle.yml': [17],
    'workflows/cache-poisoning/caching-opt-out.yml': [],
    'workflows/cache-poisoning/issue-1081-repro.yml': [15, 18, 23],
    'workflows/cache-poisoning/issue-1152-repro.yml': [15, 19, 42],
    'workflows/cache-poisoning/issue-1485-repro.yml': [],
    'workflows/cache-poisoning/issue-1940-repro.yml': [],
    'workflows/cache-poisoning/issue-2320-repro.yml': [19, 24, 29],
    'workflows/cache-poisoning/issue-343-repro.yml': [27, 33, 40],
    'workflows/cache-poisoning/issue-378-repro.yml': [],
    'workflows/cache-poisoning/issue-642-repro.yml': [14],
    'workflows/cache-poisoning/no-cache-aware-steps.yml': [],
    'workflows/cache-poisoning/publisher-step.yml': [22],
    'workflows/cache-poisoning/ramsey-composer-install.yml': [13, 15],
    'workflows/cache-poisoning/trigger-heuristics/tag-and-branch.yml': [17, 23],
    'workflows/cache-poisoning/trigger-heuristics/tag-and-release.yml': [],
    'workflows/cache-poisoning/trigger-heuristics/tag-only.yml': [16, 22],
    'workflows/cache-poisoning/workflow-release-branch-trigger.yml': [21],
    'workflows/cache-poisoning/workflow-release-trigger-object.yml': [22],
    'workflows/cache-poisoning/workflow-tag-trigger.yml': [22],
  },
  'workflow-concurrency-limit': {
    'workflows/concurrency-limits/cancel-expr.yml': [],
    'workflows/concurrency-limits/cancel-false.yml': [],
    'workflows/concurrency-limits/cancel-true.yml': [],
    'workflows/concurrency-limits/issue-1511-repro.yml': [],
    'workflows/concurrency-limits/job-cancel-true.yml': [],
    'workflows/concurrency-limits/jobs-missing-no-cancel.yml': [9, 13],
    'workflows/concurrency-limits/missing.yml': [6],
    'workflows/concurrency-limits/no-cancel.yml': [5],
  },
  'workflow-dangerous-trigger': {
    'workflows/dangerous-triggers/actions-labeler.yml': [],
    'workflows/several-vulnerabilities.yml': [3],
    'workflows/anchors/trigger-block-alias.yml': [7],
    'goat/PRTargetWorkflow.yml': [4],
  },
  'workflow-environment-file': { 'workflows/github_env.yml': [19] },
  'workflow-insecure-commands': {
    'workflows/insecure-commands.yml': [16, 30],
    'workflows/insecure-commands/action.yml': [19, 26, 32],
    'workflows/insecure-commands/issue-839-repro.yml': [16, 30],
  },
  'workflow-local-action': { 'workflows/self-repository.yml': [18, 23] },
  'workflow-overprovisioned-secrets': { 'workflows/overprovisioned-secrets.yml': [16, 25] },
  'workflow-secret-in-log': { 'goat/secret-in-build-log.yml': [29] },
  'workflow-approval-race': { 'goat/toc-tou.yml': [26] },
  'workflow-vulnerable-action': {
    'goat/tj-actions-changed-files-incident.yaml': [29],
    'goat/changed-files-vulnerability-with-hr.yml': [32],
    'goat/changed-files-vulnerability-without-hr.yml': [24],
    'workflows/known-vulnerable-actions/setup-php.yml': [17],
  },
  'workflow-self-hosted-runner': {
    'goat/self-hosted-file-monitor-with-hr.yml': [7],
    'goat/hosted-file-monitor-with-hr.yml': [],
  },
  'workflow-secrets-outside-environment': {
    'workflows/secrets-outside-env.yml': [20],
    'workflows/secrets-outside-env/multiple-secrets.yml': [20, 25, 30, 35],
    'workflows/secrets-outside-env/issue-2157-repro.yml': [],
    'workflows/issue-1065.yml': [],
  },
  'workflow-script-injection': {
    'workflows/template-injection.yml': [19],
    'workflows/template-injection/addnab-docker-run-action.yml': [20, 26],
    'workflows/template-injection/codeql-sinks.yml': [17],
    'workflows/template-injection/dataflow.yml': [21, 22, 23, 28, 29],
    'workflows/template-injection/false-positive-menagerie.yml': [],
    'workflows/template-injection/input-caps.yml': [18],
    'workflows/template-injection/issue-1638-repro.yml': [],
    // A secret decides which of two texts stands there; it does not stand there itself.
    'workflows/template-injection/issue-1664-repro.yml': [],
    'workflows/template-injection/issue-1802-repro.yml': [],
    'workflows/template-injection/issue-1903-repro.yml': [],
    'workflows/template-injection/issue-2197-repro.yml': [],
    'workflows/template-injection/issue-22-repro.yml': [],
    'workflows/template-injection/issue-339-repro.yml': [30],
    'workflows/template-injection/issue-418-repro.yml': [],
    'workflows/template-injection/issue-749-repro.yml': [],
    'workflows/template-injection/issue-883-repro/action.yml': [48, 56, 57, 60, 65, 110, 111],
    'workflows/template-injection/issue-988-repro.yml': [],
    'workflows/template-injection/multiline-expression.yml': [17],
    'workflows/template-injection/patterns.yml': [30, 31, 32],
    'workflows/template-injection/pr-317-repro.yml': [28],
    'workflows/template-injection/pr-425-backstop/action.yml': [14, 20, 26, 31],
    'workflows/template-injection/pwsh-script.yml': [16],
    'workflows/template-injection/static-env.yml': [43, 50, 55],
    'workflows/template-injection/template-injection-dynamic-matrix.yml': [26],
    'workflows/template-injection/template-injection-static-matrix.yml': [],
    'workflows/anchors/steps-list-alias.yml': [8, 8],
    'workflows/ignore.yml': [],
    'workflows/neutral.yml': [],
  },
  'workflow-typosquat-action': { 'workflows/typosquat-uses.yml': [17, 20, 23, 26, 29] },
  'workflow-unpinned-tool': {
    'workflows/unpinned-tools.yml': [16, 19, 20, 23, 26],
    'workflows/unpinned-tools/if-false.yml': [],
  },
  'workflow-unsound-condition': { 'workflows/unsound-ternary/issue-746-repro.yml': [11] },
  'workflow-unversioned-action': { 'workflows/ref-confusion.yml': [11] },
  'dependabot-external-code': { 'workflows/dependabot-execution/basic/dependabot.yml': [10] },
  'pre-commit-source': {
    'workflows/insecure-url-scheme/.pre-commit-config.yml': [2, 6],
    'workflows/archived-uses/pre-commit/.pre-commit-config.yaml': [2],
    'workflows/ref-confusion/pre-commit/.pre-commit-config.yaml': [3],
  },
}

const there = existsSync(ARCHIVE)
describe.skipIf(!there)(`workflows of others${there ? '' : ' (the archive of them is not there)'}`, () => {
  let root: string
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'firebreak-test-'))
    execFileSync('tar', ['xzf', ARCHIVE, '-C', root])
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const foundIn = (path: string) => {
    const text = readFileSync(join(root, path), 'utf8')
    const [parsed] = locateYaml(text).documents
    return parsed ? weaknessesIn(path, parsed, workflowOf(path, parsed), text) : []
  }

  test('each is read without an error, and what is no workflow is none', () => {
    const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
    expect(files.length).toBeGreaterThan(140)
    for (const { parentPath, name } of files) foundIn(join(parentPath, name).slice(root.length + 1))
  })

  const cases = Object.entries(expected).flatMap(([id, files]) =>
    Object.entries(files).map(([path, lines]) => ({ id, path, lines })),
  )
  test.each(cases)('$path: $id on $lines', ({ id, path, lines }) => {
    const found = foundIn(path).filter(({ weakness }) => weakness.id === id)
    expect(found.map(({ weak }) => weak.line).sort((a, b) => a - b)).toEqual(lines)
  })
})
