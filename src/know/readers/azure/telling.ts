import type { z } from 'zod'
import { canonicalJson } from '../../../core/contract/canonical-json.ts'
import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import { ownersInTags, ownersInText } from '../../../core/contract/owner-text.ts'
import type { Json, Ref } from '../../../core/contract/ref.ts'
import type { Item } from '../json-items.ts'
import { tellFederated } from './federated.ts'
import {
  accountSchema,
  appRoleSchema,
  assignmentSchema,
  denySchema,
  directoryAssignmentSchema,
  directoryRoleSchema,
  entitySchema,
  federatedSchema,
  grantSchema,
  groupSchema,
  identitySchema,
  principalSchema,
  resourceSchema,
  roleSchema,
  type Someone,
} from './item-shapes.ts'
import type { Names } from './names.ts'
import { tellResource } from './resources.ts'

const GUID = /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})[^/]*$/i

/** Of a role that its holder only may activate: https://learn.microsoft.com/entra/id-governance/privileged-identity-management/ */
const ELIGIBLE = 'it activates the role, for which it is eligible (Privileged Identity Management)'

/** What the things of one document tell. Who may do what is told at its end: of each thing, all at once. */
export class Telling {
  readonly #names: Names
  readonly #path: string
  readonly #policies = new Map<string, { on: Ref; language: string; text: Record<string, Json[]> }>()

  constructor(names: Names, path: string) {
    this.#names = names
    this.#path = path
  }

