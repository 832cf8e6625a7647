import { lineAt, scalar } from '../../located.ts'
import { contextsIn } from '../expression.ts'
import { stepsOf, type Weakness } from '../weakness.ts'
import { PRIVILEGED_OUTSIDE_EVENTS } from '../workflow.ts'

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
      const run = scalar(step.run) ?? ''
      const at = WRITES.exec(run)
      if (!at || isConstant(run)) continue
      const line = lineAt(step.run!, at.index)
      yield {
        line,
        certainty: 'conditional',
        why: `started by ${event}, a step writes what it computed to GITHUB_${at[1]?.toUpperCase() ?? 'ENV'}`,
        job,
      }
    }
  },
}

/** Every line that writes there writes the same whatever the event is. */
function isConstant(run: string): boolean {
  const lines = run.split('\n').filter(line => WRITES.test(line))
  return lines.every(line => {
    const what = line.slice(0, line.search(WRITES))
    return (
      contextsIn(line).length <= (/\$\{\{/.test(what) ? 0 : 1) &&
      !/[$`]/.test(what.replace(/\$\{?(?:HOME|PWD|GITHUB_WORKSPACE|RUNNER_TEMP)\}?/g, ''))
    )
  })
}
