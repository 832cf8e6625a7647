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
    part =>
      (part.is === 'binary' && part.operator === '==' && isBotByActor(part.left, part.right)) ||
      (part.is === 'call' && ASKS_TEXT.has(part.name) && isBotByActor(...part.args)),
  )
}

const ASKS_TEXT = new Set(['contains', 'startswith', 'endswith'])
/** Of Dependabot, Renovate and GitHub Actions, as https://api.github.com/users/dependabot[bot] tells. */
const BOT_IDS = new Set(['49699333', '29139614', '41898282'])

function isBotByActor(...sides: readonly Expression[]): boolean {
  const actor = sides.some(
    side =>
      side.is === 'context' &&
      /^github\.(?:actor|actor_id|triggering_actor|event\.sender\.(?:login|id))$/.test(side.path.join('.')),
  )
  const literals = sides.flatMap(partsOf).flatMap(part => (part.is === 'literal' ? [String(part.value)] : []))
  return (
    actor &&
    literals.some(
      text => text.includes('[bot]') || BOT_IDS.has(text) || /^(?:dependabot|renovate)\b/i.test(text),
    )
  )
}

/** A condition is an expression, with or without its marks. */
export function expressionsOf(condition: string): Expression[] {
  const embedded = embeddedIn(condition)
  const whole =
    embedded.length === 0 ? [parseExpression(condition)] : embedded.map(({ expression }) => expression)
  return whole.flatMap(expression => (expression ? partsOf(expression) : []))
}
