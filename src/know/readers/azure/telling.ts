import { z } from 'zod'
import type { Facts, Observation } from '../../../core/contract/observation.ts'
import type { Json, Ref } from '../../../core/contract/ref.ts'
import { type Admitted, admittedBy, GITHUB_ISSUER } from '../github-subject.ts'

/** Ids of Entra and paths of Azure are unique everywhere: tenants are names of the one instance that there is. */
const INSTANCE = 'entra'
const ref = (kind: string, id: string): Ref => ({ system: 'azure', instance: INSTANCE, kind, id })

const text = z.string().nullish().catch(undefined)
const credential = z.looseObject({
  keyId: z.string(),
  displayName: text,
  startDateTime: text,
  endDateTime: text,
})
const credentials = z.array(credential).nullish().catch([])

const federatedSchema = z
  .looseObject({
    id: text,
    name: z.string(),
    issuer: z.string(),
    subject: text,
    claimsMatchingExpression: z.looseObject({ value: z.string() }).nullish().catch(undefined),
  })
  .refine(({ subject, claimsMatchingExpression }) => subject ?? claimsMatchingExpression)
const principalSchema = z.looseObject({
  id: z.string(),
  appId: z.string(),
  displayName: text,
  servicePrincipalType: text,
  accountEnabled: z.boolean().nullish().catch(undefined),
  appOwnerOrganizationId: text,
  passwordCredentials: credentials,
  keyCredentials: credentials,
  federatedIdentityCredentials: z.array(z.unknown()).nullish().catch([]),
})
const identitySchema = z.looseObject({
  id: z.string().regex(/\/userAssignedIdentities\/[^/]+$/i),
  clientId: z.string(),
  principalId: z.string(),
  tenantId: text,
  name: text,
})
const assignmentSchema = z.looseObject({
  principalId: z.string(),
  principalName: text,
  principalType: text,
  roleDefinitionName: z.string(),
  scope: z.string().startsWith('/'),
  condition: text,
})
const accountSchema = z.looseObject({ id: z.string(), tenantId: z.string(), name: text })
const vaultSchema = z.looseObject({ id: z.string().regex(/\/vaults\/[^/]+$/i), name: text })

/** What one item of an answer tells; a sentence where it should be known, and cannot be read. */
export function tellItem(item: unknown, path: string): Iterable<Observation> | string {
  const federated = federatedSchema.safeParse(item)
  if (federated.success) {
    const named = /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})[^/]*$/i.exec(path)?.[1]
    const resource = /^(.*\/userAssignedIdentities\/[^/]+)\/federatedIdentityCredentials\//i.exec(
      federated.data.id ?? '',
    )?.[1]
    const of = resource ? `?${resource.toLowerCase()}` : named?.toLowerCase()
    if (of === undefined)
      return 'it does not say of which application it is: name the file federated-credential-list-CLIENTID.json'
    return tellFederated(ref('service-principal', of), federated.data)
  }
  const identity = identitySchema.safeParse(item)
  if (identity.success) return tellIdentity(identity.data)
  const assignment = assignmentSchema.safeParse(item)
  if (assignment.success) return tellAssignment(assignment.data)
  const principal = principalSchema.safeParse(item)
  if (principal.success) return tellPrincipal(principal.data)
  const vault = vaultSchema.safeParse(item)
  if (vault.success) return tellScope(vault.data.id)
  const account = accountSchema.safeParse(item)
  return account.success ? tellAccount(account.data) : []
}

/** An application and its service principal have one client id, and are one: what is added to either opens both. */
function* tellPrincipal(principal: z.infer<typeof principalSchema>): Generator<Observation> {
  const identity = ref('service-principal', principal.appId.toLowerCase())
  yield {
    see: 'identity',
    ref: identity,
    names: [principal.displayName, principal.appId, principal.id].filter(name => name != null),
    facts: asFacts({ type: principal.servicePrincipalType, enabled: principal.accountEnabled }),
  }
  const isOwn = principal.servicePrincipalType != null && principal.appOwnerOrganizationId != null
  if (isOwn) yield tenant(principal.appOwnerOrganizationId!)
  for (const [kind, all] of [
    ['client-secret', principal.passwordCredentials],
    ['client-certificate', principal.keyCredentials],
  ] as const)
    for (const { keyId, displayName, startDateTime, endDateTime } of all ?? [])
      yield {
        see: 'credential',
        ref: { ...ref(kind, keyId.toLowerCase()), identity },
        facts: asFacts({ title: displayName, created: startDateTime, expires: endDateTime }),
      }
  for (const raw of principal.federatedIdentityCredentials ?? []) {
    const federated = federatedSchema.safeParse(raw)
    if (federated.success) yield* tellFederated(identity, federated.data)
  }
}

function* tellIdentity(given: z.infer<typeof identitySchema>): Generator<Observation> {
  yield {
    see: 'identity',
    ref: ref('service-principal', given.clientId.toLowerCase()),
    names: [given.name, given.clientId, given.principalId, given.id.toLowerCase()].filter(
      name => name != null,
    ),
    facts: asFacts({ type: 'ManagedIdentity' }),
  }
  if (given.tenantId != null) yield tenant(given.tenantId)
}

