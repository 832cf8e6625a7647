import { describe, expect, test } from 'vitest'
import { weaknessesIn } from '../../../../src/know/readers/github-workflow/weaknesses-in.ts'
import { workflowOf } from '../../../../src/know/readers/github-workflow/workflow.ts'
import { locateYaml } from '../../../../src/know/readers/locate-yaml.ts'
import { configWeaknesses, weaknesses } from '../../../../src/know/readers/github-workflow/weaknesses/all.ts'

const COMMIT = 'a'.repeat(40)
const DIGEST = `sha256:${'b'.repeat(64)}`

/** A workflow of one job with these steps. */
const workflow = (steps: string, { on = 'push', top = '', job = '' } = {}) => `on: ${on}
${top}
jobs:
  build:
    runs-on: ubuntu-latest
${job.replace(/^/gm, '    ')}
    steps:
${steps.replace(/^/gm, '      ')}
`
const run = (script: string) => `- run: ${script}`
const checkout = `- uses: actions/checkout@${COMMIT}`

/** A text that has the weakness, and its neighbour that is mended. */
interface Case {
  readonly weak: string
  readonly mended: string
  readonly path?: string
}

const cases: Record<string, Case> = {
  'workflow-adhoc-package': { weak: workflow(run('npm install left-pad')), mended: workflow(run('npm ci')) },
  'workflow-approval-race': {
    weak: workflow(run('gh pr checkout 1'), {
      on: '{ pull_request_target: { types: [labeled] } }',
    }),
    mended: workflow(`${checkout}\n  with: { ref: "\${{ github.event.pull_request.head.sha }}" }`, {
      on: '{ pull_request_target: { types: [labeled] } }',
    }),
  },
  'workflow-app-token': {
    weak: workflow(`- uses: actions/create-github-app-token@${COMMIT}\n  with: { app-id: 1, owner: shop }`),
    mended: workflow(
      `- uses: actions/create-github-app-token@${COMMIT}\n  with: { app-id: 1, owner: shop, repositories: web, permission-contents: read }`,
    ),
  },
  'workflow-argument-injection': {
    weak: workflow(`- run: sed -i "s/a/$TITLE/" page\n  env: { TITLE: "\${{ github.event.issue.title }}" }`, {
      on: 'issues',
    }),
    mended: workflow(
      `- run: sed -i 's/a/$TITLE/' page\n  env: { TITLE: "\${{ github.event.issue.title }}" }`,
      {
        on: 'issues',
      },
    ),
  },
  'workflow-archived-action': {
    weak: workflow(`- uses: Actions/Setup-Ruby@${COMMIT}`),
    mended: workflow(`- uses: ruby/setup-ruby@${COMMIT}`),
  },
  'workflow-artifact-poisoning': {
    weak: workflow(
      `- uses: actions/download-artifact@${COMMIT}\n  with: { run-id: "\${{ github.event.workflow_run.id }}" }\n- run: ./build.sh`,
      { on: 'workflow_run' },
    ),
    mended: workflow(`- uses: actions/download-artifact@${COMMIT}\n- run: ./build.sh`, {
      on: 'workflow_run',
    }),
  },
  'workflow-bot-condition': {
    weak: workflow(`${checkout}\n  if: github.actor == 'dependabot[bot]'`, { on: 'pull_request_target' }),
    mended: workflow(`${checkout}\n  if: github.event.pull_request.user.login == 'dependabot[bot]'`, {
      on: 'pull_request_target',
    }),
  },
  'workflow-cache-poisoning': {
    weak: workflow(`- uses: actions/setup-go@${COMMIT} # v6.1.0`, { on: 'release' }),
    mended: workflow(`- uses: actions/setup-go@${COMMIT} # v6.1.0\n  with: { cache: false }`, {
      on: 'release',
    }),
  },
  'workflow-comment-command': {
    weak: workflow(`- run: make\n  if: github.event.comment.body == '/make'`, { on: 'issue_comment' }),
    mended: workflow(
      `- run: make\n  if: github.event.comment.body == '/make' && github.event.comment.author_association == 'OWNER'`,
      { on: 'issue_comment' },
    ),
  },
  'workflow-concurrency-limit': {
    weak: workflow(run('true')),
    mended: workflow(run('true'), { top: 'concurrency: { group: one, cancel-in-progress: false }' }),
  },
  'workflow-dangerous-trigger': {
    weak: workflow(run('true'), { on: '[push, pull_request_target]' }),
    mended: workflow(run('true'), { on: '[push, pull_request]' }),
  },
  'workflow-environment-file': {
    weak: workflow(run('echo "title=$(cat title)" >> $GITHUB_ENV'), { on: 'issues' }),
    mended: workflow(run('echo "MODE=fast" >> $GITHUB_ENV'), { on: 'issues' }),
  },
  'workflow-excessive-permissions': {
    weak: workflow(run('true'), { top: 'permissions: write-all' }),
    mended: workflow(run('true'), { top: 'permissions: {}' }),
  },
  'workflow-hardcoded-registry-password': {
    weak: workflow(run('true'), {
      job: `container: { image: "x@${DIGEST}", credentials: { username: me, password: not-so-secret } }`,
    }),
    mended: workflow(run('true'), {
      job: `container: { image: "x@${DIGEST}", credentials: { username: me, password: "\${{ secrets.REGISTRY }}" } }`,
    }),
  },
  'workflow-insecure-commands': {
    weak: workflow(run('true'), { job: 'env: { ACTIONS_ALLOW_UNSECURE_COMMANDS: " True" }' }),
    mended: workflow(run('true'), { job: 'env: { ACTIONS_ALLOW_UNSECURE_COMMANDS: yes }' }),
  },
  'workflow-local-action': {
    weak: workflow('- uses: ./actions/mine'),
    mended: workflow('- uses: $/actions/mine'),
  },
  'workflow-obfuscated': {
    weak: workflow(`- uses: actions/cache/./save@${COMMIT}`),
    mended: workflow(`- uses: actions/cache/save@${COMMIT}`),
  },
  'workflow-overprovisioned-secrets': {
    weak: workflow(`- run: echo\n  env: { ALL: "\${{ toJSON(secrets) }}" }`),
    mended: workflow(`- run: echo\n  env: { ONE: "\${{ toJSON(secrets.ONE) }}" }`),
  },
  'workflow-persisted-credentials': {
    weak: workflow(checkout),
    mended: workflow(`${checkout}\n  with: { persist-credentials: false }`),
  },
  'workflow-script-injection': {
    weak: workflow(run('echo "${{ github.event.issue.title }}"'), { on: 'issues' }),
    mended: workflow(`- run: echo "$TITLE"\n  env: { TITLE: "\${{ github.event.issue.title }}" }`, {
      on: 'issues',
    }),
  },
  'workflow-secret-in-log': {
    weak: workflow(`- run: |
    KEY=$(echo "$ALL" | jq -r .key)
    echo "key: $KEY"
  env: { ALL: "\${{ secrets.ALL }}" }`),
    mended: workflow(`- run: |
    KEY=$(echo "$ALL" | jq -r .key)
    echo "::add-mask::$KEY"
    echo "key: $KEY"
  env: { ALL: "\${{ secrets.ALL }}" }`),
  },
  'workflow-secrets-inherit': {
    weak: `on: push\njobs:\n  call:\n    uses: acme/flows/.github/workflows/a.yml@${COMMIT}\n    secrets: inherit\n`,
    mended: `on: push\njobs:\n  call:\n    uses: acme/flows/.github/workflows/a.yml@${COMMIT}\n    secrets: { ONE: "\${{ secrets.ONE }}" }\n`,
  },
  'workflow-secrets-outside-environment': {
    weak: workflow(`- run: echo\n  env: { ONE: "\${{ secrets['one'] }}" }`),
    mended: workflow(`- run: echo\n  env: { ONE: "\${{ secrets['one'] }}" }`, {
      job: 'environment: release',
    }),
  },
  'workflow-self-hosted-runner': {
    weak: `on: push\njobs:\n  build:\n    runs-on: [self-hosted, linux]\n    steps: [{ run: "true" }]\n`,
    mended: workflow(run('true')),
  },
  'workflow-static-cloud-key': {
    weak: workflow(
      `- uses: aws-actions/configure-aws-credentials@${COMMIT}\n  with: { aws-access-key-id: "\${{ secrets.ID }}" }`,
    ),
    mended: workflow(
      `- uses: aws-actions/configure-aws-credentials@${COMMIT}\n  with: { role-to-assume: "arn:aws:iam::111122223333:role/ci" }`,
    ),
  },
  'workflow-typosquat-action': {
    weak: workflow(`- uses: actoins/checkout@${COMMIT}`),
    mended: workflow(`- uses: acme/checkout@${COMMIT}`),
  },
  'workflow-unpinned-action': {
    weak: workflow('- uses: acme/thing@v1'),
    mended: workflow(`- uses: acme/thing@${COMMIT}`),
  },
  'workflow-unpinned-image': {
    weak: workflow(run('true'), { job: 'services: { db: { image: "postgres:16" } }' }),
    mended: workflow(run('true'), { job: `services: { db: { image: "postgres@${DIGEST}" } }` }),
  },
  'workflow-unpinned-tool': {
    weak: workflow(`- uses: azure/setup-helm@${COMMIT}`),
    mended: workflow(`- uses: azure/setup-helm@${COMMIT}\n  with: { version: v3.14.0 }`),
  },
  'workflow-unredacted-secrets': {
    weak: workflow(`- run: echo\n  env: { ONE: "\${{ fromJSON(secrets.ALL).one }}" }`),
    mended: workflow(`- run: echo\n  env: { ONE: "\${{ secrets.ONE }}" }`),
  },
  'workflow-unsound-condition': {
    weak: workflow(`- run: echo\n  if: contains('main release', github.ref_name)`),
    mended: workflow(`- run: echo\n  if: contains(fromJSON('["main", "release"]'), github.ref_name)`),
  },
  'workflow-untrusted-checkout': {
    weak: workflow(`${checkout}\n  with: { ref: "\${{ github.event.pull_request.head.sha }}" }`, {
      on: 'pull_request_target',
    }),
    mended: workflow(checkout, { on: 'pull_request_target' }),
  },
  'workflow-unversioned-action': {
    weak: workflow('- uses: acme/thing@stable'),
    mended: workflow('- uses: acme/thing@v1.2'),
  },
  'workflow-vulnerable-action': {
    weak: workflow('- uses: tj-actions/changed-files@v45'),
    mended: workflow('- uses: tj-actions/changed-files@v46.0.1'),
  },
  'dependabot-external-code': {
    path: '.github/dependabot.yml',
    weak: 'updates: [{ package-ecosystem: pip, insecure-external-code-execution: allow }]',
    mended: 'updates: [{ package-ecosystem: pip, insecure-external-code-execution: deny }]',
  },
  'pre-commit-source': {
    path: '.pre-commit-config.yaml',
    weak: 'repos: [{ repo: "http://example.org/hooks", rev: v1 }]',
    mended: 'repos: [{ repo: "https://example.org/hooks", rev: v1 }]',
  },
}

