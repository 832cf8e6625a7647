import { scalar } from '../../located.ts'
import { contextsIn } from '../expression.ts'
import { jobsOf, type Weakness } from '../weakness.ts'
import type { Job, Workflow } from '../workflow.ts'
import { expressionsOf } from './workflow-bot-condition.ts'

const EVENTS = ['issue_comment', 'pull_request_review_comment', 'discussion_comment', 'pull_request_review']
const SAID = /^github\.event\.(?:comment|review)\.body$/
/** Who said it, as the event tells it. */
const SPEAKER =
  /^github\.(?:actor|actor_id|triggering_actor|event\.(?:sender\.(?:login|id)|(?:comment|review)\.(?:author_association|user\.(?:login|id))))$/
/** What a script or an action asks GitHub of the speaker's rights. */
const ASKS =
  /collaborators\/|getCollaboratorPermissionLevel|author_association|memberships\/|getMembershipForUserInOrg/i
const ASKING =
  /^(?:github\/command|peter-evans\/slash-command-dispatch|xt0rted\/slash-command-action|.*\/.*(?:permission|collaborator|membership|authori[sz]).*)$/

export const workflowCommentCommand: Weakness = {
  id: 'workflow-comment-command',
  title: 'Whoever may comment gives it commands',
  severity: 'high',
  why: 'In a public repository everybody may comment: a stranger starts what was meant for those who maintain it.',
  fix: 'Ask for github.event.comment.author_association (OWNER, MEMBER, COLLABORATOR) in the condition.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  references: [
    'https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#issue_comment',
  ],
  *find(workflow) {
    const event = EVENTS.find(name => workflow.triggers.has(name))
    if (event === undefined || [...jobsOf(workflow)].some(job => asks(job))) return
    for (const job of jobsOf(workflow)) {
      if (!isCommanded(job) || !isTrusted(workflow, job)) continue
      yield {
        line: job.line,
        certainty: 'conditional',
        why: `${event} starts ${job.id}, whoever commented`,
        job,
      }
    }
  },
}

const conditionsOf = (job: Job) =>
  [job.if, ...job.steps.map(step => step.if)].filter(one => one !== undefined)

function pathsIn(condition: string): string[] {
  return expressionsOf(condition).flatMap(part => (part.is === 'context' ? [part.path.join('.')] : []))
}

/** A comment's text decides whether it, or one of its steps, runs. */
function isCommanded(job: Job): boolean {
  return (
    conditionsOf(job).some(condition => pathsIn(condition).some(path => SAID.test(path))) ||
    job.steps.some(({ uses }) => uses?.action === 'khan/pull-request-comment-trigger')
  )
}

/** Somewhere it is asked who the speaker is: a job before it may be the one that asks. */
function asks(job: Job): boolean {
  return (
    conditionsOf(job).some(condition => pathsIn(condition).some(path => SPEAKER.test(path))) ||
    job.steps.some(
      ({ uses, run, with: inputs }) =>
        ASKING.test(uses?.action ?? '') ||
        ASKS.test(`${scalar(run) ?? ''}\n${scalar(inputs.get('script')) ?? ''}`),
    )
  )
}

/** It has what a stranger should not start: a secret, or a token that may write. */
function isTrusted(workflow: Workflow, job: Job): boolean {
  const permissions = job.permissions ?? workflow.permissions
  const writes = permissions === undefined || /write/.test(JSON.stringify([...scalarsIn(permissions)]))
  const texts = job.steps.flatMap(({ env, with: inputs, run }) =>
    [...env.values(), ...inputs.values(), ...(run ? [run] : [])].map(one => scalar(one) ?? ''),
  )
  const secret = [...texts, ...[...job.env.values()].map(one => scalar(one) ?? '')].some(text =>
    contextsIn(text).some(([root]) => root === 'secrets'),
  )
  return writes || secret || job.uses !== undefined
}

function* scalarsIn(node: NonNullable<Job['permissions']>): Generator<string> {
  if (node.value instanceof Map) for (const inner of node.value.values()) yield scalar(inner) ?? ''
  else yield scalar(node) ?? ''
}
