import { describe, expect, test } from 'vitest'
import { gitlabCiReader } from '../../../../src/know/readers/gitlab-ci/gitlab-ci.ts'
import { evaluatedVariables } from '../../../../src/know/readers/pipeline/command.ts'
import { isSecretName } from '../../../../src/know/readers/pipeline/pipeline.ts'
import { pipelineWeaknesses } from '../../../../src/know/readers/pipeline/weaknesses/all.ts'
import { bothWays, observed, weaknessesTold } from '../both-ways.ts'
import { processorTime } from '../../../processor-time.ts'

const PATH = '.gitlab-ci.yml'
const DIGEST = `sha256:${'b'.repeat(64)}`
const job = (script: string, more = '') => `build:\n  script:\n    - ${script}\n${more}`

describe('what no job should do', () => {
  bothWays(gitlabCiReader, PATH, pipelineWeaknesses, {
    'pipeline-debug-log': {
      weak: job('make', '  variables:\n    CI_DEBUG_TRACE: "true"\n'),
      line: 5,
      mended: job('make', '  variables:\n    CI_DEBUG_TRACE: "false"\n'),
    },
    'pipeline-password-on-command-line': {
      weak: job('docker login -u ci -p "$REGISTRY_PASSWORD" registry.example.org'),
      line: 3,
      mended: job('printenv REGISTRY_PASSWORD | docker login -u ci --password-stdin registry.example.org'),
    },
    'pipeline-piped-download': {
      weak: job('curl -fsSL https://get.example.org/install.sh | sudo bash'),
      line: 3,
      mended: job('curl -fsSL https://get.example.org/install.sh -o install.sh && sha256sum -c digests'),
    },
    'pipeline-privileged-container': {
      weak: job('docker run --privileged -v /var/run/docker.sock:/var/run/docker.sock builder'),
      line: 3,
      mended: job('docker run --cap-drop=ALL builder'),
    },
    'pipeline-secret-in-file': {
      weak: `variables:\n  DB_PASSWORD: ${'kT7v'}Q2mLx9pZ\n${job('make')}`,
      line: 2,
      mended: `variables:\n  DB_PASSWORD: $VAULTED\n  TOKEN_URL: https://x.example.org/token\n${job('make')}`,
    },
    'pipeline-secret-in-log': {
      weak: job('echo "token is $DEPLOY_TOKEN"'),
      line: 3,
      mended: job('echo "token has ${#DEPLOY_TOKEN} signs" && echo "$DEPLOY_TOKEN" > .token'),
    },
    'pipeline-static-cloud-key': {
      weak: job('aws s3 sync . s3://x', '  variables:\n    AWS_SECRET_ACCESS_KEY: $PROD_KEY\n'),
      line: 5,
      mended: job('aws sts assume-role-with-web-identity --role-arn arn:aws:iam::111122223333:role/ci'),
    },
    'pipeline-tls-off': {
      weak: job('git -c http.sslVerify=false clone https://git.example.org/x'),
      line: 3,
      mended: job('git clone https://git.example.org/x && curl --cacert ca.pem https://x.example.org'),
    },
    'pipeline-unpinned-image': {
      weak: `image: node:22\n${job('make')}`,
      line: 1,
      mended: `image: node@${DIGEST}\n${job('make')}`,
    },
  })

  test.each([
    ['eval "make $A"', ['A']],
    ['bash -c "echo $A"', ['A']],
    ["bash -c 'echo $A'", []],
    ['sh -ec "x ${A}"', ['A']],
    ['ssh host "deploy $A"', ['A']],
    ['ssh host deploy', []],
    ['python3 -c "print(\'$A\')"', ['A']],
    ['echo "$A" | bash', ['A']],
    ['echo "$A" | grep x', []],
    ['$A --run', ['A']],
    ['git commit -m "$A"', []],
    ['echo "$(basename "$A")"', []],
    ['pwsh -Command "Write-Host $A"', ['A']],
    ['docker exec app sh -c "run $A"', ['A']],
    ['eval "\\$A"', []],
  ])('what a shell runs as code: %s', (text, names) => {
    expect(evaluatedVariables({ line: 1, text: text })).toEqual(names)
  })

  test.each([
    ['DEPLOY_TOKEN', true],
    ['dbPassword', true],
    ['AWS_SECRET_ACCESS_KEY', true],
    ['SSH_PRIVATE_KEY', true],
    ['db.password', true],
    ['AWS_ACCESS_KEY_ID', false],
    ['KEYBOARD', false],
    ['PASSED', false],
    ['TOKEN_URL', false],
    ['CACHE_KEY', false],
  ])('%s says that it holds a secret: %s', (name, expected) => {
    expect(isSecretName(name)).toBe(expected)
  })

  test('hostile commands take no long time', async () => {
    const hostile = [
      'sh '.repeat(20_000),
      `curl ${'a '.repeat(20_000)}`,
      '$('.repeat(20_000),
      `echo ${'"\\'.repeat(20_000)}`,
      'bash -c '.repeat(5000),
    ]
    const text = `build:\n  script:\n${hostile.map(one => `    - ${JSON.stringify(one)}\n`).join('')}`
    const worked = processorTime()
    weaknessesTold(await observed(gitlabCiReader, PATH, text))
    expect(worked()).toBeLessThan(30_000)
  })
})