const CI = '.github/workflows/ci.yml'

function foundIn(text: string, path = CI): { id: string; line: number; certainty: string }[] {
  const [root] = locateYaml(text).documents
  if (!root) return []
  return weaknessesIn(path, root, workflowOf(path, root), text).map(({ weakness, weak }) => ({
    id: weakness.id,
    line: weak.line,
    certainty: weak.certainty,
  }))
}

describe('each weakness', () => {
  test('has a case', () => {
    const ids = [...weaknesses, ...configWeaknesses].map(({ id }) => id)
    expect(Object.keys(cases).sort()).toEqual(ids.sort())
  })

  test.each(Object.entries(cases))(
    '%s is found, and not where it is mended',
    (id, { weak, mended, path }) => {
      expect(foundIn(weak, path).map(found => found.id)).toContain(id)
      expect(foundIn(mended, path).map(found => found.id)).not.toContain(id)
    },
  )

  test.each(Object.entries(cases))('%s is not told where a comment allows it', (id, { weak, path }) => {
    const lines = weak.split('\n')
    for (const { line } of foundIn(weak, path).filter(found => found.id === id))
      lines[line - 1] += ' # firebreak:allow this is how it is meant'
    // In a block of script a comment is the script's.
    expect(foundIn(lines.join('\n'), path).map(found => found.id)).not.toContain(id)
  })
})

