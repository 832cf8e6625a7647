import type { Weakness } from '../../weakness.ts'
import { blocksIn, isBlock } from '../block.ts'
import type { JenkinsPipeline, JenkinsStage } from '../jenkins-pipeline.ts'
import type { Token } from '../token.ts'

export const jenkinsUnpinnedLibrary: Weakness<JenkinsPipeline, JenkinsStage> = {
  id: 'jenkins-unpinned-library',
  title: 'A shared library by a branch, or by none',
  severity: 'medium',
  why: 'Whoever may push there runs their code in this pipeline, trusted libraries on the controller itself.',
  fix: "Name a commit: @Library('name@<full sha>').",
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  references: ['https://www.jenkins.io/doc/book/pipeline/shared-libraries/#library-versions'],
  *find({ root }) {
    for (const block of [root, ...blocksIn(root)])
      for (const statement of block.statements)
        for (const { text, line } of named(statement.filter((one): one is Token => !isBlock(one)))) {
          const version = text.split('@')[1]
          if (/^[0-9a-f]{40}$/i.test(version ?? '') || (version ?? '').includes('$')) continue
          const branch = version === undefined || /^(?:main|master|HEAD|develop|trunk)$/.test(version)
          yield {
            line,
            certainty: branch ? 'proven' : 'conditional',
            why:
              version === undefined
                ? 'a library of whatever version is its default'
                : 'a library by a name that can be moved',
          }
        }
  },
}

/** `@Library('a@b')`, `@Library(['a', 'b'])`, `library 'a@b'`, `library identifier: 'a@b'`, and `libraries { lib('a@b') }`. */
function named(tokens: readonly Token[]): Token[] {
  return tokens.flatMap((token, index) => {
    const next = tokens[index + 1]
    if (token.text === 'Library' && tokens[index - 1]?.text === '@') return upTo(tokens, index + 1)
    if (
      /^(?:library|lib)$/.test(token.text) &&
      tokens[index - 1]?.text !== '.' &&
      (next?.kind === 'string' || next?.text === '(' || next?.text === 'identifier')
    )
      return upTo(tokens, index + 1).slice(0, 1)
    return []
  })
}

function upTo(tokens: readonly Token[], from: number): Token[] {
  const end = tokens.findIndex((one, index) => index >= from && one.text === ')')
  return tokens.slice(from, end < 0 ? tokens.length : end).filter(one => one.kind === 'string')
}
