import type { Json } from '../../../core/contract/ref.ts'
import { items, type Located, member, scalar } from '../located.ts'
import { type Manifest, texts } from './manifest.ts'

/**
 * A role or a binding as a policy in the language `kubernetes-rbac`, whose text is JSON: what the graph computes permissions
 * from. Things are named, and not referred to: a role may be told of in another document than what binds it.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/
 */
export function accessRules({ kind, namespace, name, labels, root }: Manifest): Json | undefined {
  if (kind === 'role' || kind === 'clusterrole')
    return {
      kind,
      namespace: namespace ?? null,
      name,
      rules: items(member(root, 'rules')).map(rule => ({
        verbs: list(rule, 'verbs'),
        apiGroups: list(rule, 'apiGroups'),
        resources: list(rule, 'resources'),
        resourceNames: list(rule, 'resourceNames'),
      })),
      ...(kind === 'clusterrole' && { labels: Object.fromEntries(labels) }),
      aggregates: items(member(root, 'aggregationRule', 'clusterRoleSelectors')).map(selector => ({
        labels: Object.fromEntries(texts(member(selector, 'matchLabels'))),
        expressions: items(member(selector, 'matchExpressions')).map(expression => ({
          key: scalar(member(expression, 'key')) ?? '',
          operator: scalar(member(expression, 'operator')) ?? '',
          values: list(expression, 'values'),
        })),
      })),
    }
  if (kind !== 'rolebinding' && kind !== 'clusterrolebinding') return undefined
  return {
    kind,
    namespace: namespace ?? null,
    name,
    role: {
      kind: (scalar(member(root, 'roleRef', 'kind')) ?? '').toLowerCase(),
      name: scalar(member(root, 'roleRef', 'name')) ?? '',
    },
    subjects: subjectsOf(root, namespace).map(({ kind: what, namespace: where, name: who }) => ({
      kind: what,
      namespace: where ?? null,
      name: who,
    })),
  }
}

export interface Subject {
  readonly kind: 'serviceaccount' | 'user' | 'group'
  readonly namespace: string | undefined
  readonly name: string
}

/** Whom a binding names. A service account without a namespace is refused by the API: it is taken for one of the binding's own. */
export function subjectsOf(root: Located, namespace: string | undefined): Subject[] {
  return items(member(root, 'subjects')).flatMap((subject): Subject[] => {
    const kind = scalar(member(subject, 'kind'))?.toLowerCase()
    const name = scalar(member(subject, 'name'))
    if (name === undefined) return []
    const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name)
    if (kind === 'user' && account)
      return [{ kind: 'serviceaccount', namespace: account[1]!, name: account[2]! }]
    if (kind === 'serviceaccount') {
      const where = scalar(member(subject, 'namespace')) ?? namespace ?? 'default'
      return [{ kind, namespace: where, name }]
    }
    return kind === 'user' || kind === 'group' ? [{ kind, namespace: undefined, name }] : []
  })
}

function list(located: Located, name: string): string[] {
  return items(member(located, name)).flatMap(item => scalar(item) ?? [])
}
