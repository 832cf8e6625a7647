import { type Expression, embeddedIn, parseExpression, partsOf } from '../expression.ts'
import { jobsOf, stepsOf, type Weakness } from '../weakness.ts'
import { PRIVILEGED_OUTSIDE_EVENTS } from '../workflow.ts'

export const workflowBotCondition: Weakness = {
  id: 'workflow-bot-condition',
  title: 'It lets a bot in by who acted last',
  severity: 'high',
  why: 'github.actor is whoever caused this event: a stranger’s pull request on which the bot acted last passes for the bot’s.',
  fix: 'Compare github.event.pull_request.user.login, and the repository that the branch is in.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  alias: 'bot-conditions',
  crossing: true,
  references: ['https://www.synacktiv.com/publications/github-actions-exploitation-dependabot'],
  *find(workflow) {
    if (![...workflow.triggers.keys()].some(event => PRIVILEGED_OUTSIDE_EVENTS.has(event))) return
    for (const job of jobsOf(workflow))
      if (asksActor(job.if))
        yield {
          line: job.line,
          certainty: 'conditional',
          why: `whether ${job.id} runs hangs on the last actor`,
          job,
        }
    for (const { job, step } of stepsOf(workflow))
      if (asksActor(step.if))
        yield {
          line: step.line,
          certainty: 'conditional',
          why: 'whether a step runs hangs on the last actor',
          job,
        }
  },
}

function asksActor(condition: string | undefined): boolean {
  if (condition === undefined) return false
  return expressionsOf(condition).some(
    part => part.is === 'binary' && part.operator === '==' && isActor(part.left, part.right),
  )
}

function isActor(...sides: readonly Expression[]): boolean {
  const actor = sides.some(
    side =>
      side.is === 'context' &&
      /^github\.(?:actor|triggering_actor|event\.sender\.login)$/.test(side.path.join('.')),
  )
  return actor && sides.some(side => side.is === 'literal' && String(side.value).endsWith('[bot]'))
}

/** A condition is an expression, with or without its marks. */
export function expressionsOf(condition: string): Expression[] {
  const embedded = embeddedIn(condition)
  const whole =
    embedded.length === 0 ? [parseExpression(condition)] : embedded.map(({ expression }) => expression)
  return whole.flatMap(expression => (expression ? partsOf(expression) : []))
}
