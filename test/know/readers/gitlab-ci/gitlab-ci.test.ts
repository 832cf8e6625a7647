import { describe, expect, test } from 'vitest'
import { gitlabCiReader } from '../../../../src/know/readers/gitlab-ci/gitlab-ci.ts'
import { gitlabWeaknesses } from '../../../../src/know/readers/gitlab-ci/weaknesses/all.ts'
import { tree } from '../../estate.ts'
import { bothWays, edgesTold, observed, weaknessesTold } from '../both-ways.ts'

const PATH = '.gitlab-ci.yml'
const COMMIT = 'a'.repeat(40)
const reads = (path: string, text: string) => gitlabCiReader.reads({ path }, Buffer.from(text))
const job = (script: string, more = '') => `build:\n  script:\n    - ${script}\n${more}`
const ON_MERGE = `  rules:\n    - if: $CI_PIPELINE_SOURCE == "merge_request_event"\n`
const ON_MAIN = `  rules:\n    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH\n`

describe('weaknesses of GitLab CI', () => {
  bothWays(gitlabCiReader, PATH, gitlabWeaknesses, {
    'gitlab-artifact-with-secrets': {
      weak: job('make', '  artifacts:\n    paths:\n      - dist/\n      - terraform.tfstate\n'),
      line: 7,
      mended: job('make', '  artifacts:\n    paths:\n      - dist/\n'),
    },
    'gitlab-dotenv-injection': {
      weak: job(
        'echo "TEXT=$CI_COMMIT_MESSAGE" >> build.env',
        '  artifacts:\n    reports:\n      dotenv: build.env\n',
      ),
      line: 3,
      mended: job(
        'echo "SHA=$CI_COMMIT_SHA" >> build.env',
        '  artifacts:\n    reports:\n      dotenv: build.env\n',
      ),
    },
    'gitlab-forwarded-variables': {
      weak: 'next:\n  trigger:\n    project: acme/next\n    forward:\n      pipeline_variables: true\n',
      line: 5,
      mended: 'next:\n  trigger:\n    project: acme/next\n',
    },
    'gitlab-generated-pipeline': {
      weak: `next:\n  trigger:\n    include:\n      - artifact: made.yml\n        job: make\n${ON_MERGE}`,
      line: 4,
      mended: `next:\n  trigger:\n    include:\n      - artifact: made.yml\n        job: make\n${ON_MAIN}`,
    },
    'gitlab-input-injection': {
      weak: `spec:\n  inputs:\n    target:\n---\n${job('deploy $[[ inputs.target ]]')}`,
      line: 7,
      mended: `spec:\n  inputs:\n    target:\n      options: [a, b]\n---\n${job('deploy $[[ inputs.target ]]')}`,
    },
    'gitlab-merge-request-secrets': {
      weak: job('make', `  id_tokens:\n    T:\n      aud: https://vault.example.org\n${ON_MERGE}`),
      line: 1,
      mended: job('make', `  id_tokens:\n    T:\n      aud: https://vault.example.org\n${ON_MAIN}`),
    },
    'gitlab-own-runner': {
      weak: job('make', `  tags: [office]\n${ON_MERGE}`),
      line: 4,
      mended: job('make', `  tags: [office]\n${ON_MAIN}`),
    },
    'gitlab-remote-include': {
      weak: `include:\n  - remote: https://ci.example.org/build.yml\n${job('make')}`,
      line: 2,
      mended: `include:\n  - remote: https://ci.example.org/build.yml\n    integrity: sha256-abc\n${job('make')}`,
    },
    'gitlab-script-injection': {
      weak: job('eval "say $CI_MERGE_REQUEST_TITLE"'),
      line: 3,
      mended: job('say "$CI_MERGE_REQUEST_TITLE"'),
    },
    'gitlab-shared-cache': {
      weak: job('make', '  cache:\n    unprotect: true\n'),
      line: 5,
      mended: job('make', '  cache:\n    key: one\n'),
    },
    'gitlab-unguarded-deployment': {
      weak: job('deploy', '  environment: production\n'),
      line: 4,
      mended: job('deploy', `  environment: production\n${ON_MAIN}`),
    },
    'gitlab-unpinned-include': {
      weak: `include:\n  - project: acme/ci\n    ref: main\n    file: build.yml\n${job('make')}`,
      line: 3,
      mended: `include:\n  - project: acme/ci\n    ref: ${COMMIT}\n    file: build.yml\n${job('make')}`,
    },
    'gitlab-unquoted-text': {
      weak: job('git tag -m $CI_COMMIT_MESSAGE v1'),
      line: 3,
      mended: job('git tag -m "$CI_COMMIT_MESSAGE" v1'),
    },
    'gitlab-wide-id-token': {
      weak: job('make', '  id_tokens:\n    T:\n      aud: [https://a.example.org, https://b.example.org]\n'),
      line: 6,
      mended: job('make', '  id_tokens:\n    T:\n      aud: https://a.example.org\n'),
    },
  })
})

