import { describe, expect, test } from 'vitest'
import { repositoryKey } from '../../../src/core/contract/repository-key.ts'

describe('the name of a repository', () => {
  test.each([
    'https://github.com/acme/app',
    'https://github.com/acme/app.git',
    'https://user:token@GitHub.com/acme/app.git/',
    'https://github.com:443/acme/app?token=x#y',
    'ssh://git@github.com:22/acme/app.git',
    'git@github.com:acme/app.git',
    'github.com:acme/app',
    'github.com/acme/app',
  ])('%s is the same', name => {
    expect(repositoryKey(name)).toBe('github.com/acme/app')
  })

  test.each([
    ['/srv/app', '/srv/app'],
    ['/srv/app/', '/srv/app'],
    ['/srv/app/.git', '/srv/app'],
    ['/srv/app.git', '/srv/app.git'],
    ['file:///srv/app', '/srv/app'],
    ['https://git.example:8443/app', 'git.example:8443/app'],
    ['/srv/\u001b[31m', '/srv/\\x1B[31m'],
    ['', undefined],
    ['x'.repeat(3000), undefined],
  ])('%j is %j', (name, key) => {
    expect(repositoryKey(name)).toBe(key)
  })
})
