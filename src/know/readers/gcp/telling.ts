import { canonicalJson } from '../../../core/contract/canonical-json.ts'
import { factsOf, type Observation } from '../../../core/contract/observation.ts'
import { ownersInTags, ownersInText } from '../../../core/contract/owner-text.ts'
import { formatRef, type Json, type Ref } from '../../../core/contract/ref.ts'
import { tellPrincipal, tellProvider } from './federation.ts'
import {
  accountSchema,
  bindingSchema,
  keySchema,
  labelsSchema,
  policySchema,
  projectSchema,
  providerSchema,
  readItem,
  roleSchema,
  runningSchema,
  type Told,
} from './item-shapes.ts'
import type { Item } from '../json-items.ts'
import { EVERYWHERE, federatedIn, memberRef, Projects, resourceRef } from './names.ts'

/** What the things of one document tell, each thing once. */
export class Telling {
  readonly #scope: string
  readonly #items: readonly ReturnType<typeof readItem>[]
  readonly #projects = new Projects()
  readonly #told = new Set<string>()

  constructor(scope: string, items: readonly Item[]) {
    this.#scope = scope
    this.#items = items.map(readItem)
    for (const { told } of this.#items) {
      const { projectId, projectNumber } = projectSchema.parse(told?.data ?? {})
      if (projectId !== undefined && projectNumber !== undefined && isProject(told!.name))
        this.#projects.learn(projectNumber, projectId)
    }
  }

  *all(): Generator<Observation> {
    for (const { on, policy, told } of this.#items) {
      if (told) yield* this.#thing(told)
      if (policy === undefined) continue
      const name = on ?? namedBy(this.#scope)
      if (name === undefined)
        yield this.#gap(
          '',
          'the policy does not say of what it is: name the file get-iam-policy-PROJECT.json',
        )
      else yield* this.#policy(name, policy)
    }
  }

