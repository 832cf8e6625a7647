import { embeddedIn, type Expression, parseExpression } from './expression.ts'
import { type Job, PRIVILEGED_OUTSIDE_EVENTS, type Step, type Workflow } from './workflow.ts'

/** Whom a condition lets in: only who may push here anyway, what one of them asked for, or anyone. */
export type LetIn = 'members' | 'asked' | 'anyone'

const THEIR_REPOSITORY =
  /^github\.event\.(?:pull_request\.head\.repo|workflow_run\.head_repository)\.(?:full_name|id|node_id|html_url|owner\.login)$/
const FORK =
  /^github\.event\.(?:pull_request\.head\.repo|workflow_run\.head_repository)\.fork$|^github\.event\.pull_request\.head\.repo\.private$/
const AUTHORS =
  /^github\.(?:event\.(?:pull_request|issue|discussion)\.(?:author_association|user\.login|user\.id))$/
const ASKERS =
  /^github\.(?:actor|triggering_actor|event\.(?:sender\.login|(?:comment|review)\.(?:author_association|user\.login)))$/
const LABELS = /^github\.event\.(?:label\b|pull_request\.labels)/
/** https://docs.github.com/en/graphql/reference/enums#commentauthorassociation: everybody else may be a stranger. */
const MEMBERS = new Set(['owner', 'member', 'collaborator'])

/** Whom a step lets in, by its own condition, its job's, and those of the jobs without which it does not start. */
export function letsIn(workflow: Workflow, job: Job, step?: Step): LetIn {
  return narrowest([...(step?.if === undefined ? [] : [of(step.if)]), jobsOf(workflow).letIn(job)])
}

const known = new WeakMap<Workflow, Jobs>()

function jobsOf(workflow: Workflow): Jobs {
  const jobs = known.get(workflow) ?? new Jobs(workflow)
  known.set(workflow, jobs)
  return jobs
}

/** Each job is asked about by every step of it and of those that need it. */
class Jobs {
  readonly #byId: ReadonlyMap<string, Job>
  readonly #letIn = new Map<Job, LetIn>()

  constructor({ jobs }: Workflow) {
    this.#byId = new Map(jobs.map(job => [job.id, job]))
  }

  /** A job starts when all that it needs have run, unless it says otherwise. */
  letIn(job: Job, depth = 0): LetIn {
    const before = this.#letIn.get(job)
    if (before !== undefined) return before
    const own = job.if === undefined ? 'anyone' : of(job.if)
    // In a circle of jobs none starts; until that is seen, each is asked for itself.
    this.#letIn.set(job, own)
    if (depth > MOST_DEPTH || /\b(?:always|failure|cancelled)\s*\(/.test(job.if ?? '')) return own
    const needed = job.needs.flatMap(id => this.#byId.get(id) ?? [])
    const found = narrowest([own, ...needed.map(one => this.letIn(one, depth + 1))])
    this.#letIn.set(job, found)
    return found
  }
}

const MOST_DEPTH = 1000

function of(condition: string): LetIn {
  const embedded = embeddedIn(condition)
  // Beside other text an expression decides nothing: such a condition always holds.
  const [only] = embedded
  if (only && (embedded.length > 1 || only.end - only.start !== condition.length)) return 'anyone'
  const expression = only ? only.expression : parseExpression(condition)
  return expression ? where(expression, true) : 'anyone'
}

/** Whom it lets in where the expression is this. */
function where(expression: Expression, is: boolean): LetIn {
  if (expression.is === 'not') return where(expression.of, !is)
  if (expression.is === 'context') return FORK.test(expression.path.join('.')) && !is ? 'members' : 'anyone'
  if (expression.is === 'call') return is ? ofCall(expression.name, expression.args) : 'anyone'
  if (expression.is !== 'binary') return 'anyone'
  const { operator, left, right } = expression
  if (operator === '&&' || operator === '||') {
    const sides = [where(left, is), where(right, is)]
    return (operator === '&&') === is ? narrowest(sides) : widest(sides)
  }
  if (operator === '==' || operator === '!=') {
    const [context, other] = left.is === 'context' ? [left, right] : [right, left]
    return context.is === 'context' ? compared(context.path, other, (operator === '==') === is) : 'anyone'
  }
  return 'anyone'
}

/** What is compared with what, and whether they are the same. */
function compared(path: readonly string[], other: Expression, same: boolean): LetIn {
  const context = path.join('.')
  const literal = other.is === 'literal' ? String(other.value).toLowerCase() : undefined
  const theirs = other.is === 'context' && THEIR_REPOSITORY.test(other.path.join('.'))
  if (THEIR_REPOSITORY.test(context) || theirs) return same ? 'members' : 'anyone'
  if (FORK.test(context)) return (literal === 'true') !== same ? 'members' : 'anyone'
  // A run of theirs was for a pull request, whatever ended it; a push of theirs was to their own repository.
  if (context === 'github.event.workflow_run.event' && literal !== undefined)
    return same === !literal.startsWith('pull_request') ? 'members' : 'anyone'
  if (context === 'github.event_name' && literal !== undefined)
    return same && !PRIVILEGED_OUTSIDE_EVENTS.has(literal) ? 'members' : 'anyone'
  if (!same || literal === undefined) return 'anyone'
  return named(context, [literal])
}

function ofCall(name: string, [list, one]: readonly Expression[]): LetIn {
  if (name !== 'contains' || !list || one?.is !== 'context') {
    const asked = [list, one].some(part => part?.is === 'context' && LABELS.test(part.path.join('.')))
    return name === 'contains' && asked ? 'asked' : 'anyone'
  }
  const [text] = list.is === 'call' && list.name === 'fromjson' ? list.args : []
  if (text?.is !== 'literal') return 'anyone'
  const names = [
    ...String(text.value)
      .toLowerCase()
      .matchAll(/"([^"]*)"/g),
  ].map(found => found[1]!)
  return names.length > 0 ? named(one.path.join('.'), names) : 'anyone'
}

/** One who is a member by name, or by what GitHub says of them. */
function named(context: string, names: readonly string[]): LetIn {
  const trusted = context.endsWith('author_association')
    ? names.every(one => MEMBERS.has(one))
    : names.every(one => one !== '' && (AUTHORS.test(context) || !one.includes('[bot]')))
  if (LABELS.test(context)) return 'asked'
  if (!trusted) return 'anyone'
  return AUTHORS.test(context) ? 'members' : ASKERS.test(context) ? 'asked' : 'anyone'
}

const ORDER: readonly LetIn[] = ['members', 'asked', 'anyone']

function narrowest(found: readonly LetIn[]): LetIn {
  return ORDER.find(one => found.includes(one)) ?? 'anyone'
}

function widest(found: readonly LetIn[]): LetIn {
  return ORDER.findLast(one => found.includes(one)) ?? 'anyone'
}
