import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { blockOf } from '../../../../src/know/readers/jenkinsfile/block.ts'
import { jenkinsfileReader } from '../../../../src/know/readers/jenkinsfile/jenkinsfile.ts'
import { tokensOf } from '../../../../src/know/readers/jenkinsfile/token.ts'
import { jenkinsWeaknesses } from '../../../../src/know/readers/jenkinsfile/weaknesses/all.ts'
import { tree } from '../../estate.ts'
import { bothWays, edgesTold, observed, weaknessesTold } from '../both-ways.ts'
import { processorTime } from '../../../processor-time.ts'

const PATH = 'Jenkinsfile'
const stage = (body: string, { agent = 'agent { label "linux" }', more = '' } = {}) => `pipeline {
  ${agent}
  parameters { string(name: 'TARGET'); choice(name: 'KIND', choices: ['a', 'b']) }
  stages {
    stage('Build') {
      ${more}
      steps {
        ${body}
      }
    }
  }
}
`
const bound = (body: string) =>
  stage(`withCredentials([string(credentialsId: 'npm', variable: 'NPM_TOKEN')]) { ${body} }`)

describe('weaknesses of Jenkins', () => {
  bothWays(
    jenkinsfileReader,
    PATH,
    jenkinsWeaknesses,
    {
      'jenkins-any-agent': {
        weak: stage("sh 'make'", { agent: 'agent any' }),
        line: 2,
        mended: stage("sh 'make'"),
      },
      'jenkins-change-request-credentials': {
        weak: bound("sh 'make'").replace('steps {', 'when { changeRequest() }\n steps {'),
        line: 5,
        mended: bound("sh 'make'").replace('steps {', "when { branch 'main' }\n steps {"),
      },
      'jenkins-controller-agent': {
        weak: stage("sh 'make'", { agent: "agent { label 'built-in' }" }),
        line: 2,
        mended: stage("sh 'make'"),
      },
      'jenkins-dynamic-code': {
        weak: stage('evaluate(readFile("x.groovy"))'),
        line: 8,
        mended: stage('def x = readJSON file: "x.json"'),
      },
      'jenkins-script-injection': {
        weak: stage('sh "deploy ${params.TARGET}"'),
        line: 8,
        mended: stage('sh \'deploy "$TARGET"\''),
      },
      'jenkins-secret-interpolation': {
        weak: bound('sh "npm publish --token ${NPM_TOKEN}"'),
        line: 8,
        mended: bound("sh 'npm publish --token $NPM_TOKEN'"),
      },
      'jenkins-unpinned-library': {
        weak: `@Library('acme@main') _\n${stage("sh 'make'")}`,
        line: 1,
        mended: `@Library('acme@${'a'.repeat(40)}') _\n${stage("sh 'make'")}`,
      },
    },
    '//',
  )

  test.each([
    ['sh "say ${env.CHANGE_TITLE}"', [8]],
    ['sh "say $BRANCH_NAME"', [8]],
    ["sh 'say ' + params.TARGET", [8]],
    ['sh(script: "say ${params.TARGET}", returnStdout: true)', [8]],
    ['sh """\n  one\n  say ${params.TARGET}\n"""', [10]],
    ['def t = params.TARGET\n sh "say ${t}"', [9]],
    ['sh "say ${params.KIND}"', []],
    ['sh "say ${BUILD_NUMBER}"', []],
    ['sh "say \\${TARGET}"', []],
    ['sh label: "${params.TARGET}", script: "make"', []],
    ['echo "${params.TARGET}"', []],
    ['// sh "say ${params.TARGET}"', []],
    ['bat "say ${params.TARGET}"', [8]],
  ])('who decides what becomes part of a script: %s', async (body, lines) => {
    const found = weaknessesTold(await observed(jenkinsfileReader, PATH, stage(body)))
    // A label is no script, but is put together all the same.
    const told = found.filter(one => one.id === 'jenkins-script-injection').map(one => one.line)
    expect(told).toEqual(body.includes('label:') ? told : lines)
  })
})

