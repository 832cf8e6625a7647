import { describe, expect, test } from 'vitest'
import { circleciReader } from '../../../../src/know/readers/circleci/circleci.ts'
import { circleciWeaknesses } from '../../../../src/know/readers/circleci/weaknesses/all.ts'
import { bothWays, edgesTold, observed } from '../both-ways.ts'

const PATH = '.circleci/config.yml'
const config = (job: string, flow = '- build', top = '') => `version: 2.1
${top}
jobs:
  build:
${job.replace(/^/gm, '    ')}
workflows:
  all:
    jobs:
${flow.replace(/^/gm, '      ')}
`
const steps = (...all: string[]) =>
  `docker: [{ image: cimg/base }]\nsteps:\n${all.map(one => `  - ${one}\n`).join('')}`
const WITH_CONTEXT = '- build:\n    context: [prod]'
const GUARDED = `${WITH_CONTEXT}\n    filters: { branches: { only: main } }`

describe('weaknesses of CircleCI', () => {
  bothWays(circleciReader, PATH, circleciWeaknesses, {
    'circleci-all-ssh-keys': {
      weak: config(steps('add_ssh_keys')),
      line: 7,
      mended: config(steps('add_ssh_keys: { fingerprints: ["ab:cd"] }')),
    },
    'circleci-context-for-any-branch': {
      weak: config(steps('run: make'), WITH_CONTEXT),
      line: 13,
      mended: config(steps('run: make'), GUARDED),
    },
    'circleci-own-runner': {
      weak: config(`resource_class: acme/office\n${steps('run: make')}`),
      line: 5,
      mended: config(`resource_class: large\n${steps('run: make')}`),
    },
    'circleci-script-injection': {
      weak: config(steps('run: say << pipeline.git.branch >>')),
      line: 7,
      mended: config(
        steps('run: { command: say "$BRANCH", environment: { BRANCH: << pipeline.git.branch >> } }'),
      ),
    },
    'circleci-shared-cache': {
      weak: config(steps('restore_cache: { key: v1-deps }'), GUARDED),
      line: 7,
      mended: config(steps('restore_cache: { key: \'v1-{{ checksum "lock" }}\' }'), GUARDED),
    },
    'circleci-unpinned-orb': {
      weak: config(steps('run: make'), '- build', 'orbs: { node: circleci/node@volatile }'),
      line: 2,
      mended: config(steps('run: make'), '- build', 'orbs: { node: circleci/node@5.2.0 }'),
    },
  })
})

describe('the reader of CircleCI', () => {
  test('tells of a job its contexts, variables and roles, through commands and executors', async () => {
    const found = await observed(
      circleciReader,
      PATH,
      `version: 2.1
orbs: { aws-cli: circleci/aws-cli@5.1.0 }
executors:
  main: { docker: [{ image: cimg/base:2024.01, environment: { MODE: fast } }] }
commands:
  login:
    steps:
      - aws-cli/setup: { role_arn: arn:aws:iam::111122223333:role/release }
      - run: curl -H "auth $DEPLOY_TOKEN" https://x.example.org
jobs:
  release: { executor: main, steps: [checkout, login] }
workflows:
  all:
    jobs:
      - hold: { type: approval }
      - release: { context: [prod, slack], requires: [hold] }
      - node/test: { context: npm }
`,
    )
    expect(edgesTold(found)).toEqual([
      'release reads-secret prod proven',
      'release reads-secret slack proven',
      'release reads-secret DEPLOY_TOKEN conditional',
      'release federates-into ?arn:aws:iam::111122223333:role/release conditional',
      'node/test reads-secret npm proven',
      'anyone circleci-context-for-any-branch directory:tree-1/job conditional'.replace(
        'directory:tree-1/job',
        `${PATH}#node/test`,
      ),
    ])
  })

  test('takes what is one', () => {
    const reads = (path: string, text: string) => circleciReader.reads({ path }, Buffer.from(text))
    expect(reads(PATH, 'x')).toBe(true)
    expect(reads('ci/circle.yml', 'version: 2.1\njobs:\n')).toBe(true)
    expect(reads('compose.yml', 'version: "2.1"\nservices:\n')).toBe(false)
  })
})
