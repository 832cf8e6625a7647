import { describe, expect, test } from 'vitest'
import { composeReader } from '../../../../src/know/readers/compose/compose.ts'
import { composeWeaknesses } from '../../../../src/know/readers/compose/weaknesses/all.ts'
import { bothWays, edgesTold, observed } from '../both-ways.ts'

const PATH = 'compose.yaml'
const DIGEST = `sha256:${'b'.repeat(64)}`
const service = (more = '') => `services:\n  app:\n    image: "x@${DIGEST}"\n${more}`

describe('weaknesses of compose files', () => {
  bothWays(composeReader, PATH, composeWeaknesses, {
    'compose-host-mount': {
      weak: service('    volumes:\n      - ~/.aws:/keys:ro\n'),
      line: 5,
      mended: service('    volumes:\n      - ./data:/data\n'),
    },
    'compose-privileged': {
      weak: service('    privileged: true\n'),
      line: 4,
      mended: service('    cap_add: [NET_BIND_SERVICE]\n'),
    },
    'compose-runtime-socket': {
      weak: service(
        '    volumes:\n      - type: bind\n        source: /var/run/docker.sock\n        target: /var/run/docker.sock\n',
      ),
      line: 5,
      mended: service('    volumes: [data:/data]\n'),
    },
    'compose-secret-in-file': {
      weak: service(`    environment:\n      DB_PASSWORD: ${'kT7v'}Q2mLx9pZ\n`),
      line: 5,
      mended: service('    environment:\n      DB_PASSWORD: ${DB_PASSWORD:?}\n'),
    },
    'compose-unpinned-image': { weak: 'services:\n  app:\n    image: x:1\n', line: 3, mended: service() },
  })
})

describe('the reader of compose files', () => {
  test('tells what each service is given, and of whose host it is', async () => {
    const found = await observed(
      composeReader,
      'deploy/docker-compose.prod.yml',
      `x-base: &base
  env_file: [../.env]
services:
  web:
    <<: *base
    image: x
    environment: ["API_TOKEN", "MODE=fast", "DB_PASSWORD=\${PROD_DB}"]
    secrets: [tls, { source: db }, other]
  ops:
    extends: web
    volumes: ["/var/run/docker.sock:/var/run/docker.sock"]
secrets:
  tls: { file: ./tls.key }
  db: { environment: DB_SECRET }
  other: { external: true }
`,
    )
    expect(edgesTold(found).filter(edge => edge.startsWith('web'))).toEqual([
      'web reads-secret .env proven',
      'web reads-secret deploy/tls.key proven',
      'web reads-secret DB_SECRET proven',
      'web reads-secret other proven',
      'web reads-secret API_TOKEN proven',
      'web reads-secret PROD_DB proven',
    ])
    expect(edgesTold(found)).toContain('ops compose-runtime-socket deploy/docker-compose.prod.yml proven')
  })

  test('takes what is one', () => {
    const reads = (path: string, text: string) => composeReader.reads({ path }, Buffer.from(text))
    expect(reads('stack.yml', 'services:\n  a:\n    image: x\n')).toBe(true)
    expect(reads('ops/web.yaml', 'services:\n  a:\n    build: .\n')).toBe(true)
    expect(reads('.gitlab-ci.yml', 'services:\n  - postgres\nbuild:\n  script: x\n')).toBe(false)
    expect(reads('x.yaml', 'kind: Pod\n')).toBe(false)
  })
})