/** https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity */
function* tellFederated(
  identity: Ref,
  { name, issuer, subject, claimsMatchingExpression }: z.infer<typeof federatedSchema>,
): Generator<Observation> {
  const own = ref('federated-credential', `${identity.id}/${name}`)
  const said = subject ?? claimsMatchingExpression!.value
  const isGithub = issuer.replace(/\/$/, '') === GITHUB_ISSUER
  const pattern = subject ?? /^claims\['sub'\] (?:matches|eq) '([^']*)'$/.exec(said)?.[1]
  const admitted: Admitted = !isGithub
    ? {}
    : pattern === undefined
      ? { when: `the token’s claims are so: ${said}` }
      : admittedBy(pattern)
  yield {
    see: 'resource',
    ref: own,
    names: [name],
    facts: asFacts({ issuer, subject: said, loose: admitted.loose }),
  }
  const edge = { see: 'edge', certainty: 'proven' } as const
  yield {
    ...edge,
    from: own,
    to: identity,
    crossing: 'vouches-for',
    why: 'tokens that it takes are taken for it',
  }
  if (admitted.repository) {
    yield { see: 'resource', ref: admitted.repository, names: [], facts: {} }
    yield {
      ...edge,
      from: own,
      to: admitted.repository,
      crossing: 'admits-jobs-of',
      ...(admitted.when !== undefined && { certainty: 'conditional', when: admitted.when }),
      why: `its subject is ${said}`,
    }
  }
  if (admitted.loose === undefined) return
  const stranger = ref('anyone', issuer)
  yield { see: 'identity', ref: stranger, names: ['anyone who can run a workflow on GitHub'], facts: {} }
  // Who is none of the owner’s has to get a repository there, or an owner’s name.
  const when = 'they get a repository that the subject fits'
  yield {
    ...edge,
    from: stranger,
    to: own,
    crossing: 'vouched-for-by',
    certainty: 'conditional',
    when,
    why: admitted.loose,
  }
}

/** What a role of Azure's own lets its bearer do with all that is in the scope. */
const ROLES: Readonly<Record<string, readonly [string, string]>> = {
  owner: ['administrator', 'may do everything there, and let others'],
  'user access administrator': ['administrator', 'may give itself every role there'],
  'role based access control administrator': ['administrator', 'may give itself every role there'],
  contributor: ['may-write', 'may change everything there, also what runs as managed identities'],
}
/** The same of what a vault keeps, where the scope is one. */
const VAULT_ROLES = ['key vault administrator', 'key vault secrets officer', 'key vault secrets user']

function* tellAssignment(assignment: z.infer<typeof assignmentSchema>): Generator<Observation> {
  const { principalId, principalName, principalType, roleDefinitionName: role, scope, condition } = assignment
  const kinds: Readonly<Record<string, string>> = { User: 'user', Group: 'group' }
  const kind = kinds[principalType ?? ''] ?? 'service-principal'
  const from = ref(kind, kind === 'service-principal' ? `?${principalId}` : principalId)
  const to = scopeRef(scope)
  yield { see: 'identity', ref: from, names: principalName ? [principalName] : [], facts: {} }
  yield* tellScope(scope)
  const [crossing, may] =
    ROLES[role.toLowerCase()] ??
    (to.kind === 'key-vault' && VAULT_ROLES.includes(role.toLowerCase())
      ? ['may-read', 'may read its secrets']
      : [])
  if (crossing === undefined) return
  yield {
    see: 'edge',
    from,
    to,
    crossing,
    certainty: condition ? 'conditional' : 'proven',
    ...(condition && { when: `the condition of the assignment lets it: ${condition}` }),
    why: `${role} ${may}`,
  }
}

function* tellAccount({ id, tenantId, name }: z.infer<typeof accountSchema>): Generator<Observation> {
  yield tenant(tenantId)
  yield { see: 'resource', ref: scopeRef(`/subscriptions/${id}`), names: name ? [name, id] : [id], facts: {} }
}

function tenant(id: string): Observation {
  return { see: 'resource', ref: ref('instance', INSTANCE), names: [id.toLowerCase()], facts: {} }
}

/** A scope, and all that it is in: who administers one has what is in it. */
function* tellScope(scope: string): Generator<Observation> {
  const parts = scope.toLowerCase().replace(/\/+$/, '').split('/').slice(1)
  const ends = [2, 4, parts.length].filter(
    (end, index, all) => end <= parts.length && all.indexOf(end) === index,
  )
  const chain = parts[0] === 'subscriptions' ? ends.map(end => `/${parts.slice(0, end).join('/')}`) : [scope]
  for (const [index, one] of chain.entries()) {
    const to = scopeRef(one)
    yield { see: 'resource', ref: to, names: [one.slice(one.lastIndexOf('/') + 1) || one], facts: {} }
    if (index === 0) continue
    yield {
      see: 'edge',
      from: scopeRef(chain[index - 1]!),
      to,
      crossing: 'contains',
      certainty: 'proven',
      why: 'what holds for the scope holds for all that is in it',
    }
  }
}

function scopeRef(scope: string): Ref {
  const path = scope.toLowerCase().replace(/\/+$/, '') || '/'
  if (/\/vaults\/[^/]+$/.test(path)) return ref('key-vault', path)
  if (/^\/subscriptions\/[^/]+$/.test(path)) return ref('subscription', path)
  if (/^\/subscriptions\/[^/]+\/resourcegroups\/[^/]+$/.test(path)) return ref('resource-group', path)
  return ref(path.includes('/managementgroups/') ? 'management-group' : 'resource', path)
}

function asFacts(values: Readonly<Record<string, Json | undefined>>): Facts {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value == null ? [] : [[name, { value }]])),
  )
}
