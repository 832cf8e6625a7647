import { items, member, scalar } from '../../located.ts'
import { variablesIn } from '../../pipeline/command.ts'
import { envValue } from '../control.ts'
import { contextsIn, embeddedIn, partsOf } from '../expression.ts'
import { letsIn } from '../guard.ts'
import { stepsOf, type Weakness } from '../weakness.ts'
import { type Job, PRIVILEGED_OUTSIDE_EVENTS, type Step, type Workflow } from '../workflow.ts'

/** What names the code of whoever caused the event. */
const THEIRS =
  /^github\.(?:head_ref|event\.(?:pull_request\.(?:head\.(?:ref|sha|repo\..*)|number|merge_commit_sha)|number|issue\.number|workflow_run\.(?:head_sha|head_branch|head_commit\.id|head_repository\..*|pull_requests\.\*\.head\..*|pull_requests\.\*\.number)))$/

/** An earlier step or job that looked up the pull request's head, as outputs for that are called. */
const BY_A_STEP =
  /^(?:steps|needs)\.[^.]+\.outputs\.(?:.*(?:^|[_-])?(?:head|pr|pull|fork)[_-]?(?:request[_-]?)?(?:ref|sha|branch|repo|repository|commit|head).*|(?:sha|ref|branch)_?(?:head|pr))$/

/** A member of what a step looked up: `fromJSON(steps.a.outputs.result).head.sha`. */
const OF_A_REQUEST =
  /^(?:steps|needs)\.[^.]+\.outputs\..*\.head\.(?:sha|ref|repo\..*)$|^(?:steps|needs)\.[^.]+\.outputs\..*\.head(?:ref|sha|refoid|refname)$/

const GETS = /\bgit\s+(?:clone|fetch|checkout|switch|pull|merge|remote\s+add|submodule\s+add)\b[^\n;|&]*/g

const FETCHES =
  /\b(?:gh|hub)\s+pr\s+checkout\b|\b(?:gh\s+pr\s+diff\b|(?:curl|wget|gh\s+api)\b[^\n]*(?:patch_url|diff_url|\.(?:patch|diff)\b))[^\n]*\|\s*(?:git\s+(?:apply|am)|patch)\b|\bgit\s+(?:fetch|checkout|switch|pull|merge)\b[^\n]*(?:refs\/pull\/|pull\/\$|head_ref|HEAD_REF|HEAD_SHA|head\.sha|head\.ref)/

export const workflowUntrustedCheckout: Weakness = {
  id: 'workflow-untrusted-checkout',
  title: 'It fetches the code of a stranger where secrets are',
  severity: 'critical',
  why: 'What that code runs in its build, its tests or its hooks has the job’s token and every secret of the job.',
  fix: 'Build pull requests on pull_request, which has no secrets; hand results to a second workflow as data.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  alias: 'dangerous-triggers',
  crossing: true,
  references: [
    'https://securitylab.github.com/resources/github-actions-preventing-pwn-requests/',
    'https://docs.github.com/en/actions/reference/security/secure-use',
  ],
  *find(workflow) {
    for (const { event, job, step, fetch } of strangersCode(workflow))
      if (!fetch.approved)
        yield { line: step.line, certainty: 'conditional', why: `started by ${event}, it ${fetch.how}`, job }
  },
}

interface Fetch {
  readonly how: string
  /** It may be other code than what was there when the event happened. */
  readonly mutable: boolean
  /** Someone of the repository let it, by a label or a comment. */
  readonly approved: boolean
  /** That label lets in what is pushed after it, too. */
  readonly lasting: boolean
}

/** Each step that brings code from outside into a job that has the repository’s rights. */
export function* strangersCode(
  workflow: Workflow,
): Generator<{ event: string; job: Job; step: Step; fetch: Fetch }> {
  const event = [...workflow.triggers.keys()].find(name => PRIVILEGED_OUTSIDE_EVENTS.has(name))
  if (event === undefined) return
  for (const { job, step } of stepsOf(workflow)) {
    const found = letsIn(workflow, job, step) === 'members' ? undefined : fetches(workflow, job, step)
    if (found)
      yield {
        event,
        job,
        step,
        fetch: {
          ...found,
          approved: isApproved(workflow, job, step),
          lasting: isLasting(workflow, job, step),
        },
      }
  }
}

function isApproved(workflow: Workflow, job: Job, step: Step): boolean {
  if (letsIn(workflow, job, step) === 'asked') return true
  const types = items(member(workflow.triggers.get('pull_request_target'), 'types')).map(scalar)
  return types.length > 0 && types.every(type => type === 'labeled')
}

/** A label on the pull request stays when commits are added to it, and these start the workflow, too. */
function isLasting(workflow: Workflow, job: Job, step: Step): boolean {
  const asked = [job.if, step.if].some(condition => /pull_request\.labels\b/.test(condition ?? ''))
  const types = items(member(workflow.triggers.get('pull_request_target'), 'types')).map(scalar)
  return (
    asked &&
    workflow.triggers.has('pull_request_target') &&
    (types.length === 0 || types.some(type => ['synchronize', 'edited', 'reopened'].includes(type ?? '')))
  )
}

function fetches(workflow: Workflow, job: Job, step: Step): Omit<Fetch, 'approved' | 'lasting'> | undefined {
  const meant = (path: readonly string[]) => {
    const held =
      path[0] === 'env' ? envValue({ workflow, job, step }, path[1]?.toLowerCase() ?? '') : undefined
    const text = scalar(held?.value)
    return text === undefined ? [path] : contextsIn(text)
  }
  if (step.uses?.action === 'actions/checkout')
    for (const input of ['ref', 'repository']) {
      const text = scalar(step.with.get(input)) ?? ''
      const theirs = [...contextsIn(text).flatMap(meant), ...membersIn(text)]
        .map(path => path.join('.'))
        .filter(path => THEIRS.test(path) || BY_A_STEP.test(path) || OF_A_REQUEST.test(path))
      if (/refs\/pull\//.test(text) || theirs.length > 0)
        return {
          how: 'checks out what a stranger proposes',
          mutable: !theirs.some(path => /\.(?:head\.sha|head_sha)$/.test(path)),
        }
    }
  const run = scalar(step.run)
  if (run === undefined) return undefined
  const byVariable = [...run.matchAll(GETS)].some(([command]) =>
    [...variablesIn(command).map(name => ['env', name]), ...contextsIn(command)].some(named =>
      meant(named).some(path => THEIRS.test(path.join('.'))),
    ),
  )
  if (FETCHES.test(run) || byVariable)
    return { how: 'fetches what a stranger proposes', mutable: !/sha/i.test(run) }
  return undefined
}

/** What is taken out of what a function gives. */
function membersIn(text: string): (readonly string[])[] {
  return embeddedIn(text).flatMap(({ expression }) =>
    (expression ? partsOf(expression) : []).flatMap(part =>
      part.is === 'member'
        ? partsOf(part.of).flatMap(of => (of.is === 'context' ? [[...of.path, ...part.path]] : []))
        : [],
    ),
  )
}