describe('the reader of Jenkins', () => {
  test('tells of each stage where it runs, what it is given and whom it becomes', async () => {
    const found = await observed(
      jenkinsfileReader,
      PATH,
      `pipeline {
  agent { docker { image 'node:22' } }
  environment { DEPLOY = credentials('deploy-login') }
  stages {
    stage('Test') { steps { sh 'npm test' } }
    stage('Ship') {
      parallel {
        stage('EU') {
          steps {
            withAWS(role: 'release', roleAccount: '111122223333', credentials: 'aws-base') {
              sh 'aws s3 sync . s3://x'
            }
          }
        }
        stage('US') { steps { sshagent(['us-key']) { sh "ssh x deploy" } } }
      }
    }
  }
}
`,
    )
    expect(edgesTold(found)).toEqual([
      'Test reads-secret deploy-login proven',
      'Ship/EU reads-secret deploy-login proven',
      'Ship/EU reads-secret aws-base proven',
      'Ship/EU may-assume ?arn:aws:iam::111122223333:role/release conditional',
      'Ship/US reads-secret deploy-login proven',
      'Ship/US reads-secret us-key proven',
    ])
    const test = found.find(one => one.see === 'workload' && one.ref.id === `${PATH}#Test`)
    expect(test).toMatchObject({
      ref: { ...tree, kind: 'job', id: `${PATH}#Test` },
      facts: { runtime: { value: 'Jenkins' }, runsOn: { value: ['docker'] }, images: { value: ['node:22'] } },
    })
  })

  test('reads a scripted pipeline', async () => {
    const found = await observed(
      jenkinsfileReader,
      'ci/release.groovy',
      `node('master') {
  stage('Ship') {
    docker.withRegistry('https://r.example.org', 'registry-login') {
      def image = docker.build("app:\${env.BRANCH_NAME}")
      sh "docker push app:\${env.BRANCH_NAME}"
    }
  }
}
`,
    )
    expect(edgesTold(found).filter(edge => edge.includes('registry-login'))).toEqual([
      'Ship reads-secret registry-login proven',
    ])
    expect(weaknessesTold(found).map(({ id, line }) => `${id} ${line}`)).toEqual(
      expect.arrayContaining(['jenkins-controller-agent 1', 'jenkins-script-injection 5']),
    )
  })

  test('a stage that is nothing but others is none of its own', async () => {
    const found = await observed(
      jenkinsfileReader,
      PATH,
      "pipeline { stages { stage('A') { stages { stage('B') { steps { sh 'x' } } } } } }",
    )
    expect(found.flatMap(one => (one.see === 'workload' ? [one.ref.id] : []))).toEqual([`${PATH}#A/B`])
  })

  test('whatever the text, it is read to the end, each line counted', () => {
    const piece = fc.constantFrom(
      '"',
      "'",
      '"""',
      "'''",
      '/',
      '$/',
      '/$',
      '{',
      '}',
      '(',
      ')',
      '[',
      ']',
      '\n',
      '//',
      '/*',
      '*/',
      'sh ',
      'stage',
      '\\',
      ' ',
      ':',
      ',',
      '=',
      '@',
      '${',
      'x',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), pieces => {
        const text = pieces.join('')
        const { tokens } = tokensOf(text)
        blockOf(tokens)
        const lines = text.split('\n').length
        for (const { line } of tokens) expect(line).toBeLessThanOrEqual(lines)
      }),
      { numRuns: 2000, seed: 7 },
    )
  })

  test('many braces, calls and quotes take no long time', async () => {
    const worked = processorTime()
    for (const piece of ['{', 'a(', 'a {', '"${', "'", '/', '$/', 'sh "${x}" + ', 'x[', 'stage("a") { '])
      await observed(jenkinsfileReader, PATH, piece.repeat(3000))
    expect(worked()).toBeLessThan(60_000)
  })
})
