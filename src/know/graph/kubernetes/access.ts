import { z } from 'zod'

const texts = z.array(z.string())

/** As the reader of manifests says a role or a binding: see know/readers/kubernetes/access-rules.ts. */
const ruleSchema = z.object({ verbs: texts, apiGroups: texts, resources: texts, resourceNames: texts })
const roleSchema = z.object({
  kind: z.enum(['role', 'clusterrole']),
  namespace: z.string().nullable(),
  name: z.string(),
  rules: z.array(ruleSchema),
  labels: z.record(z.string(), z.string()).default({}),
  aggregates: z.array(
    z.object({
      labels: z.record(z.string(), z.string()),
      expressions: z.array(z.object({ key: z.string(), operator: z.string(), values: texts })),
    }),
  ),
})
const bindingSchema = z.object({
  kind: z.enum(['rolebinding', 'clusterrolebinding']),
  namespace: z.string().nullable(),
  name: z.string(),
  role: z.object({ kind: z.string(), name: z.string() }),
  subjects: z.array(
    z.object({
      kind: z.enum(['serviceaccount', 'user', 'group']),
      namespace: z.string().nullable(),
      name: z.string(),
    }),
  ),
})
export const accessSchema = z.union([roleSchema, bindingSchema])

export type AccessRule = z.infer<typeof ruleSchema>
export type Role = z.infer<typeof roleSchema>
export type Binding = z.infer<typeof bindingSchema>
export type Subject = Binding['subjects'][number]

/** Something that is asked for: `create pods/exec`, of a group of the API, where that is not the core. */
export interface Request {
  readonly verb: string
  readonly resource: string
  readonly subresource: string | undefined
  readonly group: string
}

/**
 * The names to which the rules let it be done: `all`, or only some; none where it is not allowed. What is made has no name yet when it is
 * decided, so that a rule with names never lets anything be made.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
 */
export function namesAllowed(rules: readonly AccessRule[], request: Request): 'all' | ReadonlySet<string> {
  const names = new Set<string>()
  for (const rule of rules) {
    if (!allows(rule, request)) continue
    if (rule.resourceNames.length === 0) return 'all'
    const isMade = request.verb === 'create' && request.subresource === undefined
    if (!isMade) for (const name of rule.resourceNames) names.add(name)
  }
  return names
}

function allows(rule: AccessRule, { verb, resource, subresource, group }: Request): boolean {
  const whole = subresource === undefined ? resource : `${resource}/${subresource}`
  const isNamed = (all: readonly string[], name: string) => all.includes('*') || all.includes(name)
  return (
    isNamed(rule.verbs, verb) &&
    isNamed(rule.apiGroups, group) &&
    (isNamed(rule.resources, whole) ||
      (subresource !== undefined && rule.resources.includes(`*/${subresource}`)))
  )
}

/** It lets everything be done. */
export function isEverything(rules: readonly AccessRule[]): boolean {
  return namesAllowed(rules, { verb: '*', resource: '*', subresource: undefined, group: '*' }) === 'all'
}

/** What a role lets be done: its own rules, and those of the cluster roles that it collects by their labels. */
export function rulesOf(role: Role, clusterRoles: readonly Role[]): AccessRule[] {
  const collected = role.aggregates.flatMap(selector =>
    clusterRoles.filter(other => other !== role && selects(selector, other.labels)),
  )
  return [...role.rules, ...collected.flatMap(({ rules }) => rules)]
}

function selects(
  { labels, expressions }: Role['aggregates'][number],
  of: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(labels).every(([name, value]) => of[name] === value) &&
    expressions.every(({ key, operator, values }) => {
      const value = of[key]
      if (operator === 'Exists') return value !== undefined
      if (operator === 'DoesNotExist') return value === undefined
      const isOne = value !== undefined && values.includes(value)
      return operator === 'NotIn' ? !isOne : operator === 'In' && isOne
    })
  )
}