describe('what is written in a roundabout way', () => {
  const isTold = (script: string) =>
    foundIn(workflow(run(JSON.stringify(script)))).some(({ id }) => id === 'workflow-obfuscated')
  test.each([
    ["echo ${{ 'curl' }}", true],
    ["echo ${{ format('{0}{1}', 'cu', 'rl') }}", true],
    ['echo ${{ fromJSON(\'"x"\') }}', true],
    ["echo ${{ format('{0}', github.sha) }}", false],
    ["echo ${{ github.ref == 'refs/heads/main' }}", false],
    ["echo 'plain'", false],
  ])('%s: %j', (script, told) => expect(isTold(script)).toBe(told))
})

describe('who decides what becomes part of a script', () => {
  const certainties = (expression: string, more = {}) =>
    foundIn(workflow(run(`echo "\${{ ${expression} }}"`), more)).flatMap(({ id, certainty }) =>
      id === 'workflow-script-injection' ? [certainty] : [],
    )
  test.each([
    ["github['event']['issue']['title']", ['proven']],
    ['github.event.commits[0].message', ['proven']],
    ['github.head_ref || github.ref_name', ['proven']],
    ["format('{0}', github.event.pull_request.body)", ['proven']],
    ['toJSON(github.event)', ['proven']],
    ['github.ref_name', ['conditional']],
    ['steps.one.outputs.text', ['conditional']],
    ['inputs.free', ['conditional']],
    ["github.event.issue.title == 'x'", []],
    ["github.event.issue.title && 'x'", []],
    ["contains(github.event.issue.title, 'x')", []],
    ['github.event.pull_request.head.sha', []],
    ['github.event.issue.number', []],
    ['github.repository', []],
    ['inputs.chosen', []],
    ['steps.one.outcome', []],
    ['matrix.os', []],
    ['secrets.TOKEN', []],
  ])('%s: %j', (expression, expected) => {
    const more = {
      on: '{ workflow_call: { inputs: { free: { type: string }, chosen: { type: boolean } } } }',
      job: 'strategy: { matrix: { os: [linux, mac] } }',
    }
    expect(certainties(expression, more)).toEqual(expected)
  })

  test('through env and matrix it is what stands there', () => {
    const script = run('echo "${{ env.A }} ${{ matrix.b }} ${{ env.C }}"')
    const text = workflow(script, {
      top: 'env: { A: "${{ github.event.issue.title }}", C: fixed }',
      job: 'strategy: { matrix: { b: ["${{ github.head_ref }}"] } }',
    })
    const found = foundIn(text).filter(({ id }) => id === 'workflow-script-injection')
    expect(found.map(({ certainty }) => certainty)).toEqual(['proven', 'proven'])
  })
})
