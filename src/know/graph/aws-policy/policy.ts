import { z } from 'zod'
import { type Token, tokens } from './wildcard.ts'

/** What AWS accepts as one value or a list of them. */
const list = z.union([z.string(), z.array(z.string())]).transform(value => [value].flat())
const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String)
const scalars = z.union([scalar, z.array(scalar)]).transform(value => [value].flat())
const principal = z.union([
  z.string().transform(value => ({ AWS: [value] }) as Record<string, string[]>),
  z.record(z.string(), list),
])

const statementSchema = z
  .looseObject({
    Sid: z.string().optional(),
    Effect: z.enum(['Allow', 'Deny']),
    Principal: principal.optional(),
    NotPrincipal: principal.optional(),
    Action: list.optional(),
    NotAction: list.optional(),
    Resource: list.optional(),
    NotResource: list.optional(),
    Condition: z.record(z.string(), z.record(z.string(), scalars)).optional(),
  })
  .superRefine((statement, context) => {
    for (const [one, other] of [
      ['Action', 'NotAction'],
      ['Resource', 'NotResource'],
      ['Principal', 'NotPrincipal'],
    ] as const)
      if (statement[one] && statement[other])
        context.addIssue({ code: 'custom', message: `has both ${one} and ${other}` })
    if (!statement.Action && !statement.NotAction)
      context.addIssue({ code: 'custom', message: 'has neither Action nor NotAction' })
  })

/** Patterns of which one must fit, or, with `not`, none may. */
export interface Patterns {
  readonly not: boolean
  readonly patterns: readonly string[]
}

/** Principals by type (`AWS`, `Service`, `Federated`, `CanonicalUser`); a bare `"*"` is one of AWS. */
export interface Principals {
  readonly not: boolean
  readonly byType: Readonly<Record<string, readonly string[]>>
}

/** `operator` as written, `values` of which one must hold (or none, where the operator negates). */
export interface Condition {
  readonly operator: string
  readonly key: string
  readonly values: readonly string[]
}

/** A statement read. `broken` says why it could not be: then nothing is known but the effect, if that. */
export interface Statement {
  /** `Sid`, else its place in the document: `statement 2`. */
  readonly name: string
  readonly effect: 'Allow' | 'Deny' | 'unknown'
  readonly actions: Patterns & { readonly tokens: readonly (readonly Token[])[] }
  readonly resources: Patterns | undefined
  readonly principals: Principals | undefined
  readonly conditions: readonly Condition[]
  readonly broken?: string
}

/**
 * An IAM policy document. Variables (`${aws:username}`) are replaced only where `variables`, that is in version
 * 2012-10-17: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
 */
export interface Policy {
  readonly name: string
  readonly variables: boolean
  readonly statements: readonly Statement[]
}

const documentSchema = z.looseObject({
  Version: z.string().optional(),
  Statement: z.union([z.array(z.unknown()), z.unknown().transform(one => [one])]).optional(),
})

/**
 * Reads a policy document: parsed JSON, or its text, also percent-encoded as IAM's API gives it, or null where it
 * is attached but not given; `name` is then its ARN, by which the few are known that say the same for years. Never raises: what
 * cannot be read becomes a statement that says why, because a broken part might have denied.
 */
export function readPolicy(document: unknown, name: string): Policy {
  if (document === null) {
    const known = WELL_KNOWN.get(/^arn:[^:]*:iam::aws:policy\/(\w+)$/.exec(name)?.[1] ?? '')
    return known ? readPolicy(known, name) : { name, variables: false, statements: [notGiven(name)] }
  }
  const parsed = typeof document === 'string' ? parseText(document) : document
  const read = documentSchema.safeParse(parsed)
  if (!read.success) return { name, variables: false, statements: [broken('document', 'it is no policy')] }
  const statements = read.data.Statement ?? []
  return {
    name,
    variables: read.data.Version === '2012-10-17',
    statements: statements.map((statement, index) => readStatement(statement, index)),
  }
}

function readStatement(raw: unknown, index: number): Statement {
  const place = `statement ${index + 1}`
  const read = statementSchema.safeParse(raw)
  if (!read.success) {
    const issue = read.error.issues[0]!
    return broken(place, [issue.path.join('.'), issue.message].filter(Boolean).join(' '), effectOf(raw))
  }
  const { data } = read
  return {
    name: data.Sid || place,
    effect: data.Effect,
    actions: actionPatterns(patterns(data.Action, data.NotAction)!),
    resources: patterns(data.Resource, data.NotResource),
    principals: principals(data.Principal, false) ?? principals(data.NotPrincipal, true),
    conditions: Object.entries(data.Condition ?? {}).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, values]) => ({ operator, key, values })),
    ),
  }
}

const effectSchema = z.looseObject({ Effect: z.enum(['Allow', 'Deny']) })

/** What a statement that cannot be read would do, if it says so much. */
function effectOf(raw: unknown): Statement['effect'] {
  return effectSchema.safeParse(raw).data?.Effect ?? 'unknown'
}

/** Policies that AWS keeps for everyone: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html */
const WELL_KNOWN: ReadonlyMap<string, object> = new Map([
  ['AdministratorAccess', allowing({ Action: '*' })],
  ['IAMFullAccess', allowing({ Action: 'iam:*' })],
  // What it allows of these services beside is added to from time to time, and changes nothing.
  ['PowerUserAccess', allowing({ NotAction: ['iam:*', 'organizations:*', 'account:*'] })],
])

function allowing(actions: object): object {
  return { Version: '2012-10-17', Statement: { Effect: 'Allow', ...actions, Resource: '*' } }
}

/** The others only allow, but for a few whose names say what they deny. */
function notGiven(name: string): Statement {
  const onlyAllows = /^arn:[^:]*:iam::aws:policy\//.test(name) && !/deny|quarantine/i.test(name)
  return broken('document', 'it is not given', onlyAllows ? 'Allow' : 'unknown')
}

function broken(name: string, why: string, effect: Statement['effect'] = 'unknown'): Statement {
  return {
    name,
    effect,
    actions: actionPatterns({ not: false, patterns: [] }),
    resources: undefined,
    principals: undefined,
    conditions: [],
    broken: why,
  }
}

/** Actions are compared without regard to case, and often: their patterns are read once. */
function actionPatterns(patterns: Patterns): Statement['actions'] {
  return { ...patterns, tokens: patterns.patterns.map(pattern => tokens(pattern.toLowerCase())) }
}

function patterns(named: string[] | undefined, but: string[] | undefined): Patterns | undefined {
  if (named) return { not: false, patterns: named }
  return but && { not: true, patterns: but }
}

function principals(named: Record<string, string[]> | undefined, not: boolean): Principals | undefined {
  return named && { not, byType: named }
}

function parseText(text: string): unknown {
  for (const candidate of [text, decoded(text)]) {
    try {
      return JSON.parse(candidate ?? '')
    } catch {
      // The other form, or none.
    }
  }
  return undefined
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
