import { pathText } from './path-text.ts'
import type { Ref } from './ref.ts'

const MOST_LENGTH = 2048

/**
 * A repository's URL or path as it is compared: `https://user:token@GitHub.com/acme/app.git`, `git@github.com:acme/app` and
 * `ssh://git@github.com/acme/app/` are all `github.com/acme/app`; a path on this machine stays one. Undefined where the
 * text names nothing.
 */
export function repositoryKey(name: string): string | undefined {
  if (name.length > MOST_LENGTH) return undefined
  const text = pathText(Buffer.from(name.trim().toWellFormed()))
  const path = /^file:\/\/[^/]*(\/.*)$/is.exec(text)?.[1] ?? (text.startsWith('/') ? text : undefined)
  if (path !== undefined) return path.replace(/\/\.git\/?$/, '').replace(/(?<=[^/])\/+$/, '')
  const parts =
    /^[a-z][a-z0-9+.-]*:\/\/(?<host>[^/?#]+)\/*(?<path>[^?#]*)/is.exec(text) ??
    /^(?<host>[^/:]{2,}):\/*(?<path>[^?#]*)/s.exec(text)
  if (!parts?.groups) return text === '' ? undefined : text.replace(/\/+$/, '').replace(/\.git$/, '')
  const { host = '', path: within = '' } = parts.groups
  const server = host
    .slice(host.lastIndexOf('@') + 1)
    .toLowerCase()
    .replace(/:(?:22|80|443)$/, '')
  return `${server}/${within.replace(/\/+$/, '').replace(/\.git$/, '')}`
}

/** A repository that a text names. It is told which one that is when one of that name is connected. */
export function namedRepository(key: string): Ref {
  return { system: 'git', instance: `?${key}`, kind: 'repository', id: `?${key}` }
}
