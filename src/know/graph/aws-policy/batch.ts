import { z } from 'zod'
import { Context } from './context.ts'
import { evaluate, type OrganizationLevel, type Question } from './evaluate.ts'
import { type Policy, readPolicy } from './policy.ts'
import { readPrincipal } from './principal.ts'
import { requestKeys } from './request-keys.ts'

/** A policy document, or one with a name: `{ name, policy }`. */
const policy = z.unknown()
const policies = listOf(policy)
const levels = listOf(z.looseObject({ orgIdentifier: z.string().default(''), policies: policies.nullish() }))
const idSchema = z.union([z.string(), z.number()])
const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String)
const principalOrArn = z.union([z.string(), z.looseObject({ arn: z.string() }).transform(({ arn }) => arn)])

/** As in a policy, a list of one may be that one itself. */
function listOf<T extends z.ZodType>(one: T) {
  const isOne = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  return z.preprocess(value => (isOne(value) ? [value] : value), z.array(one))
}

/** One line of `firebreak can --batch`: everything but the request is optional. */
export const batchLineSchema = z.looseObject({
  id: idSchema.nullish(),
  identityPolicies: policies.nullish(),
  resourcePolicy: policy.optional(),
  permissionBoundaries: policies.nullish(),
  serviceControlPolicies: levels.nullish(),
  resourceControlPolicies: levels.nullish(),
  endpointPolicies: policies.nullish(),
  sessionPolicy: policy.optional(),
  request: z.looseObject({
    principal: principalOrArn,
    action: z.string(),
    resource: z.union([
      z.string().transform(resource => ({ resource, accountId: undefined })),
      z.looseObject({ resource: z.string(), accountId: idSchema.nullish() }),
    ]),
    context: z.record(z.string(), z.union([scalar, z.array(scalar)]).nullable()).nullish(),
  }),
})

const identifiedSchema = z.looseObject({ id: idSchema })

/** The three answers that AWS gives. What cannot be decided is not allowed. */
export interface BatchAnswer {
  readonly id: string | number | null
  readonly verdict: 'Allowed' | 'ImplicitlyDenied' | 'ExplicitlyDenied'
  readonly because: string
}

/** A line that could not be read is no verdict. */
export interface BatchFailure {
  readonly id: string | number | null
  readonly error: string
}

/**
 * One question as a line of JSON says it. Its context is all that there is, but for what follows from its principal and
 * resource; a key that is null there is absent.
 */
export function answerLine(line: string): BatchAnswer | BatchFailure {
  let parsed: unknown
  try {
    // Some editors begin a file with a mark.
    parsed = JSON.parse(line.replace(/^\uFEFF/, ''))
  } catch {
    return { id: null, error: 'it is no JSON' }
  }
  const read = batchLineSchema.safeParse(parsed)
  if (!read.success) {
    const [issue] = read.error.issues
    const where = issue!.path.join('.')
    return {
      id: identifiedSchema.safeParse(parsed).data?.id ?? null,
      error: where ? `${where}: ${issue!.message}` : issue!.message,
    }
  }
  const { verdict, because } = evaluate(questionOf(read.data))
  const id = read.data.id ?? null
  if (verdict !== 'Conditional') return { id, verdict, because }
  return { id, verdict: 'ImplicitlyDenied', because: `cannot be decided: ${because}` }
}

function questionOf(line: z.infer<typeof batchLineSchema>): Question {
  const { principal, action, context } = line.request
  const { resource: arn, accountId } = line.request.resource
  const resource = { arn, account: accountId == null || accountId === '' ? undefined : String(accountId) }
  return {
    principal,
    action,
    resource,
    context: new Context(
      { ...requestKeys(readPrincipal(principal), resource), ...context },
      { complete: true },
    ),
    identityPolicies: allOf(line.identityPolicies, 'identity policy') ?? [],
    resourcePolicy: oneOf(line.resourcePolicy, 'resource policy'),
    permissionBoundaries: allOf(line.permissionBoundaries, 'permission boundary'),
    serviceControlPolicies: levelsOf(line.serviceControlPolicies),
    resourceControlPolicies: levelsOf(line.resourceControlPolicies),
    endpointPolicies: allOf(line.endpointPolicies, 'endpoint policy'),
    sessionPolicy: oneOf(line.sessionPolicy, 'session policy'),
  }
}

/** No list and an empty one are the same: there are no such policies. */
function allOf(given: unknown[] | null | undefined, name: string): Policy[] | undefined {
  if (!given || given.length === 0) return undefined
  return given.map((one, index) => readOne(one, `${name} ${index + 1}`))
}

function oneOf(given: unknown, name: string): Policy | undefined {
  return given === undefined || given === null ? undefined : readOne(given, name)
}

const wrappedSchema = z.looseObject({ policy: z.unknown(), name: z.string().optional() })

/** Lines of one file share most of their policies. AWS takes none that is longer. */
const MOST_KEPT = 4096
const LONGEST_KEPT = 20_480
const kept = new Map<string, Policy>()

function readOne(given: unknown, name: string): Policy {
  const key = `${name}\n${textOf(given)}`
  const known = kept.get(key)
  if (known) return known
  const wrapped = wrappedSchema.safeParse(given)
  const policy =
    wrapped.success && wrapped.data.policy !== undefined && !('Statement' in wrapped.data)
      ? readPolicy(wrapped.data.policy, wrapped.data.name ?? name)
      : readPolicy(given, name)
  if (key.length > LONGEST_KEPT) return policy
  if (kept.size >= MOST_KEPT) kept.clear()
  kept.set(key, policy)
  return policy
}

/** What lies deeper within itself than can be written is broken however it goes on. */
function textOf(given: unknown): string {
  try {
    return JSON.stringify(given)
  } catch {
    return ' '.repeat(LONGEST_KEPT)
  }
}

function levelsOf(given: z.infer<typeof levels> | null | undefined): OrganizationLevel[] | undefined {
  return given?.map(({ orgIdentifier, policies }) => ({
    orgIdentifier,
    policies: (policies ?? []).map((one, index) => readOne(one, `${orgIdentifier} policy ${index + 1}`)),
  }))
}