  #gap(where: string, why: string): Observation {
    return { see: 'covered', scope: `gcp:${this.#scope}${where}`, complete: false, why, failed: true }
  }

  *#thing(told: Told): Generator<Observation> {
    const { name, data } = told
    if (/\/serviceAccounts\/[^/]+\/keys\/[^/]+$/.test(name)) return yield* this.#key(name, data)
    if (/\/workloadIdentityPools\/[^/]+\/providers\/[^/]+$/.test(name)) {
      const [, project, path] = /\/projects\/([^/]+)\/(.+)$/.exec(name)!
      return yield* tellProvider(this.#projects, project!, path!, providerSchema.parse(data))
    }
    const account = name.includes('/serviceAccounts/') ? accountSchema.safeParse(data) : undefined
    if (account?.success) return yield* this.#account(account.data)
    const ref = resourceRef(name, this.#projects)
    if (!ref) return
    yield* this.#known(ref, told)
    yield* ownersInTags(ref, Object.entries(labelsSchema.parse(data).labels), 'label')
    yield* this.#running(ref, data)
  }

  /** What it is called, and what it inherits from. */
  *#known(ref: Ref, { name, data, ancestors }: Told): Generator<Observation> {
    const short = name.slice(name.lastIndexOf('/') + 1)
    const project = ref.kind === 'project' ? projectSchema.parse(data) : undefined
    const numbered = project?.projectNumber && `projects/${project.projectNumber}`
    const role = ref.kind === 'role' ? roleSchema.parse(data) : undefined
    yield {
      see: WORKLOADS.has(ref.kind) ? 'workload' : 'resource',
      ref,
      names: project
        ? [ref.id.replace('?', ''), numbered, project.name].filter(one => one !== undefined)
        : ref.kind === 'service-account' && !short.includes('@')
          ? []
          : [short],
      facts: factsOf({
        state: project?.lifecycleState,
        title: role?.title,
        permissions: role?.includedPermissions,
        deleted: role?.deleted,
      }),
    }
    if (ref.kind === 'project' && !ref.instance.startsWith('?'))
      yield* this.#instance(ref, project?.projectNumber)
    const parents = [...ancestors, project?.parent].filter(one => one !== undefined)
    yield* this.#inherits(ref, parents)
  }

  /** What texts name by its project is told which project that is: by its id or its number. */
  *#instance(project: Ref, number: string | undefined): Generator<Observation> {
    const names = [project.id, ...(number === undefined ? [] : [number])]
    yield { see: 'resource', ref: { ...project, kind: 'instance' }, names, facts: {} }
  }

  *#inherits(ref: Ref, ancestors: readonly string[]): Generator<Observation> {
    const own = this.#projects
    const above = ancestors.flatMap(
      name => resourceRef(`//cloudresourcemanager.googleapis.com/${name}`, own) ?? [],
    )
    const chain = [ref, ...above.filter(one => formatRef(one) !== formatRef(ref))]
    const isInProject = ref.kind !== 'project' && ref.instance !== EVERYWHERE
    if (chain.length === 1 && isInProject) chain.push(own.ref(ref.instance.replace('?', '')))
    for (const [index, parent] of chain.entries()) {
      const child = chain[index - 1]
      if (!child || !this.#once(`${formatRef(child)} in ${formatRef(parent)}`)) continue
      yield { see: 'resource', ref: parent, names: [parent.id.replace('?', '')], facts: {} }
      yield {
        see: 'edge',
        from: child,
        to: parent,
        crossing: 'inherits-from',
        certainty: 'proven',
        why: 'what is granted on it is granted on all that is in it',
      }
    }
  }

  *#account(data: ReturnType<typeof accountSchema.parse>): Generator<Observation> {
    const ref = this.#projects.account(data.email, data.uniqueId)
    if (!ref) return
    yield {
      see: 'identity',
      ref,
      names: [data.email, ...(data.displayName ? [data.displayName] : [])],
      facts: factsOf({ disabled: data.disabled ?? false, description: data.description }),
    }
    yield* ownersInText(ref, data.description, 'description')
    yield* this.#inherits(ref, [])
    if (!ref.instance.startsWith('?'))
      yield* this.#instance({ ...ref, kind: 'project', id: ref.instance }, undefined)
  }

  /** Google's own keys never leave it. */
  *#key(name: string, data: Item): Generator<Observation> {
    const [, email = '', id = ''] = /\/serviceAccounts\/([^/]+)\/keys\/([^/]+)$/.exec(name)!
    const key = keySchema.parse(data)
    if (key.keyType === 'SYSTEM_MANAGED') return
    const identity = email.includes('@')
      ? this.#projects.account(email)
      : resourceRef(name.slice(0, name.indexOf('/keys/')), this.#projects)
    if (!identity) return
    yield {
      see: 'credential',
      ref: { ...identity, kind: 'service-account-key', id, identity },
      facts: factsOf({
        active: !(key.disabled ?? false),
        created: key.validAfterTime,
        expires: key.validBeforeTime,
        origin: key.keyOrigin,
      }),
    }
  }

  *#running(ref: Ref, data: Item): Generator<Observation> {
    if (!WORKLOADS.has(ref.kind)) return
    const { serviceAccounts, serviceAccountEmail, serviceConfig, template, spec } = runningSchema.parse(data)
    const email =
      serviceAccounts?.[0]?.email ??
      serviceAccountEmail ??
      serviceConfig?.serviceAccountEmail ??
      template?.serviceAccount ??
      template?.template?.serviceAccount ??
      spec?.template.spec.serviceAccountName
    const account = email === undefined ? undefined : this.#projects.account(email)
    if (!account) return
    const scopes = serviceAccounts?.[0]?.scopes
    const isWhole = scopes === undefined || scopes.some(scope => scope.endsWith('/auth/cloud-platform'))
    yield { see: 'identity', ref: account, names: [email!], facts: {} }
    yield {
      see: 'edge',
      from: ref,
      to: account,
      crossing: 'runs-as',
      certainty: isWhole ? 'proven' : 'conditional',
      ...(!isWhole && { when: `its access scopes are enough: ${scopes.join(', ')}` }),
      why: 'whatever runs there is given tokens of it by the metadata server',
    }
  }

  /** Members become references, so that the policy can be joined to what they are. */
  *#policy(name: string, policy: unknown): Generator<Observation> {
    const on = resourceRef(name, this.#projects)
    const read = policySchema.safeParse(policy)
    if (!read.success) return yield this.#gap(`#${name}`, 'it is no policy')
    if (!on) return
    const bindings: Json[] = []
    for (const [index, raw] of read.data.bindings.entries()) {
      const binding = bindingSchema.safeParse(raw)
      if (!binding.success) {
        yield this.#gap(`#${name}#bindings[${index}]`, binding.error.issues[0]!.message)
        continue
      }
      const { role, members, condition } = binding.data
      const refs: Json[] = []
      for (const member of members) {
        const ref = memberRef(member, this.#projects)
        // Of what was deleted, and of convenience values, nothing follows.
        if (!ref) continue
        refs.push({ ...ref })
        yield* this.#member(member, ref, role)
      }
      const when = condition && (condition.title ?? condition.expression)
      bindings.push({ role, members: refs, ...(when !== undefined && { when }) })
    }
    if (!this.#once(`policy ${formatRef(on)} ${canonicalJson(bindings)}`)) return
    yield { see: 'policy', on, language: 'gcp-iam', text: canonicalJson({ bindings }) }
  }

  *#member(member: string, ref: Ref, role: string): Generator<Observation> {
    const name = member.slice(member.indexOf(':') + 1)
    if (this.#once(`member ${formatRef(ref)}`)) {
      yield { see: 'identity', ref, names: [ref.kind === 'anyone' ? NAMES[ref.id]! : name], facts: {} }
      const federated = federatedIn(member)
      if (federated) yield* tellPrincipal(this.#projects, ref, federated)
    }
    if (role.startsWith('roles/')) return
    const to = resourceRef(`//iam.googleapis.com/${role}`, this.#projects)
    if (to && this.#once(`${formatRef(ref)} holds ${role}`))
      yield {
        see: 'edge',
        from: ref,
        to,
        crossing: 'holds-role',
        certainty: 'proven',
        why: `a binding gives it ${role}`,
      }
  }

  #once(key: string): boolean {
    if (this.#told.has(key)) return false
    this.#told.add(key)
    return true
  }
}

const WORKLOADS: ReadonlySet<string> = new Set(['vm', 'function', 'run-service', 'run-job'])

const NAMES: Readonly<Record<string, string>> = {
  anyone: 'anyone on the internet',
  'anyone-signed-in': 'anyone with a Google account',
}

function isProject(name: string): boolean {
  return /^\/\/cloudresourcemanager\.googleapis\.com\/projects\/[^/]+$/.test(name)
}

/** The project or service account that a file is named after. */
function namedBy(path: string): string | undefined {
  const file = path.slice(path.lastIndexOf('/') + 1).replace(/\.json$/, '')
  const [, named] = /^get-iam-policy-(.+)$/.exec(file) ?? []
  if (named === undefined) return undefined
  const project = /@([a-z][a-z0-9-]+)\.iam\.gserviceaccount\.com$/.exec(named)?.[1]
  return project === undefined
    ? `//cloudresourcemanager.googleapis.com/projects/${named}`
    : `//iam.googleapis.com/projects/${project}/serviceAccounts/${named}`
}
