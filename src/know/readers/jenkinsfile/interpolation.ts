import type { JenkinsPipeline, JenkinsStage } from './jenkins-pipeline.ts'
import type { Token } from './token.ts'

/** A value that becomes part of a string, as it is named: `params.TARGET`, `env.CHANGE_TITLE`, `title`. */
export interface Interpolated {
  readonly name: string
  readonly line: number
}

/** What `${…}` and `$name` of a string put into it. */
export function interpolatedIn({ kind, text, line, interpolates }: Token): Interpolated[] {
  if (kind !== 'string' || !interpolates) return []
  const found: Interpolated[] = []
  for (const { 0: whole, 1: braced, 2: bare, index } of text.matchAll(
    /(?<!\\)\$(?:\{([^{}]{1,1000})\}|([A-Za-z_][\w.]{0,200}))/g,
  )) {
    const on = line + (text.slice(0, index).match(/\n/g)?.length ?? 0)
    if (whole === undefined) continue
    for (const name of namesIn(braced ?? bare ?? '')) found.push({ name, line: on })
  }
  return found
}

/** Names with their members, without those of methods and what stands in quotes. */
function namesIn(expression: string): string[] {
  return [
    ...expression
      .replace(/'[^']*'|"[^"]*"/g, ' ')
      .matchAll(/(?<![\w.])(?:params|env|binding|pullRequest|[A-Za-z_]\w*)(?:\??\.\w+(?!\s*\())*/g),
  ].map(([name]) => name.replaceAll('?', ''))
}

export type Control = 'outsider' | 'someone' | 'nobody'

const WRITTEN_BY_OUTSIDERS =
  /^(?:env\.)?(?:CHANGE_(?:TITLE|BRANCH|AUTHOR|AUTHOR_DISPLAY_NAME|AUTHOR_EMAIL|FORK)|BRANCH_NAME|TAG_NAME|GIT_(?:BRANCH|LOCAL_BRANCH|AUTHOR_NAME|AUTHOR_EMAIL|COMMITTER_NAME|COMMITTER_EMAIL)|ghprb(?:PullTitle|PullLongDescription|PullDescription|CommentBody|SourceBranch|ActualCommitAuthor|PullAuthorLogin)|gitlab(?:MergeRequestTitle|MergeRequestDescription|MergeRequestLastCommit|SourceBranch|Branch|TriggerPhrase|UserName|UserEmail|SourceRepoName)|BITBUCKET_SOURCE_BRANCH)$|^pullRequest\.(?:title|body|headRef)$/

const MOST_DEPTH = 5

/** Who decides what a name holds, through the variables that the script gives. */
export function controlOf(name: string, pipeline: JenkinsPipeline, stage: JenkinsStage, depth = 0): Control {
  if (WRITTEN_BY_OUTSIDERS.test(name)) return 'outsider'
  const [root = '', own] = name.split('.')
  if (root === 'params' && own !== undefined)
    return /^(?:choice|booleanParam|run|file)$/.test(pipeline.parameters.get(own) ?? 'string')
      ? 'nobody'
      : 'someone'
  const key = root === 'env' ? (own ?? '') : root
  // A parameter is a variable of the environment, too.
  if (pipeline.parameters.has(key) && root !== 'params')
    return /^(?:choice|booleanParam|run|file)$/.test(pipeline.parameters.get(key)!) ? 'nobody' : 'someone'
  const given = stage.given.get(key)
  if (!given || depth >= MOST_DEPTH) return 'nobody'
  const controls = valuesOf(given).map(inner =>
    inner === name ? 'nobody' : controlOf(inner, pipeline, stage, depth + 1),
  )
  return controls.includes('outsider') ? 'outsider' : controls.includes('someone') ? 'someone' : 'nobody'
}

/** The names that an expression gives a value from: its own, and those in its strings. */
export function valuesOf(tokens: readonly Token[]): string[] {
  const names: string[] = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!
    if (token.kind === 'string') names.push(...interpolatedIn(token).map(({ name }) => name))
    if (token.kind !== 'name' || tokens[at - 1]?.text === '.') continue
    let name = token.text
    while (tokens[at + 1]?.text === '.' && tokens[at + 2]?.kind === 'name') {
      name += `.${tokens[at + 2]!.text}`
      at += 2
    }
    // A call gives what it likes, but what is asked of a name is still that name's.
    if (tokens[at + 1]?.text === '(') name = name.slice(0, Math.max(0, name.lastIndexOf('.')))
    if (name !== '') names.push(name)
  }
  return names
}
