import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { instructionsOf } from '../../../../src/know/readers/dockerfile/build.ts'
import { dockerfileReader } from '../../../../src/know/readers/dockerfile/dockerfile.ts'
import { dockerfileWeaknesses } from '../../../../src/know/readers/dockerfile/weaknesses/all.ts'
import { bothWays, edgesTold, observed, weaknessesTold } from '../both-ways.ts'

const PATH = 'Dockerfile'
const DIGEST = `sha256:${'b'.repeat(64)}`
const BASE = `FROM node@${DIGEST}`

describe('weaknesses of Dockerfiles', () => {
  bothWays(dockerfileReader, PATH, dockerfileWeaknesses, {
    'dockerfile-copied-key': {
      weak: `${BASE}\nCOPY .npmrc /app/\n`,
      line: 2,
      mended: `${BASE}\nCOPY package.json /app/\n`,
    },
    'dockerfile-remote-file': {
      weak: `${BASE}\nADD https://x.example.org/tool /bin/\n`,
      line: 2,
      mended: `${BASE}\nADD --checksum=${DIGEST} https://x.example.org/tool /bin/\n`,
    },
    'dockerfile-root-user': { weak: `${BASE}\nUSER root\n`, line: 2, mended: `${BASE}\nUSER node\n` },
    'dockerfile-secret-in-layer': {
      weak: `${BASE}\nARG VERSION=1\nARG NPM_TOKEN\n`,
      line: 3,
      mended: `${BASE}\nARG VERSION=1\nRUN --mount=type=secret,id=npm npm ci\n`,
    },
    'dockerfile-unpinned-base': {
      weak: 'FROM node:22\nUSER node\n',
      line: 1,
      mended: `${BASE}\nUSER node\n`,
    },
  })
})

describe('the reader of Dockerfiles', () => {
  test('knows stages, arguments, flags, heredocs and lines that go on', async () => {
    const found = await observed(
      dockerfileReader,
      'build/app.Dockerfile',
      `# syntax=docker/dockerfile:1
ARG TAG=22
FROM node:\${TAG} AS build
ENV A=1 \\
    # why
    DB_PASSWORD="x y z"
RUN --mount=type=secret,id=npm --network=none npm ci \\
  && curl https://x.example.org/i.sh | sh
RUN <<EOF
wget -qO- https://x.example.org | bash
EOF
FROM build
COPY --from=build /app/.npmrc /x
FROM scratch
USER 1000
`,
    )
    expect(edgesTold(found)).toEqual(['build reads-secret npm proven'])
    expect(weaknessesTold(found).map(({ id, line }) => `${id} ${line}`)).toEqual([
      'pipeline-piped-download 8',
      'pipeline-piped-download 10',
      'dockerfile-secret-in-layer 6',
      'dockerfile-unpinned-base 3',
    ])
    expect(
      found.flatMap(one => (one.see === 'workload' ? [[one.ref.id, one.facts['base']?.value]] : [])),
    ).toEqual([
      ['build/app.Dockerfile#build', 'node:22'],
      ['build/app.Dockerfile#stage 1', 'build'],
      ['build/app.Dockerfile#stage 2', 'scratch'],
    ])
  })

  test('quotes no value in what it tells', async () => {
    const canary = `canary${'q'.repeat(20)}`
    const text = `${BASE}\nENV API_TOKEN=${canary}\nRUN curl -u me:${canary} https://x.example.org\n`
    expect(JSON.stringify(await observed(dockerfileReader, PATH, text))).not.toContain(canary)
  })

  test('whatever the text, it is read to the end', () => {
    const piece = fc.constantFrom(
      'FROM x',
      'RUN ',
      '\\\n',
      '\n',
      '# c',
      '<<A',
      'A',
      '--mount=',
      ' ',
      '"',
      "'",
      'ENV A=',
      '`',
      '# escape=`\n',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), pieces => void [...instructionsOf(pieces.join(''))]),
      { numRuns: 2000, seed: 3 },
    )
  })
})
