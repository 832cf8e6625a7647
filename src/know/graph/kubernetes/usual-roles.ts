import type { AccessRule } from './access.ts'

const rule = (verbs: string, resources: string, group = ''): AccessRule => ({
  verbs: verbs.split(' '),
  apiGroups: [group],
  resources: resources.split(' '),
  resourceNames: [],
})

const WRITE = 'create delete deletecollection patch update'
const READ = 'get list watch'
const RBAC = 'rbac.authorization.k8s.io'

const EDIT: readonly AccessRule[] = [
  rule(`${READ} ${WRITE}`, 'pods pods/attach pods/exec pods/portforward pods/proxy'),
  rule(
    `${READ} ${WRITE}`,
    'secrets configmaps persistentvolumeclaims services serviceaccounts replicationcontrollers',
  ),
  rule('impersonate', 'serviceaccounts'),
  rule('create', 'serviceaccounts/token'),
  rule(`${READ} ${WRITE}`, 'deployments statefulsets daemonsets replicasets', 'apps'),
  rule(`${READ} ${WRITE}`, 'jobs cronjobs', 'batch'),
]

/**
 * What the roles that every cluster comes with let be done, as far as it leads anywhere: manifests bind them, and do not define
 * them. https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles
 */
export const USUAL_ROLES: ReadonlyMap<string, readonly AccessRule[]> = new Map([
  ['cluster-admin', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [] }]],
  ['admin', [...EDIT, rule(`${READ} ${WRITE}`, 'roles rolebindings', RBAC)]],
  ['edit', EDIT],
  ['view', [rule(READ, 'pods configmaps services serviceaccounts')]],
])
