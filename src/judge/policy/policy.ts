import { createHash } from 'node:crypto'
import type {
  CedarValueJson,
  DetailedError,
  EntityJson,
  EntityUidJson,
  PolicyToJsonAnswer,
  StatefulAuthorizationCall,
} from '@cedar-policy/cedar-wasm/nodejs'
import { canonicalJson } from '../../core/contract/canonical-json.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Ms } from '../../core/contract/ref.ts'

/** So many answers are remembered. */
const MOST_ANSWERS = 2048

/** Texts of policies by the names of their files. */
export type PolicyFiles = Readonly<Record<string, string>>

/** Everything that a decision is made from. The caller gives it: nothing is asked or read here. */
export interface PolicyRequest {
  /** A lease, unless it is said to be an exchange. */
  readonly action?: 'lease' | 'exchange'
  readonly workload: {
    readonly issuer: string
    readonly subject: string
    readonly claims: Readonly<Record<string, string>>
  }
  readonly lease: {
    readonly name: string
    readonly kind: 'credential' | 'token'
    readonly system?: string
    readonly identity?: string
    readonly class?: string
    readonly environment?: string
    readonly owner?: string
  }
  readonly context: {
    readonly now: Ms
    readonly ttlSeconds: number
    readonly scopes: readonly string[]
    readonly task?: string
    readonly held: boolean
    readonly findings: readonly string[]
    /** Who acts for the workload. */
    readonly actor?: { readonly issuer: string; readonly subject: string }
  }
}

export interface PolicyDecision {
  readonly allowed: boolean
  /** The policies that decided, by id; none where nothing permits it. */
  readonly policies: readonly string[]
  /** A sentence. */
  readonly why: string
  /** Whether a person has to approve first: every policy that permits it says so, by `@approval`. */
  readonly approval?: true
  /** Of the policies, as `Policies` has it. */
  readonly version: string
}

/** Policies that parse and fit the schema, ready to decide by. */
export interface Policies {
  /** SHA-256 of the schema and the texts: two that are equal decide alike. */
  readonly version: string
  readonly files: PolicyFiles
  readonly count: number
  decide(request: PolicyRequest): PolicyDecision
}

/**
 * Compiles Cedar policies. Raises INVALID_CONFIG, naming file and line, where one does not parse or speaks of what the
 * schema does not have. A policy's id is its `@id`, else its file and its number in there.
 */
export async function compilePolicies(schema: string, files: PolicyFiles): Promise<Policies> {
  const cedar = await import('@cedar-policy/cedar-wasm/nodejs')
  const version = createHash('sha256').update(canonicalJson({ schema, files })).digest('hex').slice(0, 16)
  const texts: Record<string, string> = {}
  for (const [file, text] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const parts = cedar.policySetTextToParts(text)
    if (parts.type === 'failure') throw unusable(file, text, parts.errors)
    if (parts.policy_templates.length > 0)
      throw new FirebreakError('INVALID_CONFIG', `${file}: it holds a template, which nothing is linked to`)
    for (const [index, part] of parts.policies.entries()) {
      const id = /@id\("([^"\\]+)"\)/.exec(part)?.[1] ?? `${file}#${index + 1}`
      if (texts[id] !== undefined)
        throw new FirebreakError('INVALID_CONFIG', `${file}: there are two policies with the id ${id}`)
      const checked = cedar.validate({ schema, policies: { staticPolicies: { [id]: part } } })
      if (checked.type === 'failure') throw unusable(file, part, checked.errors)
      const [wrong] = checked.validationErrors
      if (wrong) throw unusable(file, part, [wrong.error])
      texts[id] = part
    }
  }
  const set = cedar.preparsePolicySet(version, { staticPolicies: texts })
  if (set.type === 'failure') throw unusable('the policies', '', set.errors)
  const scopes = Object.entries(texts).map(([id, text]) => ({ id, ...scopeOf(cedar.policyToJson(text)) }))
  const needingApproval = new Set(scopes.flatMap(({ id, approval }) => (approval ? [id] : [])))
  const named = new Set(scopes.flatMap(({ resource }) => (resource === undefined ? [] : [resource])))
  const slices = new Map<string, Slice>()
  /**
   * The policies whose scope can hold of such a request, as a set of its own: the others decide nothing and need not be tried.
   * There are as many sets as actions and leases that policies name.
   */
  const sliceOf = (action: string, lease: string): Slice => {
    const key = `${version} ${action} ${named.has(lease) ? lease : ''}`
    const known = slices.get(key)
    if (known !== undefined) return known
    const fitting = scopes.filter(
      scope =>
        (scope.action === undefined || scope.action === action) &&
        (scope.resource === undefined || scope.resource === lease),
    )
    const staticPolicies = Object.fromEntries(fitting.map(({ id }) => [id, texts[id]!]))
    const parsed = cedar.preparsePolicySet(key, { staticPolicies })
    if (parsed.type === 'failure') throw unusable('the policies', '', parsed.errors)
    const slice = { id: key, ...readBy(Object.values(staticPolicies)) }
    slices.set(key, slice)
    return slice
  }

  const decide = ({ id }: Slice, request: PolicyRequest): PolicyDecision => {
    const answer = cedar.statefulIsAuthorized(callOf(id, request))
    // An answer that is none permits nothing.
    if (answer.type === 'failure')
      return { allowed: false, policies: [], why: sentence(answer.errors), version }
    const { decision, diagnostics } = answer.response
    const allowed = decision === 'allow' && diagnostics.errors.length === 0
    const policies = [...diagnostics.reason].sort()
    const why = reasonOf(allowed, policies, diagnostics.errors)
    return {
      allowed,
      policies,
      why,
      ...(allowed && policies.every(id => needingApproval.has(id)) && { approval: true }),
      version,
    }
  }
  const answers = new Map<string, PolicyDecision>()
  return {
    version,
    files,
    count: Object.keys(texts).length,
    decide(request) {
      const slice = sliceOf(request.action ?? 'lease', request.lease.name)
      if (slice.now) return decide(slice, request)
      // The same question has the same answer: what no policy of these asks for makes it no other.
      const { ttlSeconds } = request.context
      const context = { ...request.context, now: 0, ttlSeconds: slice.ttlSeconds ? ttlSeconds : 0 }
      const key = JSON.stringify({ ...request, context })
      const known = answers.get(key)
      if (known) return known
      const answer = decide(slice, request)
      const [oldest] = answers.keys()
      if (answers.size >= MOST_ANSWERS && oldest !== undefined) answers.delete(oldest)
      answers.set(key, answer)
      return answer
    },
  }
}

