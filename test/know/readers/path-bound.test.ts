import { expect, test } from 'vitest'
import { isPathBound, toldBy } from '../../../src/know/readers/path-bound.ts'

test.each([
  'home/a/.ssh/authorized_keys',
  'web1/etc/ssh/sshd_config',
  'deploy/nginx.conf',
  'etc/pki/ca-trust/source/anchors/own.pem',
  'ci/jobs.yml',
  'jobs/nightly.groovy',
  'keys/deploy.pub',
  'a/Dockerfile.prod',
  'CODEOWNERS',
  '.claude/settings.json',
])('%s is what it is by its place', path => {
  expect(isPathBound(path)).toBe(true)
  expect(toldBy({ document: 'git:1', path })).toBe(`git:1 ${path}`)
})

test.each(['a/app.env', 'src/main.ts', 'export.json', 'notes.txt'])(
  '%s is the same wherever it lies',
  path => {
    expect(toldBy({ document: 'git:1', path })).toBe('git:1')
  },
)

test('a long path is told by its digest: PostgreSQL finds by no more than 2,704 bytes', () => {
  const told = ['a', 'b'].map(name =>
    toldBy({ document: `git:${'0'.repeat(64)}`, path: `${'é'.repeat(3000)}/${name}/Dockerfile` }),
  )
  expect(new Set(told).size).toBe(2)
  for (const one of told) expect(one.length).toBeLessThan(200)
})