  /** What one item tells; a sentence where it should be known, and cannot be read. */
  item(given: Item): Iterable<Observation> | string {
    // Resource Manager keeps apart what the CLI prints side by side.
    const own = given['properties']
    const item = typeof own === 'object' && own !== null ? { ...own, ...given } : given
    const federated = federatedSchema.safeParse(item)
    if (federated.success) {
      const of = this.#federatedOf(federated.data.id)
      return of
        ? tellFederated(this.#names, of, federated.data)
        : 'it does not say of which application it is: name the file federated-credential-list-CLIENTID.json'
    }
    for (const tell of this.#tellers) {
      const told = tell(item)
      if (told) return told
    }
    return []
  }

  *policies(): Generator<Observation> {
    for (const { on, language, text } of this.#policies.values())
      yield { see: 'policy', on, language, text: canonicalJson(text) }
  }

  /** The first whose shape fits is right: those that others would fit, too, come first. */
  readonly #tellers: readonly ((item: Item) => Iterable<Observation> | undefined)[] = [
    teller(groupSchema, group => this.#group(group)),
    teller(identitySchema, identity => this.#identity(identity)),
    teller(denySchema, deny => this.#deny(deny)),
    teller(roleSchema, role => this.#role(role)),
    teller(directoryAssignmentSchema, assignment => this.#directoryAssignment(assignment)),
    teller(assignmentSchema, assignment => this.#assignment(assignment)),
    teller(directoryRoleSchema, role => this.#directoryRole(role)),
    teller(appRoleSchema, role => this.#appRole(role)),
    teller(grantSchema, grant => this.#grant(grant)),
    teller(principalSchema, principal => this.#principal(principal)),
    teller(entitySchema, entity => this.#entity(entity)),
    teller(resourceSchema, resource => tellResource(this.#names, resource)),
    teller(accountSchema, account => this.#account(account)),
  ]

  /** Of a managed identity by the path it stands in, of an application by the file's name. */
  #federatedOf(id: string | null | undefined): Ref | undefined {
    const path = /^(.*\/userAssignedIdentities\/[^/]+)\/federatedIdentityCredentials\//i.exec(id ?? '')?.[1]
    if (path !== undefined) return this.#names.ref('service-principal', `?${path.toLowerCase()}`)
    const named = GUID.exec(this.#path)?.[1]
    return named === undefined ? undefined : this.#names.principal(named)
  }

  #add(on: Ref, language: string, part: string, entry: Json): void {
    const key = `${language} ${on.kind} ${on.id}`
    const policy = this.#policies.get(key) ?? { on, language, text: {} }
    // A subscription may have hundreds of thousands.
    const all = (policy.text[part] ??= [])
    all.push(entry)
    this.#policies.set(key, policy)
  }

  *#someone(id: string, type: string | null | undefined, name?: string | null): Generator<Observation, Ref> {
    const ref = this.#names.object(id, type)
    yield { see: 'identity', ref, names: name ? [name] : [], facts: {} }
    return ref
  }

  *#principal(principal: z.infer<typeof principalSchema>): Generator<Observation> {
    const names = this.#names
    const identity = names.principal(principal.appId)
    const isManaged = principal.servicePrincipalType === 'ManagedIdentity'
    const home = principal.appOwnerOrganizationId?.toLowerCase()
    const isOwn = principal.signInAudience != null || home === names.instance
    const paths = (principal.alternativeNames ?? []).filter(name => name.startsWith('/subscriptions/'))
    yield {
      see: 'identity',
      ref: identity,
      names: [
        principal.displayName,
        principal.appId.toLowerCase(),
        principal.id.toLowerCase(),
        ...paths.map(path => path.toLowerCase()),
      ].filter(name => name != null),
      facts: factsOf({
        type: principal.servicePrincipalType ?? undefined,
        enabled: principal.accountEnabled ?? undefined,
        // Of one whose application is elsewhere, its home may have locked it against that.
        takesCredentials: isManaged ? false : isOwn ? true : undefined,
        homeTenant: isOwn || isManaged ? undefined : home,
      }),
    }
    yield* ownersInText(identity, principal.notes, 'notes')
    yield* ownersInTags(identity, principal.tags, 'tag')
    yield names.inherits(identity, names.tenant())
    if (!names.isConnected && principal.servicePrincipalType != null && home !== undefined)
      yield this.#instance(home)
    for (const [type, all] of [
      ['client secret', principal.passwordCredentials],
      ['certificate', principal.keyCredentials],
    ] as const)
      for (const { keyId, displayName, startDateTime, endDateTime } of all ?? [])
        yield {
          see: 'credential',
          ref: { ...names.ref('app-credential', keyId.toLowerCase()), identity },
          facts: factsOf({
            type,
            title: displayName ?? undefined,
            created: startDateTime ?? undefined,
            expires: endDateTime ?? undefined,
          }),
        }
    for (const owner of principal.owners ?? []) yield* this.#owner(owner, identity)
    for (const raw of principal.federatedIdentityCredentials ?? []) {
      const federated = federatedSchema.safeParse(raw)
      if (federated.success) yield* tellFederated(names, identity, federated.data)
    }
  }

  *#owner(owner: Someone, of: Ref): Generator<Observation> {
    const name = owner.userPrincipalName ?? owner.displayName
    const from = yield* this.#someone(owner.id, owner['@odata.type'], name)
    yield {
      see: 'edge',
      from,
      to: of,
      crossing: 'among-owners-of',
      certainty: 'proven',
      why: `it is among the owners of the ${of.kind === 'group' ? 'group' : 'application'}`,
    }
    if (name != null) yield { see: 'owner', of, owner: name, source: 'owners in Entra', weight: 0.7 }
  }

  *#group(group: z.infer<typeof groupSchema>): Generator<Observation> {
    const { id, displayName, isAssignableToRole, owners, members } = group
    const to = this.#names.object(id, 'group')
    yield {
      see: 'identity',
      ref: to,
      names: displayName == null ? [] : [displayName],
      // Of a connected tenant, whose groups say it where it is so.
      facts: factsOf({ isAssignableToRole: isAssignableToRole ?? ('owners' in group ? false : undefined) }),
    }
    yield this.#names.inherits(to, this.#names.tenant())
    for (const owner of owners ?? []) yield* this.#owner(owner, to)
    for (const member of members) {
      const from = yield* this.#someone(member.id, member['@odata.type'], member.displayName)
      yield {
        see: 'edge',
        from,
        to,
        crossing: 'member-of',
        certainty: 'proven',
        why: 'it is a member of the group, or of one in it',
      }
    }
  }

  *#identity(given: z.infer<typeof identitySchema>): Generator<Observation> {
    const names = this.#names
    const path = given.id.toLowerCase()
    const identity = names.principal(given.clientId)
    yield {
      see: 'identity',
      ref: identity,
      names: [given.name, given.clientId.toLowerCase(), given.principalId.toLowerCase(), path].filter(
        name => name != null,
      ),
      facts: factsOf({ type: 'ManagedIdentity', takesCredentials: false }),
    }
    yield* ownersInTags(identity, given.tags, 'tag')
    yield names.inherits(identity, names.tenant())
    yield* names.chain(path)
    yield {
      see: 'edge',
      from: names.scope(path),
      to: identity,
      crossing: 'has-identity',
      certainty: 'proven',
      why: 'its principal has its roles',
    }
    if (!names.isConnected && given.tenantId != null) yield this.#instance(given.tenantId)
  }

  *#assignment(assignment: z.infer<typeof assignmentSchema>): Generator<Observation> {
    const { principalId, principalName, principalType, roleDefinitionName, scope, condition } = assignment
    const from = yield* this.#someone(principalId, principalType, principalName)
    const whens = [
      ...(condition == null ? [] : [`the condition of the assignment lets it: ${condition}`]),
      ...(assignment.roleEligibilityScheduleId == null ? [] : [ELIGIBLE]),
    ]
    yield* this.#names.chain(scope)
    this.#add(this.#names.scope(scope), 'azure-rbac', 'assignments', {
      principal: { ...from },
      role: GUID.exec(assignment.roleDefinitionId ?? '')?.[1]?.toLowerCase() ?? '',
      ...(roleDefinitionName != null && { name: roleDefinitionName }),
      ...(whens.length > 0 && { when: whens.join('; ') }),
    })
  }

  *#role({ id, roleName, permissions }: z.infer<typeof roleSchema>): Generator<Observation> {
    const role = id.slice(id.lastIndexOf('/') + 1).toLowerCase()
    yield {
      see: 'resource',
      ref: this.#names.ref('azure-role', role),
      names: roleName == null ? [role] : [roleName, role],
      facts: factsOf({ permissions: permissions.map(blockOf) }),
    }
  }

  *#deny(deny: z.infer<typeof denySchema>): Generator<Observation> {
    yield* this.#names.chain(deny.scope)
    const refsOf = (all: readonly { id: string; type?: string | null | undefined }[]) =>
      all.map(({ id, type }) => ({ ...this.#names.object(id, type) }))
    this.#add(this.#names.scope(deny.scope), 'azure-rbac', 'denies', {
      name: deny.denyAssignmentName,
      permissions: deny.permissions.map(blockOf),
      principals: refsOf(deny.principals),
      excluded: refsOf(deny.excludePrincipals ?? []),
      onlyHere: deny.doNotApplyToChildScopes ?? false,
    })
  }

  *#directoryAssignment(given: z.infer<typeof directoryAssignmentSchema>): Generator<Observation> {
    const { principalId, principal, roleDefinitionId, directoryScopeId } = given
    const name = principal?.userPrincipalName ?? principal?.displayName
    const from = yield* this.#someone(principalId, principal?.['@odata.type'], name)
    yield this.#tenant()
    this.#add(this.#names.tenant(), 'entra-roles', 'assignments', {
      principal: { ...from },
      role: roleDefinitionId.toLowerCase(),
      scope: directoryScopeId.toLowerCase(),
      ...(given.roleEligibilityScheduleId != null && { when: ELIGIBLE }),
    })
  }

  *#directoryRole(role: z.infer<typeof directoryRoleSchema>): Generator<Observation> {
    yield {
      see: 'resource',
      ref: this.#names.ref('directory-role', role.id.toLowerCase()),
      names: [role.displayName],
      facts: factsOf({
        title: role.displayName,
        actions: role.rolePermissions.flatMap(({ allowedResourceActions }) => allowedResourceActions ?? []),
      }),
    }
  }

  *#appRole(given: z.infer<typeof appRoleSchema>): Generator<Observation> {
    const from = yield* this.#someone(given.principalId, given.principalType, given.principalDisplayName)
    yield this.#tenant()
    this.#add(this.#names.tenant(), 'entra-permissions', 'grants', {
      principal: { ...from },
      permission: given.appRoleId.toLowerCase(),
    })
  }

  /** What users let an application do in their place: everyone’s, or one user’s. */
  *#grant({ id, clientId, consentType, principalId, scope }: z.infer<typeof grantSchema>) {
    const from = yield* this.#someone(clientId, undefined)
    const ref = this.#names.ref('permission-grant', id)
    const whose = consentType === 'AllPrincipals' ? 'every user' : `the user ${principalId ?? ''}`.trim()
    const scopes = scope.split(/\s+/).filter(one => one !== '')
    yield {
      see: 'resource',
      ref,
      names: [`${scopes.join(' ')} of ${whose}`],
      facts: factsOf({ scopes, consent: consentType }),
    } satisfies Observation
    yield {
      see: 'edge',
      from,
      to: ref,
      crossing: 'may-act-for',
      certainty: 'conditional',
      when: 'a user is signed in to it',
      why: `it was let do this in the place of ${whose}: ${scopes.join(', ')}`,
    } satisfies Observation
  }

  *#entity({ id, displayName, parent }: z.infer<typeof entitySchema>): Generator<Observation> {
    yield* this.#names.chain(id)
    const ref = this.#names.scope(id)
    if (displayName != null) yield { see: 'resource', ref, names: [displayName], facts: {} }
    if (!parent) return
    yield* this.#names.chain(parent.id)
    yield this.#names.inherits(ref, this.#names.scope(parent.id))
  }

  *#account(account: z.infer<typeof accountSchema>): Generator<Observation> {
    const { id, tenantId, subscriptionId } = account
    const path = `/subscriptions/${subscriptionId ?? id}`
    yield* this.#names.chain(path)
    const names = [account.name, account.displayName, subscriptionId ?? id].filter(name => name != null)
    yield { see: 'resource', ref: this.#names.scope(path), names: [...new Set(names)], facts: {} }
    if (!this.#names.isConnected) yield this.#instance(tenantId)
  }

  #tenant(): Observation {
    return { see: 'resource', ref: this.#names.tenant(), names: ['the Entra tenant'], facts: {} }
  }

  /** Texts name what is in it by its tenant. */
  #instance(tenantId: string): Observation {
    const ref = this.#names.ref('instance', this.#names.instance)
    return { see: 'resource', ref, names: [tenantId.toLowerCase()], facts: {} }
  }
}

function teller<Shape extends z.ZodType>(
  shape: Shape,
  tell: (item: z.infer<Shape>) => Iterable<Observation>,
): (item: Item) => Iterable<Observation> | undefined {
  return item => {
    const read = shape.safeParse(item)
    return read.success ? tell(read.data) : undefined
  }
}

function blockOf(block: z.infer<typeof roleSchema>['permissions'][number]) {
  return {
    actions: block.actions ?? [],
    notActions: block.notActions ?? [],
    dataActions: block.dataActions ?? [],
    notDataActions: block.notDataActions ?? [],
  }
}