/** Policies that can hold of a request, and what of the context they may ask for that is other from one moment to the next. */
interface Slice {
  readonly id: string
  readonly now: boolean
  readonly ttlSeconds: boolean
}

/** By their texts: where the context is taken whole, or something may be written in another way, everything may be read. */
function readBy(texts: readonly string[]): Omit<Slice, 'id'> {
  const text = texts.join('\n')
  const anything = /\\|\bcontext\b(?!\s*(?:\.|\[|has\b))/.test(text)
  return { now: anything || /\bnow\b/.test(text), ttlSeconds: anything || /\bttlSeconds\b/.test(text) }
}

/** The one action and the one lease that a policy's scope names, whatever else it says there may hold of any; and its obligation. */
function scopeOf(answer: PolicyToJsonAnswer): {
  action?: string
  resource?: string
  approval?: boolean
} {
  if (answer.type === 'failure') return {}
  const { action, resource, annotations } = answer.json
  return {
    approval: annotations !== undefined && 'approval' in annotations,
    ...(action.op === '==' && 'entity' in action && { action: idOf(action.entity) }),
    ...(resource.op === '==' && 'entity' in resource && { resource: idOf(resource.entity) }),
  }
}

function idOf(entity: EntityUidJson): string {
  return '__entity' in entity ? entity.__entity.id : entity.id
}

function reasonOf(
  allowed: boolean,
  policies: readonly string[],
  errors: readonly { policyId: string; error: DetailedError }[],
): string {
  const [failed] = errors
  if (failed) return `the policy ${failed.policyId} cannot be told: ${failed.error.message}`
  if (allowed) return `permitted by ${policies.join(', ')}`
  return policies.length > 0 ? `forbidden by ${policies.join(', ')}` : 'no policy permits it'
}

function callOf(slice: string, request: PolicyRequest): StatefulAuthorizationCall {
  const { action = 'lease', workload, lease, context } = request
  const principal = { type: 'Workload', id: `${workload.issuer} ${workload.subject}` }
  const resource = { type: 'Lease', id: lease.name }
  const entities: EntityJson[] = [
    {
      uid: principal,
      attrs: { issuer: workload.issuer, subject: workload.subject },
      parents: [],
      tags: { ...workload.claims },
    },
    { uid: resource, attrs: present({ ...lease }), parents: [] },
  ]
  const { now, task, ttlSeconds, scopes, held, findings, actor } = context
  return {
    principal,
    resource,
    action: { type: 'Action', id: action },
    context: present({
      now: { __extn: { fn: 'datetime', arg: new Date(now).toISOString() } },
      ttlSeconds,
      scopes: [...scopes],
      task,
      held,
      findings: [...findings],
      actor: actor && { ...actor },
    }),
    entities,
    preparsedPolicySetId: slice,
    // What the policies speak of was checked when they were compiled, and a request is made here, of what its type says.
    validateRequest: false,
  }
}

function present(attributes: Record<string, CedarValueJson | undefined>): Record<string, CedarValueJson> {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

function unusable(file: string, text: string, errors: readonly DetailedError[]): FirebreakError {
  const start = errors[0]?.sourceLocations?.[0]?.start
  const line = start === undefined ? '' : ` line ${text.slice(0, start).split('\n').length}`
  return new FirebreakError(
    'INVALID_CONFIG',
    `${file}${line}: ${sentence(errors)}`,
    'firebreak policy test says so before it comes into force',
  )
}

function sentence(errors: readonly DetailedError[]): string {
  return errors
    .map(error => [error.message, error.sourceLocations?.[0]?.label, error.help].filter(Boolean).join('; '))
    .join('. ')
}
