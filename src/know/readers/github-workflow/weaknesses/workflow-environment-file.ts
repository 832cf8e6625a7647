import { lineAt, type Located, scalar } from '../../located.ts'
import { variablesIn } from '../../pipeline/command.ts'
import { controlledBy, type Controlled, mayBeCode, type Scope, shellVariables } from '../control.ts'
import { letsIn } from '../guard.ts'
import { stepsOf, type Weakness } from '../weakness.ts'
import { PRIVILEGED_OUTSIDE_EVENTS, runsInShell } from '../workflow.ts'

const WRITES =
  /(?:>>?\s*|\|\s*tee\s+(?:-a\s+)?|(?:Out-File|Add-Content|Set-Content)[^\n]*)["']?(?:\$\{?(?:env:)?GITHUB_(ENV|PATH)\b|\$\{\{\s*(?:github|env)\.(?:env|path|GITHUB_ENV|GITHUB_PATH)\s*\}\})/i

export const workflowEnvironmentFile: Weakness = {
  id: 'workflow-environment-file',
  title: 'Text that others write reaches the environment of later steps',
  severity: 'high',
  why: 'A line break in it sets any variable, LD_PRELOAD or NODE_OPTIONS for one, and so runs code in every later step.',
  fix: 'Write only checked values there; hand text on as an output, and use it quoted.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  alias: 'github-env',
  crossing: true,
  references: [
    'https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#environment-files',
  ],
  *find(workflow) {
    const event = [...workflow.triggers.keys()].find(name => PRIVILEGED_OUTSIDE_EVENTS.has(name))
    if (event === undefined) return
    for (const { job, step } of stepsOf(workflow)) {
      if (letsIn(workflow, job, step) === 'members') continue
      const scope = { workflow, job, step }
      const found =
        (step.run && (runsInShell(step) ? writtenByShell(step.run, scope) : writtenByProgram(step.run))) ??
        (step.uses?.action === 'actions/github-script'
          ? exportedByScript(step.with.get('script'), scope)
          : undefined)
      if (found)
        yield {
          line: found.line,
          certainty: 'conditional',
          why: `started by ${event}, a step writes what it computed to GITHUB_${found.file}`,
          job,
        }
    }
  },
}

interface Written {
  readonly line: number
  readonly file: string
}

/** The first write of a script whose text somebody else may decide. */
function writtenByShell(run: Located, scope: Scope): Written | undefined {
  const lines = (scalar(run) ?? '').split('\n')
  const variables = shellVariables(scope)
  for (const [index, line] of lines.entries()) {
    const at = WRITES.exec(line)
    if (!at) continue
    const texts = whatIsWritten(lines, index, line.slice(0, at.index))
    if (texts.some(text => !isConstant(text, scope, variables)))
      return { line: run.textLine + index, file: at[1]?.toUpperCase() ?? 'ENV' }
  }
  return undefined
}

/** The text before the redirection; of a block the lines of all of it; of a here-document its lines. */
function whatIsWritten(lines: readonly string[], index: number, before: string): readonly string[] {
  const heredoc = /<<-?\s*(["']?)(\w+)\1/.exec(lines[index]!)
  if (heredoc) {
    const end = lines.findIndex((line, at) => at > index && line.trim() === heredoc[2])
    return [before, ...lines.slice(index + 1, end < 0 ? undefined : end)]
  }
  const opens = { '}': /^\s*\{\s*$/, ')': /^\s*\(\s*$/, done: /^\s*(?:for|while|until)\b/, fi: /^\s*if\b/ }
  const opening = Object.entries(opens).find(([close]) => before.trim() === close)?.[1]
  if (!opening) return [before]
  const start = lines.findLastIndex((line, at) => at < index && opening.test(line))
  return lines.slice(start < 0 ? 0 : start + 1, index)
}

/** Variables whose form the runner gives: https://docs.github.com/en/actions/reference/workflows-and-actions/variables. */
const GIVEN =
  /^(?:HOME|PWD|PATH|USER|SHELL|RANDOM|SECONDS|UID|JAVA_HOME\w*|GOPATH|GOROOT|RUNNER_\w+|GITHUB_(?:WORKSPACE|SHA|RUN_\w+|REPOSITORY\w*|ACTOR\w*|ACTION\w*|SERVER_URL|API_URL|JOB|EVENT_NAME|EVENT_PATH|OUTPUT|ENV|PATH|STEP_SUMMARY|BASE_REF))$/

const PRINTS_FILES =
  /(?:^|[;&|{(]\s*|\b(?:do|then|sudo)\s+)(?:cat\s+(?!<<)[^\s<&;|]|(?:jq|yq|sed|grep|head|tail|cut|tr|sort|unzip|python[\d.]*|node)\s+[^;&|]*[\w"'])/

function isConstant(text: string, scope: Scope, variables: ReadonlyMap<string, Controlled>): boolean {
  if (controlledBy(text, scope).some(({ control }) => mayBeCode(control))) return false
  // What a program prints is not written out here.
  if (PRINTS_FILES.test(text)) return false
  const shell = text.replace(/\$\{\{.*?\}\}/g, '').replace(/\$\(\s*(?:pwd|date|whoami|nproc)\b[^)$`]*\)/g, '')
  if (/\$\(|`/.test(shell)) return false
  return variablesIn(shell).every(name => {
    const held = variables.get(name)
    return GIVEN.test(name) || (held !== undefined && !mayBeCode(held.control))
  })
}

/** `core.exportVariable` and `core.addPath` of something that the script did not write out itself. */
function exportedByScript(script: Located | undefined, scope: Scope): Written | undefined {
  const text = scalar(script) ?? ''
  for (const found of text.matchAll(/\bcore\.(exportVariable|addPath)\(([^\n]*)/g)) {
    const given = (found[2] ?? '').replace(/(["'])(?:(?!\1).)*\1/g, '')
    const isTheirs =
      /\bcontext\.payload\b|\bprocess\.env\b|\breadFile/.test(given) ||
      controlledBy(found[2] ?? '', scope).some(({ control }) => mayBeCode(control))
    if (isTheirs) return { line: lineAt(script!, found.index), file: found[1] === 'addPath' ? 'PATH' : 'ENV' }
  }
  return undefined
}

/** A program that opens the file, and writes there more than what stands in its own text. */
function writtenByProgram(run: Located): Written | undefined {
  const text = scalar(run) ?? ''
  const opened = /(?:environ|getenv|env)\b[^\n]{0,40}["'.]GITHUB_(ENV|PATH)\b/.exec(text)
  if (!opened) return undefined
  const read = text.replace(opened[0], '')
  if (!/\benviron\b|\bgetenv\b|\benv\b|\bopen\s*\(|\bread\w*\s*\(|\$\{\{/i.test(read)) return undefined
  return { line: lineAt(run, opened.index), file: opened[1]! }
}
