import { items, member, scalar } from '../../located.ts'
import type { ConfigWeakness } from '../weakness.ts'

/** Repositories of hooks that are archived. */
const ARCHIVED = new Set([
  'github.com/pre-commit/mirrors-prettier',
  'github.com/pre-commit/mirrors-autopep8',
  'github.com/pre-commit/mirrors-yapf',
  'github.com/pre-commit/mirrors-pylint',
  'github.com/asottile/reorder_python_imports',
])

export const preCommitSource: ConfigWeakness = {
  id: 'pre-commit-source',
  title: 'Hooks from a place that cannot be trusted',
  severity: 'medium',
  why: 'Hooks run on every developer’s machine and in CI, with what credentials are there.',
  fix: 'Fetch over https, from a repository that someone keeps, at a commit.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  alias: 'insecure-url-scheme',
  references: ['https://pre-commit.com/#repos-repo'],
  reads: path => /(?:^|\/)\.pre-commit-config\.ya?ml$/i.test(path),
  *findIn(root) {
    for (const repository of items(member(root, 'repos'))) {
      const repo = member(repository, 'repo')
      const url = scalar(repo)
      if (!repo || url === undefined) continue
      if (/^(?:http|git):\/\//i.test(url))
        yield {
          line: repo.line,
          certainty: 'proven',
          why: 'hooks come over a connection that anyone on the way can change',
        }
      if (
        ARCHIVED.has(
          url
            .replace(/^[a-z]+:\/\//i, '')
            .replace(/(?:\.git)?\/?$/, '')
            .toLowerCase(),
        )
      )
        yield { line: repo.line, certainty: 'proven', why: 'hooks come from a repository that is archived' }
      const rev = member(repository, 'rev')
      const version = scalar(rev)
      if (rev && version !== undefined && !/^(?:[0-9a-f]{40}|v?\d[\w.+-]*)$/i.test(version))
        yield {
          line: rev.line,
          certainty: 'potential',
          why: 'hooks come by a name that may be a branch and a tag',
        }
    }
  },
}