describe('the reader of GitLab CI', () => {
  test('a job is made from what stands in a file of the repository that is included', async () => {
    const includes = 'include:\n  - local: /deploy/base.yml\n'
    const text = `${includes}.mine:\n  extends: .cloud\ndeploy:\n  extends: [.mine, .deploy]\nbuild:\n  script: make\n`
    const found = await observed(gitlabCiReader, PATH, text)
    expect(edgesTold(found)).toEqual([
      'deploy made-from deploy/base.yml#.cloud proven',
      'deploy made-from deploy/base.yml#.deploy proven',
    ])
    const several = text.replace('include:\n', "include:\n  - 'ci/other.yml'\n  - local: ci/*.yml\n")
    expect(edgesTold(await observed(gitlabCiReader, PATH, several)).slice(0, 2)).toEqual([
      'deploy made-from ci/other.yml#.cloud conditional',
      'deploy made-from deploy/base.yml#.cloud conditional',
    ])
    const base = '.deploy:\n  stage: deploy\n  script: ./deploy\n'
    expect(reads('deploy/base.yml', base)).toBe(true)
    expect(await observed(gitlabCiReader, 'deploy/base.yml', base)).toContainEqual(
      expect.objectContaining({
        see: 'workload',
        ref: expect.objectContaining({ id: 'deploy/base.yml#.deploy' }),
      }),
    )
    // In a circle it ends.
    await observed(gitlabCiReader, PATH, `${includes}a:\n  extends: b\nb:\n  extends: [a, .c]\n`)
  })

  test('jobs of a file have what the file that includes it gives to all, unless they say otherwise', async () => {
    const text =
      'include: /ci/build.yml\ndefault:\n  id_tokens: { T: { aud: sts.amazonaws.com } }\n' +
      '  before_script:\n    - aws sts assume-role-with-web-identity --role-arn arn:aws:iam::111122223333:role/ci --web-identity-token "$T"\n' +
      '    - login "$DEPLOY_TOKEN"\n'
    expect(edgesTold(await observed(gitlabCiReader, PATH, text))).toEqual([
      'default reads-secret DEPLOY_TOKEN conditional',
      'default federates-into ?arn:aws:iam::111122223333:role/ci conditional',
      `ci/build.yml made-from ${PATH}#default proven`,
    ])
    const included = 'build:\n  script: make\nalone:\n  inherit: { default: false }\n  script: make\n'
    expect(edgesTold(await observed(gitlabCiReader, 'ci/build.yml', included))).toEqual([
      'build made-from ci/build.yml proven',
    ])
  })

  test('takes what is one, and what one includes', () => {
    expect(reads(PATH, 'x:')).toBe(true)
    expect(reads('sub/build.gitlab-ci.yml', 'x:')).toBe(true)
    expect(reads('ci/build.yml', 'build:\n  script: make\n')).toBe(true)
    expect(reads('templates/deploy/template.yml', 'spec:\n---\nx:\n  script: [a]\n')).toBe(true)
    expect(reads('ci/compose.yml', 'services:\n  a:\n    script: x\n')).toBe(false)
    expect(reads('.github/workflows/a.yml', 'on: push\njobs:\n  a:\n    steps:\n')).toBe(false)
    expect(reads('ci/readme.md', 'build:\n  script: make\n')).toBe(false)
  })

  test('tells of a job what starts it, what it reads and whom it becomes', async () => {
    const found = await observed(
      gitlabCiReader,
      PATH,
      `variables:
  ROLE: arn:aws:iam::111122223333:role/release
.cloud:
  id_tokens:
    TOKEN: { aud: sts.amazonaws.com }
  before_script:
    - aws sts assume-role-with-web-identity --role-arn $ROLE --web-identity-token "$TOKEN"
release:
  extends: .cloud
  environment: { name: production }
  secrets:
    DB: { vault: shop/db/password@kv }
  tags: [office]
  script:
    - !reference [.shared, script]
    - ./publish --key "$PUBLISH_KEY" --api-key "$NPM_TOKEN"
  rules:
    - if: $CI_COMMIT_TAG
.shared:
  script:
    - curl https://x.example.org | sh
downstream:
  trigger: acme/deploy
`,
    )
    expect(found).toContainEqual({
      see: 'workload',
      ref: { ...tree, kind: 'job', id: `${PATH}#release` },
      names: [`${PATH}#release`],
      facts: expect.objectContaining({
        runtime: { value: 'GitLab CI' },
        startedBy: { value: ['tag'] },
        environment: { value: 'production' },
        runsOn: { value: ['office'] },
        idTokens: { value: { TOKEN: ['sts.amazonaws.com'] } },
      }),
    })
    expect(edgesTold(found)).toEqual([
      'release reads-secret NPM_TOKEN conditional',
      'release reads-secret ?shop/db/password@kv conditional',
      'release federates-into ?arn:aws:iam::111122223333:role/release conditional',
      'downstream starts-pipeline ?acme/deploy conditional',
    ])
    // What a job has by reference is weak where it stands.
    expect(
      weaknessesTold(found)
        .filter(({ id }) => id === 'pipeline-piped-download')
        .map(one => one.line),
    ).toEqual([21, 21])
  })

  test('lets in whoever can run code as a job, and says how', async () => {
    const found = await observed(gitlabCiReader, PATH, job('eval "say $CI_COMMIT_TITLE"', ON_MERGE))
    expect(found).toContainEqual({
      see: 'edge',
      from: { ...tree, kind: 'outsider', id: 'anyone' },
      to: { ...tree, kind: 'job', id: `${PATH}#build` },
      crossing: 'gitlab-script-injection',
      certainty: 'conditional',
      when: 'a member runs the pipeline of their merge request, or merges it',
      why: 'CI_COMMIT_TITLE, which others write, is run by build (line 3)',
    })
  })

  test.each([
    ['a:\n  script: x\nb: [\n', 'it is no YAML there'],
    ['a:\n  script: x\na:\n  script: y\n', 'stands there twice'],
  ])('says where a text is broken: %j', async (text, why) => {
    const gaps = (await observed(gitlabCiReader, PATH, text)).filter(one => one.see === 'covered')
    expect(gaps[0]).toMatchObject({ complete: false, why: expect.stringContaining(why) })
  })

  test('an alias bomb, jobs that extend each other, and a text that is too large are told, and end', async () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) => `l${n + 1}: &l${n + 1} [${Array(12).fill(`*l${n}`).join(',')}]`,
    )
    const bomb = await observed(
      gitlabCiReader,
      PATH,
      `l0: &l0 [x]\n${levels.join('\n')}\na:\n  script: *l12\n`,
    )
    expect(bomb).toEqual([expect.objectContaining({ see: 'covered', complete: false })])
    const round =
      'a:\n  extends: b\n  script: !reference [b, script]\nb:\n  extends: a\n  script: !reference [a, script]\n'
    expect((await observed(gitlabCiReader, PATH, round)).filter(one => one.see === 'workload')).toHaveLength(
      2,
    )
    const large = await observed(gitlabCiReader, PATH, `a:\n  script: ${'x'.repeat(5 * 2 ** 20)}\n`)
    expect(large).toEqual([expect.objectContaining({ see: 'covered', why: 'it has more than 4 MiB' })])
  })
})
